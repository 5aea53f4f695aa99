//! Marking messages and signals as received on acks from phones.

use comet_sql::{Connection, Error, ListedUpdate, Value};

/// Message just received on the first phone of its receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Received {
    pub(crate) mid: i64,
    pub(crate) sender: String,
}

const MESSAGES: ListedUpdate = ListedUpdate {
    table: "dtalk_msg_relation",
    key: ["owner_uid", "mid"],
    set: "state = 1",
    only: "state = 0",
};

const SIGNALS: ListedUpdate = ListedUpdate {
    table: "dtalk_signal_content",
    key: ["uid", "id"],
    set: "state = 1, update_time = ?",
    only: "state = 0",
};

/// Marks messages as received by their owners, given with their ids.
///
/// Returns those that others sent and that were not marked before. Unknown messages, and those of
/// other owners, are skipped.
pub(crate) async fn mark_messages(
    tx: &mut Connection,
    acks: &[(&str, i64)],
) -> Result<Vec<Received>, Error> {
    let rows = MESSAGES.returning(tx, &keys(acks), "mid, other_uid, type").await?;
    let of_others = rows.into_iter().filter(|&(_, _, inbox): &(i64, String, i64)| inbox == 1);
    Ok(of_others.map(|(mid, sender, _)| Received { mid, sender }).collect())
}

/// Marks signals as received by their users.
pub(crate) async fn mark_signals(
    tx: &mut Connection,
    acks: &[(&str, i64)],
    now: u64,
) -> Result<(), Error> {
    SIGNALS.execute(tx, &keys(acks), &[now.cast_signed().into()]).await
}

fn keys<'a>(acks: &[(&'a str, i64)]) -> Vec<[Value<'a>; 2]> {
    acks.iter().map(|&(uid, id)| [uid.into(), id.into()]).collect()
}
