//! Reading `dtalk_group_member` and `dtalk_group_member_mute`.

use std::collections::{HashMap, HashSet};

use comet_sql::{Connection, Error, FromRow, Row, Statement, sql};

use super::MAX_KEYS;
use crate::member::{Member, Role};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT m.group_member_id, m.group_member_name, m.group_member_type, \
             COALESCE(u.group_member_mute_time, 0) FROM dtalk_group_member m \
             LEFT JOIN dtalk_group_member_mute u ON u.group_id = m.group_id \
             AND u.group_member_id = m.group_member_id WHERE m.group_id = ? ",
            $rest
        )
    };
}

/// Those of the users that are members.
pub(crate) async fn members(
    db: &mut Connection,
    group: i64,
    uids: &[&str],
) -> Result<HashMap<String, Member>, Error> {
    let mut members = HashMap::with_capacity(uids.len());
    for uids in uids.chunks(MAX_KEYS) {
        let text = select!("AND m.group_member_type BETWEEN 0 AND 2 AND m.group_member_id IN ");
        let found: Vec<Member> = sql(text).bind(group).list(uids.iter().copied()).all(db).await?;
        members.extend(found.into_iter().map(|member| (member.uid.clone(), member)));
    }
    Ok(members)
}

/// All members: the owner, admins, then the others by the time at which they joined.
pub(crate) fn all<'a>(group: i64) -> Statement<'a> {
    let text = select!(
        "AND m.group_member_type BETWEEN 0 AND 2 \
         ORDER BY m.group_member_type DESC, m.group_member_join_time, m.group_member_id"
    );
    sql(text).bind(group)
}

/// The owner and admins.
pub(crate) fn staff<'a>(group: i64) -> Statement<'a> {
    let text = select!(
        "AND m.group_member_type BETWEEN 1 AND 2 \
         ORDER BY m.group_member_type DESC, m.group_member_join_time, m.group_member_id"
    );
    sql(text).bind(group)
}

/// So many of the others, those who joined first.
pub(crate) fn first_plain<'a>(group: i64, count: i64) -> Statement<'a> {
    let text = select!(
        "AND m.group_member_type = 0 \
         ORDER BY m.group_member_join_time, m.group_member_id LIMIT ?"
    );
    sql(text).bind(group).bind(count)
}

/// Member to become the owner once those of the list are gone: an admin, or who joined first.
pub(crate) async fn successor(
    db: &mut Connection,
    group: i64,
    gone: &HashSet<&str>,
) -> Result<Option<Member>, Error> {
    let mut candidates: Vec<Member> = staff(group).all(db).await?;
    let is_left = |member: &Member| !gone.contains(&*member.uid);
    candidates.retain(is_left);
    if candidates.is_empty() {
        // One more than are gone.
        let count = i64::try_from(gone.len()).unwrap_or(i64::MAX - 1) + 1;
        candidates = first_plain(group, count).all(db).await?;
        candidates.retain(is_left);
    }
    Ok(candidates.into_iter().next())
}

/// Number of admins.
pub(crate) async fn admins(db: &mut Connection, group: i64) -> Result<i64, Error> {
    let text = "SELECT COUNT(*) FROM dtalk_group_member \
                WHERE group_id = ? AND group_member_type = 1";
    sql(text).bind(group).one(db).await
}

/// Ends of mutes of users, members or not.
pub(crate) async fn mutes_of(
    db: &mut Connection,
    group: i64,
    uids: &[&str],
) -> Result<HashMap<String, i64>, Error> {
    let mut mutes = HashMap::new();
    for uids in uids.chunks(MAX_KEYS) {
        let text = "SELECT group_member_id, group_member_mute_time FROM dtalk_group_member_mute \
                    WHERE group_id = ? AND group_member_id IN ";
        let found: Vec<(String, i64)> =
            sql(text).bind(group).list(uids.iter().copied()).all(db).await?;
        mutes.extend(found);
    }
    Ok(mutes)
}

impl FromRow for Member {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            uid: row.get(0)?,
            name: row.get(1)?,
            role: Role::of_number(row.get(2)?).unwrap_or(Role::Member),
            mute_until: row.get(3)?,
        })
    }
}
