//! Received cursors of users in groups, moved by acks from phones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use comet_sql::{Connection, Error, FromRow, Row, sql};

use super::stay::{Stay, replace_stays, stay_columns};

/// Ids in one statement.
const IDS: usize = 256;
/// Pairs of a user and a group in one statement, which looks up each user in each of the groups.
const PAIRS: usize = 64;

/// Stay of a user.
pub(super) struct StayOf {
    pub(super) uid: String,
    pub(super) stay: Stay,
}

impl FromRow for StayOf {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { stay: Stay::from_row(row)?, uid: row.get(8)? })
    }
}

/// Marks entries of timelines, given by their ids, as received by users. Unknown entries, and those
/// outside of the stays of their users, are skipped.
pub(crate) async fn mark_entries(
    tx: &mut Connection,
    receipts: &[(Arc<str>, i64)],
) -> Result<(), Error> {
    let places = places(tx, receipts.iter().map(|&(_, id)| id).collect()).await?;
    let mut received = BTreeMap::<(i64, &str), Vec<(i64, i64)>>::new();
    for (uid, id) in receipts {
        if let Some(&(group, position)) = places.get(id) {
            received.entry((group, uid)).or_default().push((position, *id));
        }
    }
    let received: Vec<_> = received.into_iter().collect();
    for received in received.chunks(PAIRS) {
        let mut known = stays_of(tx, received.iter().map(|&(pair, _)| pair)).await?;
        let mut moved = Vec::new();
        for ((group, uid), entries) in received {
            let stays = known.remove(&((*uid).to_owned(), *group));
            let stays = stays.unwrap_or_else(|| vec![Stay::since_the_beginning(*group)]);
            for stay in stays {
                let mut after = stay.received.clone();
                for &(position, id) in entries.iter().filter(|&&(_, id)| stay.contains(id)) {
                    after.add(position, id);
                }
                if after != stay.received {
                    moved.push((*uid, Stay { received: after, ..stay }));
                }
            }
        }
        replace_stays(tx, &moved).await?;
    }
    Ok(())
}

/// Groups and positions of entries, by id.
async fn places(tx: &mut Connection, mut ids: Vec<i64>) -> Result<HashMap<i64, (i64, i64)>, Error> {
    ids.sort_unstable();
    ids.dedup();
    let mut places = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let query =
            sql("SELECT mid, receiver_id, position FROM dtalk_group_msg_content WHERE mid IN ");
        let rows: Vec<(i64, String, i64)> = query.list(ids.iter().copied()).all(tx).await?;
        let place =
            |(id, group, position): (i64, String, i64)| Some((id, (group.parse().ok()?, position)));
        places.extend(rows.into_iter().filter_map(place));
    }
    Ok(places)
}

/// Stays by user and group, of at least these pairs.
async fn stays_of(
    tx: &mut Connection,
    pairs: impl Iterator<Item = (i64, &str)> + Clone,
) -> Result<HashMap<(String, i64), Vec<Stay>>, Error> {
    let query =
        sql(concat!("SELECT ", stay_columns!(), ", uid FROM comet_group_stay WHERE group_id IN ",));
    let mut groups: Vec<i64> = pairs.clone().map(|(group, _)| group).collect();
    groups.dedup();
    let users = pairs.map(|(_, uid)| uid);
    let rows: Vec<StayOf> = query.list(groups).then(" AND uid IN ").list(users).all(tx).await?;
    let mut stays = HashMap::<_, Vec<Stay>>::new();
    for StayOf { uid, stay } in rows {
        stays.entry((uid, stay.group)).or_default().push(stay);
    }
    Ok(stays)
}
