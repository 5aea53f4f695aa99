//! Changes of `dtalk_group_member` and `dtalk_group_member_mute`.

use comet_sql::{Connection, Error, ListedUpdate, insert, sql};

use super::MAX_KEYS;
use crate::member::{LEFT, Member, Role};

/// Change of rows of one group; also of the view of its members.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Write {
    /// These are members now, and were none.
    Join(Vec<Member>),
    /// These are members no longer.
    Leave(Vec<String>),
    /// Nobody is a member any longer.
    Dissolve,
    /// Role of a member.
    Role(String, Role),
    /// Nickname of a member.
    Nickname(String, String),
    /// End of the mute of members; 0 for none.
    Mute(Vec<String>, i64),
}

const MEMBER: [&str; 6] = [
    "group_id",
    "group_member_id",
    "group_member_name",
    "group_member_type",
    "group_member_join_time",
    "group_member_update_time",
];

const MUTE: [&str; 4] =
    ["group_id", "group_member_id", "group_member_mute_time", "group_member_mute_update_time"];

/// Executes a change.
pub(crate) async fn write(
    db: &mut Connection,
    group: i64,
    write: &Write,
    now: i64,
) -> Result<(), Error> {
    match write {
        Write::Join(members) => join(db, group, members, now).await,
        Write::Leave(uids) => leave(db, group, uids, now).await,
        Write::Dissolve => {
            let text = "UPDATE dtalk_group_member SET group_member_type = ?, \
                        group_member_update_time = ? \
                        WHERE group_id = ? AND group_member_type BETWEEN 0 AND 2";
            sql(text).bind(LEFT).bind(now).bind(group).execute(db).await.map(|_| ())
        }
        Write::Role(uid, role) => {
            let text = "UPDATE dtalk_group_member SET group_member_type = ?, \
                        group_member_update_time = ? WHERE group_id = ? AND group_member_id = ?";
            let statement = sql(text).bind(role.number()).bind(now).bind(group).bind(&**uid);
            statement.execute(db).await.map(|_| ())
        }
        Write::Nickname(uid, name) => {
            let text = "UPDATE dtalk_group_member SET group_member_name = ?, \
                        group_member_update_time = ? WHERE group_id = ? AND group_member_id = ?";
            let statement = sql(text).bind(&**name).bind(now).bind(group).bind(&**uid);
            statement.execute(db).await.map(|_| ())
        }
        Write::Mute(uids, until) => mute(db, group, uids, *until, now).await,
    }
}

async fn join(db: &mut Connection, group: i64, members: &[Member], now: i64) -> Result<(), Error> {
    let rows = members.iter().map(|member| {
        [
            group.into(),
            (&*member.uid).into(),
            (&*member.name).into(),
            member.role.number().into(),
            now.into(),
            now.into(),
        ]
    });
    let rows = insert("dtalk_group_member", &MEMBER).rows(rows);
    rows.replace(db, &["group_id", "group_member_id"]).await
}

async fn leave(db: &mut Connection, group: i64, uids: &[String], now: i64) -> Result<(), Error> {
    // A list of names alone would be compared with each member of the group.
    let update = ListedUpdate {
        table: "dtalk_group_member",
        key: ["group_id", "group_member_id"],
        set: "group_member_type = ?, group_member_update_time = ?",
        only: "group_member_type BETWEEN 0 AND 2",
    };
    let keys: Vec<_> = uids.iter().map(|uid| [group.into(), (&**uid).into()]).collect();
    update.execute(db, &keys, &[LEFT.into(), now.into()]).await
}

async fn mute(
    db: &mut Connection,
    group: i64,
    uids: &[String],
    until: i64,
    now: i64,
) -> Result<(), Error> {
    if until != 0 {
        let rows = uids.iter();
        let rows = rows.map(|uid| [group.into(), (&**uid).into(), until.into(), now.into()]);
        let rows = insert("dtalk_group_member_mute", &MUTE).rows(rows);
        return rows.replace(db, &["group_id", "group_member_id"]).await;
    }
    for uids in uids.chunks(MAX_KEYS) {
        let text = "DELETE FROM dtalk_group_member_mute \
                    WHERE group_id = ? AND group_member_id IN ";
        let statement = sql(text).bind(group).list(uids.iter().map(|uid| &**uid));
        statement.execute(db).await?;
    }
    Ok(())
}
