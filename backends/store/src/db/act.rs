//! Revoking and focusing messages: one message at a time, on request of one user.

use comet_dtalk::id::Id;
use comet_sql::{Connection, Error, insert, sql};

use crate::entry::EntryKind;

/// Location of a message, with its sender and receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) sender_id: String,
    pub(crate) receiver_id: String,
    pub(crate) create_time: i64,
}

/// The two content tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Messages between users.
    Private = 0,
    /// Messages to groups.
    Group = 1,
}

/// Looks up a message.
pub(crate) async fn find(tx: &mut Connection, kind: Kind, mid: Id) -> Result<Option<Found>, Error> {
    let query = match kind {
        Kind::Private => {
            "SELECT sender_id, receiver_id, create_time FROM dtalk_msg_content WHERE mid = ?"
        }
        Kind::Group => {
            "SELECT sender_id, receiver_id, create_time FROM dtalk_group_msg_content
             WHERE mid = ? AND kind = 0"
        }
    };
    let row: Option<(String, String, i64)> = sql(query).bind(mid.get()).optional(tx).await?;
    Ok(row.map(|(sender_id, receiver_id, create_time)| Found {
        sender_id,
        receiver_id,
        create_time,
    }))
}

/// Deletes the content of a message. Its sender and client id are kept, so that a repeat is still
/// detected, and so is its position in a group.
pub(crate) async fn erase(
    tx: &mut Connection,
    kind: Kind,
    mid: Id,
    found: &Found,
) -> Result<(), Error> {
    match kind {
        Kind::Private => {
            let erased = sql("DELETE FROM dtalk_msg_content WHERE mid = ?").bind(mid.get());
            erased.execute(tx).await?;
            // No delivery is pending any more.
            sql("UPDATE dtalk_msg_relation SET state = 1 WHERE mid = ? AND owner_uid IN (?, ?)")
                .bind(mid.get())
                .bind(&*found.sender_id)
                .bind(&*found.receiver_id)
                .execute(tx)
                .await?;
        }
        Kind::Group => {
            let erased = "UPDATE dtalk_group_msg_content
                          SET kind = ?, content = ?, source = NULL, reference = NULL WHERE mid = ?";
            let erased = sql(erased).bind(EntryKind::Revoked as i64).bind(Vec::new());
            erased.bind(mid.get()).execute(tx).await?;
        }
    }
    Ok(())
}

/// Adds a focus mark of `uid`; returns the number of users that have marked the message, or `None`
/// if `uid` had already.
pub(crate) async fn add_focus(
    tx: &mut Connection,
    mid: Id,
    uid: &str,
    now: u64,
) -> Result<Option<i32>, Error> {
    let row = [mid.get().into(), uid.into(), now.cast_signed().into()];
    let row = insert("comet_focus", &["mid", "uid", "create_time"]).row(row);
    if row.if_new(tx, 2, "mid").await?.is_empty() {
        return Ok(None);
    }
    let count = sql("SELECT count(*) FROM comet_focus WHERE mid = ?");
    count.bind(mid.get()).one(tx).await.map(Some)
}
