//! Rows of `dtalk_group_apply`.

use std::collections::HashSet;

use comet_sql::{Connection, Error, FromRow, Row, Statement, insert, sql};

use super::MAX_KEYS;

/// Applications to a group that are kept after they have been decided, the newest ones.
const DECIDED: i64 = 1_000;

/// Application for membership.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Application {
    pub(crate) id: i64,
    pub(crate) group: i64,
    /// Stored id; empty if the applicant found the group.
    pub(crate) inviter: String,
    /// Stored id of the applicant.
    pub(crate) member: String,
    pub(crate) note: String,
    /// Stored id of the admin that decided; empty before.
    pub(crate) operator: String,
    /// 0 waiting, 1 accepted, 2 refused, 10 ignored.
    pub(crate) status: i64,
    pub(crate) reject_reason: String,
    pub(crate) create_time: i64,
    pub(crate) update_time: i64,
}

/// Decision of an admin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision<'a> {
    Accepted,
    /// With the reason.
    Refused(&'a str),
}

const COLUMNS: [&str; 10] = [
    "id",
    "group_id",
    "inviter_id",
    "member_id",
    "apply_note",
    "operator_id",
    "apply_status",
    "reject_reason",
    "create_time",
    "update_time",
];

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, group_id, inviter_id, member_id, apply_note, operator_id, apply_status, \
             reject_reason, create_time, update_time FROM dtalk_group_apply ",
            $rest
        )
    };
}

/// An application to a group.
pub(crate) fn application<'a>(group: i64, id: i64) -> Statement<'a> {
    sql(select!("WHERE id = ? AND group_id = ?")).bind(id).bind(group)
}

/// Applications to a group, the newest first.
pub(crate) fn applications<'a>(group: i64, count: i64, offset: i64) -> Statement<'a> {
    let text = select!("WHERE group_id = ? ORDER BY id DESC LIMIT ? OFFSET ?");
    sql(text).bind(group).bind(count).bind(offset)
}

/// Greatest id that this program may have made.
pub(crate) const fn last_application<'a>() -> Statement<'a> {
    sql("SELECT COALESCE(MAX(id), 0) FROM dtalk_group_apply WHERE id < 9007199254740992")
}

/// Number of applications that wait, and which of the users have one.
pub(crate) async fn waiting(
    db: &mut Connection,
    group: i64,
    uids: &[&str],
) -> Result<(i64, HashSet<String>), Error> {
    let text = "SELECT COUNT(*) FROM dtalk_group_apply WHERE group_id = ? AND apply_status = 0";
    let count = sql(text).bind(group).one(db).await?;
    let mut found = HashSet::new();
    for uids in uids.chunks(MAX_KEYS) {
        let text = "SELECT member_id FROM dtalk_group_apply \
                    WHERE group_id = ? AND apply_status = 0 AND member_id IN ";
        let users = sql(text).bind(group).list(uids.iter().copied());
        found.extend(users.all::<String>(db).await?);
    }
    Ok((count, found))
}

pub(crate) async fn insert_application(
    db: &mut Connection,
    applications: &[Application],
) -> Result<(), Error> {
    let rows = applications.iter().map(|it| {
        [
            it.id.into(),
            it.group.into(),
            (&*it.inviter).into(),
            (&*it.member).into(),
            (&*it.note).into(),
            (&*it.operator).into(),
            it.status.into(),
            (&*it.reject_reason).into(),
            it.create_time.into(),
            it.update_time.into(),
        ]
    });
    insert("dtalk_group_apply", &COLUMNS).rows(rows).execute(db).await
}

/// Deletes the oldest applications to a group that have been decided, beyond [`DECIDED`].
pub(crate) async fn trim_applications(db: &mut Connection, group: i64) -> Result<(), Error> {
    let text = "SELECT id FROM dtalk_group_apply WHERE group_id = ? AND apply_status <> 0 \
                ORDER BY id DESC LIMIT 1 OFFSET ?";
    let oldest = sql(text).bind(group).bind(DECIDED).optional::<i64>(db).await?;
    if let Some(id) = oldest {
        let text = "DELETE FROM dtalk_group_apply \
                    WHERE group_id = ? AND apply_status <> 0 AND id <= ?";
        sql(text).bind(group).bind(id).execute(db).await?;
    }
    Ok(())
}

/// Stores the decision on an application.
pub(crate) async fn decide(
    db: &mut Connection,
    id: i64,
    operator: &str,
    decision: Decision<'_>,
    now: i64,
) -> Result<(), Error> {
    let (status, reason) = match decision {
        Decision::Accepted => (1, ""),
        Decision::Refused(reason) => (2, reason),
    };
    let text = "UPDATE dtalk_group_apply SET apply_status = ?, operator_id = ?, \
                reject_reason = ?, update_time = ? WHERE id = ?";
    let statement = sql(text).bind(status).bind(operator).bind(reason).bind(now).bind(id);
    statement.execute(db).await.map(|_| ())
}

impl FromRow for Application {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            group: row.get(1)?,
            inviter: row.get(2)?,
            member: row.get(3)?,
            note: row.get(4)?,
            operator: row.get(5)?,
            status: row.get(6)?,
            reject_reason: row.get(7)?,
            create_time: row.get(8)?,
            update_time: row.get(9)?,
        })
    }
}
