//! Stays of users in groups: the parts of timelines that they may see.

use std::collections::HashSet;

use comet_sql::{Connection, Error, FromRow, Insert, Row, insert, sql};

use super::ReadPool;
use crate::received::Received;

/// Id and position of the end of a stay that goes on.
pub(crate) const OPEN: i64 = i64::MAX;
/// Users in one statement.
const USERS: usize = 256;

const COLUMNS: [&str; 9] = [
    "uid",
    "group_id",
    "joined_id",
    "joined_position",
    "left_id",
    "left_position",
    "received",
    "received_id",
    "above",
];

/// Columns in the order in which [`Stay`] reads them.
macro_rules! stay_columns {
    () => {
        "group_id, joined_id, joined_position, left_id, left_position, received, received_id, above"
    };
}
pub(super) use stay_columns;

/// Place in a timeline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Entries before it have smaller ids, entries after it greater ones.
    pub(crate) id: i64,
    /// Position of the last entry before it.
    pub(crate) position: i64,
}

/// Stay of a user in a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stay {
    pub(crate) group: i64,
    pub(crate) joined: Place,
    pub(crate) left: Place,
    pub(crate) received: Received,
}

impl Stay {
    fn beginning_at(group: i64, joined: Place) -> Self {
        let received = Received::up_to(joined.position, joined.id);
        Self { group, joined, left: Place { id: OPEN, position: OPEN }, received }
    }

    /// Stay of a member by [`Membership`](crate::Membership) alone.
    pub(super) fn since_the_beginning(group: i64) -> Self {
        Self::beginning_at(group, Place { id: 0, position: 0 })
    }

    /// Whether an entry is in it.
    pub(super) fn contains(&self, id: i64) -> bool {
        self.joined.id < id && id <= self.left.id
    }

    /// Whether it goes on.
    pub(super) fn is_open(&self) -> bool {
        self.left.id == OPEN
    }

    /// Whether it goes on for as long as [`Membership`](crate::Membership) says so.
    pub(super) fn is_by_membership(&self) -> bool {
        self.joined.id == 0 && self.is_open()
    }
}

impl FromRow for Stay {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            group: row.get(0)?,
            joined: Place { id: row.get(1)?, position: row.get(2)? },
            left: Place { id: row.get(3)?, position: row.get(4)? },
            received: Received::up_to(row.get(5)?, row.get(6)?).with_above(&row.get::<String>(7)?),
        })
    }
}

impl ReadPool {
    /// Stays of a user, who is a member of these groups now.
    pub(crate) async fn stays(&self, uid: &str, groups: &[i64]) -> Result<Vec<Stay>, Error> {
        let query = sql(concat!(
            "SELECT ",
            stay_columns!(),
            " FROM comet_group_stay WHERE uid = ? ORDER BY joined_id",
        ))
        .bind(uid);
        let mut stays: Vec<Stay> = self.all(query).await?;
        let known: HashSet<i64> = stays.iter().map(|stay| stay.group).collect();
        stays.retain(|stay| !stay.is_by_membership() || groups.contains(&stay.group));
        let unknown = groups.iter().filter(|group| !known.contains(group));
        stays.extend(unknown.map(|&group| Stay::since_the_beginning(group)));
        Ok(stays)
    }
}

fn insert_stays<'a>(stays: &'a [(&'a str, Stay)]) -> Insert<'a> {
    let rows = stays.iter().map(|(uid, stay)| {
        let Stay { group, joined, left, received } = stay;
        [
            (*uid).into(),
            (*group).into(),
            joined.id.into(),
            joined.position.into(),
            left.id.into(),
            left.position.into(),
            received.through.into(),
            received.through_id.into(),
            received.encode_above().into(),
        ]
    });
    insert("comet_group_stay", &COLUMNS).rows(rows)
}

/// Writes stays with another cursor.
pub(super) async fn replace_stays(
    tx: &mut Connection,
    stays: &[(&str, Stay)],
) -> Result<(), Error> {
    insert_stays(stays).replace(tx, &["uid", "group_id", "joined_id"]).await
}

/// Begins stays of users who have none that goes on.
pub(crate) async fn begin_stays(
    tx: &mut Connection,
    group: i64,
    users: &[String],
    from: Place,
) -> Result<(), Error> {
    for users in users.chunks(USERS) {
        let members = sql("SELECT uid FROM comet_group_stay WHERE left_id = ? AND group_id = ? \
                           AND uid IN ");
        let members = members.bind(OPEN).bind(group).list(users.iter().map(|uid| &**uid));
        let mut known: HashSet<String> = members.all(tx).await?.into_iter().collect();
        let new = users.iter().filter(|uid| known.insert((*uid).clone()));
        let new: Vec<_> = new.map(|uid| (&**uid, Stay::beginning_at(group, from))).collect();
        insert_stays(&new).execute(tx).await?;
    }
    Ok(())
}

/// Ends the stays of users.
pub(crate) async fn end_stays(
    tx: &mut Connection,
    group: i64,
    users: &[String],
    at: Place,
) -> Result<(), Error> {
    for users in users.chunks(USERS) {
        sql("UPDATE comet_group_stay SET left_id = ?, left_position = ?
             WHERE left_id = ? AND group_id = ? AND uid IN ")
        .bind(at.id)
        .bind(at.position)
        .bind(OPEN)
        .bind(group)
        .list(users.iter().map(|uid| &**uid))
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Ends all stays in a group.
pub(crate) async fn end_all_stays(tx: &mut Connection, group: i64, at: Place) -> Result<(), Error> {
    sql("UPDATE comet_group_stay SET left_id = ?, left_position = ?
         WHERE group_id = ? AND left_id = ?")
    .bind(at.id)
    .bind(at.position)
    .bind(group)
    .bind(OPEN)
    .execute(tx)
    .await?;
    Ok(())
}
