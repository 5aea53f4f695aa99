//! Timelines of groups: entries with dense positions, one row each.

use std::collections::{BTreeMap, HashMap};

use comet_dtalk::message::Common;
use comet_sql::{Connection, Error, Statement, insert, sql};

use super::ReadPool;
use crate::entry::EntryKind;

/// Groups in one statement.
const GROUPS: usize = 256;

const COLUMNS: [&str; 11] = [
    "mid",
    "seq",
    "sender_id",
    "receiver_id",
    "msg_type",
    "content",
    "create_time",
    "source",
    "reference",
    "kind",
    "position",
];

/// Entry to be appended; the group is the target of the message.
pub(crate) type Entry<'a> = (EntryKind, &'a Common);

/// Appends entries, given by ascending id. Returns their positions in the same order.
pub(crate) async fn append_entries(
    tx: &mut Connection,
    entries: &[Entry<'_>],
) -> Result<Vec<i64>, Error> {
    let mut counts = BTreeMap::<&str, i64>::new();
    for (_, common) in entries {
        *counts.entry(&common.target).or_default() += 1;
    }
    let mut next = before(tx, &counts).await?;
    let position = |(_, common): &Entry<'_>| {
        let last = next.get_mut(&*common.target).expect("each group is counted");
        *last += 1;
        *last
    };
    let positions: Vec<i64> = entries.iter().map(position).collect();
    let rows = entries.iter().zip(&positions).map(|(&(kind, common), &position)| {
        [
            common.log_id.into(),
            (&*common.msg_id).into(),
            (&*common.from).into(),
            (&*common.target).into(),
            common.msg_type.into(),
            (&*common.msg).into(),
            common.datetime.cast_signed().into(),
            common.source.as_ref().map(prost::Message::encode_to_vec).into(),
            common.reference.as_ref().map(prost::Message::encode_to_vec).into(),
            (kind as i64).into(),
            position.into(),
        ]
    });
    insert("dtalk_group_msg_content", &COLUMNS).rows(rows).execute(tx).await?;
    Ok(positions)
}

/// Statements for the last positions of groups. One without entries has none.
fn select_last(names: &[String]) -> impl Iterator<Item = Statement<'_>> {
    names.chunks(GROUPS).map(|names| {
        let query = sql("SELECT group_id, position FROM comet_group_position WHERE group_id IN ");
        query.list(names.iter().map(|name| &**name))
    })
}

fn names(groups: impl IntoIterator<Item = i64>) -> Vec<String> {
    groups.into_iter().map(|group| group.to_string()).collect()
}

fn known(rows: Vec<(String, i64)>) -> impl Iterator<Item = (i64, i64)> {
    rows.into_iter().filter_map(|(name, last)| Some((name.parse().ok()?, last)))
}

/// Last positions of groups.
pub(crate) async fn last_positions(
    tx: &mut Connection,
    groups: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, i64>, Error> {
    let mut lasts = HashMap::new();
    for query in select_last(&names(groups)) {
        lasts.extend(known(query.all(tx).await?));
    }
    Ok(lasts)
}

impl ReadPool {
    /// Last positions of groups.
    pub(super) async fn last_positions(
        &self,
        groups: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, i64>, Error> {
        let mut lasts = HashMap::new();
        for query in select_last(&names(groups)) {
            lasts.extend(known(self.all(query).await?));
        }
        Ok(lasts)
    }
}

/// Takes so many positions in each group; returns the last one before them.
async fn before(
    tx: &mut Connection,
    counts: &BTreeMap<&str, i64>,
) -> Result<BTreeMap<String, i64>, Error> {
    let rows = counts.iter().map(|(&group, &count)| [group.into(), count.into()]);
    let lasts =
        insert("comet_group_position", &["group_id", "position"]).rows(rows).add(tx).await?;
    Ok(lasts
        .into_iter()
        .map(|(group, last)| {
            let taken = counts.get(&*group).copied().unwrap_or(0);
            (group, last - taken)
        })
        .collect())
}
