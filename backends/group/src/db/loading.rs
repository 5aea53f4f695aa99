//! Reads of the in-memory view of groups, in pages.

use comet_sql::{Error, FromRow, Row, Statement, sql};

use crate::group::{Kind, Status};

/// Group without texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) id: i64,
    pub(crate) status: Status,
    pub(crate) kind: Kind,
    pub(crate) is_muted: bool,
    pub(crate) member_num: i64,
}

/// So many groups with greater ids, in their order.
pub(crate) fn heads<'a>(after: i64, count: i64) -> Statement<'a> {
    let text = "SELECT group_id, group_status, group_type, group_mute_type, group_member_num \
                FROM dtalk_group_info WHERE group_id > ? ORDER BY group_id LIMIT ?";
    sql(text).bind(after).bind(count)
}

/// One group.
pub(crate) fn one_head<'a>(id: i64) -> Statement<'a> {
    let text = "SELECT group_id, group_status, group_type, group_mute_type, group_member_num \
                FROM dtalk_group_info WHERE group_id = ?";
    sql(text).bind(id)
}

/// Members of groups in a range of ids: group, user, role.
pub(crate) fn seats_between<'a>(first: i64, last: i64) -> Statement<'a> {
    let text = "SELECT group_id, group_member_id, group_member_type FROM dtalk_group_member \
                WHERE group_id >= ? AND group_id <= ? AND group_member_type BETWEEN 0 AND 2";
    sql(text).bind(first).bind(last)
}

/// Mutes in groups in a range of ids that have not ended: group, user, end.
pub(crate) fn mutes_between<'a>(first: i64, last: i64, now: i64) -> Statement<'a> {
    let text = "SELECT group_id, group_member_id, group_member_mute_time \
                FROM dtalk_group_member_mute \
                WHERE group_id >= ? AND group_id <= ? AND group_member_mute_time > ?";
    sql(text).bind(first).bind(last).bind(now)
}

impl FromRow for Head {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            status: Status::of_number(row.get(1)?),
            kind: Kind::of_number(row.get(2)?),
            is_muted: row.get::<i64>(3)? != 0,
            member_num: row.get(4)?,
        })
    }
}
