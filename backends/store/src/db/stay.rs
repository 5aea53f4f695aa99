//! Stays of users in groups: the parts of timelines that they may see.

use std::collections::HashSet;

use comet_sql::{Connection, Error, FromRow, Row, insert, sql};

use super::ReadPool;

/// Id and position of the end of a stay that goes on.
pub(crate) const OPEN: i64 = i64::MAX;
/// Users in one statement.
const USERS: usize = 256;

const COLUMNS: [&str; 6] =
    ["uid", "group_id", "joined_id", "joined_position", "left_id", "left_position"];

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
}

impl Stay {
    /// Stay of a member by [`Membership`](crate::Membership) alone.
    fn since_the_beginning(group: i64) -> Self {
        let (joined, left) = (Place { id: 0, position: 0 }, Place { id: OPEN, position: OPEN });
        Self { group, joined, left }
    }

    /// Whether it goes on for as long as [`Membership`](crate::Membership) says so.
    fn is_by_membership(&self) -> bool {
        self.joined.id == 0 && self.left.id == OPEN
    }
}

impl FromRow for Stay {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            group: row.get(0)?,
            joined: Place { id: row.get(1)?, position: row.get(2)? },
            left: Place { id: row.get(3)?, position: row.get(4)? },
        })
    }
}

impl ReadPool {
    /// Stays of a user, who is a member of these groups now.
    pub(crate) async fn stays(&self, uid: &str, groups: &[i64]) -> Result<Vec<Stay>, Error> {
        let query = sql("SELECT group_id, joined_id, joined_position, left_id, left_position
             FROM comet_group_stay WHERE uid = ? ORDER BY joined_id")
        .bind(uid);
        let mut stays: Vec<Stay> = self.all(query).await?;
        let known: HashSet<i64> = stays.iter().map(|stay| stay.group).collect();
        stays.retain(|stay| !stay.is_by_membership() || groups.contains(&stay.group));
        let unknown = groups.iter().filter(|group| !known.contains(group));
        stays.extend(unknown.map(|&group| Stay::since_the_beginning(group)));
        Ok(stays)
    }
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
        let rows = new.map(|uid| {
            let (from_id, from_position) = (from.id.into(), from.position.into());
            [(&**uid).into(), group.into(), from_id, from_position, OPEN.into(), OPEN.into()]
        });
        insert("comet_group_stay", &COLUMNS).rows(rows).execute(tx).await?;
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
