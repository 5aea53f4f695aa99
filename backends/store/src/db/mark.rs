//! Marking messages and signals as received on acks from phones.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::MAX_VARIABLES;

/// Message just received on the first phone of its receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Received {
    pub(crate) mid: i64,
    pub(crate) sender: String,
}

/// Marks messages as received by their owners, given with their ids.
///
/// Returns those that others sent and that were not marked before. Unknown messages, and those of
/// other owners, are skipped.
pub(crate) async fn mark_messages(
    tx: &mut SqliteConnection,
    acks: &[(&str, i64)],
) -> Result<Vec<Received>, sqlx::Error> {
    let mut received = Vec::new();
    for chunk in acks.chunks(MAX_VARIABLES / 2) {
        let mut query = QueryBuilder::<Sqlite>::new("WITH acked (uid, mid) AS (");
        push_pairs(&mut query, chunk);
        query.push(
            ") UPDATE dtalk_msg_relation AS r SET state = 1 FROM acked
               WHERE r.owner_uid = acked.uid AND r.mid = acked.mid AND r.state = 0
               RETURNING mid, other_uid, type",
        );
        let rows: Vec<(i64, String, i64)> =
            query.build_query_as().persistent(false).fetch_all(&mut *tx).await?;
        let of_others = rows.into_iter().filter(|&(.., inbox)| inbox == 1);
        received.extend(of_others.map(|(mid, sender, _)| Received { mid, sender }));
    }
    Ok(received)
}

/// Marks signals as received by their users.
pub(crate) async fn mark_signals(
    tx: &mut SqliteConnection,
    acks: &[(&str, i64)],
    now: u64,
) -> Result<(), sqlx::Error> {
    for chunk in acks.chunks(MAX_VARIABLES / 2 - 1) {
        let mut query = QueryBuilder::<Sqlite>::new("WITH acked (uid, id) AS (");
        push_pairs(&mut query, chunk);
        query.push(") UPDATE dtalk_signal_content AS s SET state = 1, update_time = ");
        query.push_bind(now.cast_signed());
        query.push(" FROM acked WHERE s.uid = acked.uid AND s.id = acked.id AND s.state = 0");
        query.build().persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}

fn push_pairs(query: &mut QueryBuilder<Sqlite>, pairs: &[(&str, i64)]) {
    query.push_values(pairs, |mut row, (uid, id)| {
        row.push_bind(*uid).push_bind(*id);
    });
}
