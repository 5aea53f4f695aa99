//! Conversations of a user: what is read, and how many messages are not.

use comet_dtalk::id::Id;
use comet_dtalk::message::MsgType;
use comet_sql::{Connection, Error, insert, sql};

use super::{Kind, ReadPool};

/// Conversations of each kind in one answer: the newest.
const MOST: i64 = 1_000;
/// Unread messages of a group that are counted.
const COUNTED: i64 = 10_000;

/// Conversation of a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Conversation {
    pub(crate) kind: Kind,
    /// The other user, or the group's id in decimal.
    pub(crate) target: String,
    /// Messages of others, without notices, after the last one read.
    pub(crate) unread: i64,
    /// 0 if nothing was marked as read.
    pub(crate) read: i64,
    /// Newest message.
    pub(crate) last: i64,
}

/// Marks a conversation as read up to this message, unless it is already.
pub(crate) async fn mark_read(
    tx: &mut Connection,
    uid: &str,
    kind: Kind,
    target: &str,
    mid: Id,
) -> Result<(), Error> {
    let before: Option<i64> =
        sql("SELECT mid FROM comet_read WHERE uid = ? AND type = ? AND target = ?")
            .bind(uid)
            .bind(kind as i64)
            .bind(target)
            .optional(tx)
            .await?;
    if before.is_some_and(|before| before >= mid.get()) {
        return Ok(());
    }
    let row = [uid.into(), (kind as i64).into(), target.into(), mid.get().into()];
    let row = insert("comet_read", &["uid", "type", "target", "mid"]).row(row);
    row.replace(tx, &["uid", "type", "target"]).await
}

impl ReadPool {
    /// Conversations with other users, newest first.
    pub(crate) async fn private_conversations(
        &self,
        uid: &str,
    ) -> Result<Vec<Conversation>, Error> {
        let query = sql("SELECT r.other_uid,
                    COUNT(CASE WHEN r.type = 1 AND r.mid > COALESCE(m.mid, 0) THEN 1 END),
                    COALESCE(MAX(m.mid), 0), MAX(r.mid)
             FROM dtalk_msg_relation r JOIN dtalk_msg_content c ON c.mid = r.mid
             LEFT JOIN comet_read m ON m.uid = ? AND m.type = 0 AND m.target = r.other_uid
             WHERE r.owner_uid = ? GROUP BY r.other_uid ORDER BY MAX(r.mid) DESC LIMIT ?")
        .bind(uid)
        .bind(uid)
        .bind(MOST);
        let rows: Vec<(String, i64, i64, i64)> = self.all(query).await?;
        let conversation = |(target, unread, read, last)| {
            let kind = Kind::Private;
            Conversation { kind, target, unread, read, last }
        };
        Ok(rows.into_iter().map(conversation).collect())
    }

    /// Conversations in the groups of which the user is a member.
    pub(crate) async fn group_conversations(
        &self,
        uid: &str,
        groups: &[i64],
    ) -> Result<Vec<Conversation>, Error> {
        let query = sql("SELECT target, mid FROM comet_read WHERE uid = ? AND type = 1").bind(uid);
        let marks: Vec<(String, i64)> = self.all(query).await?;
        let mut conversations = Vec::new();
        for stay in self.stays(uid, groups).await?.into_iter().filter(|stay| stay.is_open()) {
            let target = stay.group.to_string();
            let last = sql("SELECT mid FROM dtalk_group_msg_content
                 WHERE receiver_id = ? AND mid > ? AND kind = 0 ORDER BY mid DESC LIMIT 1")
            .bind(&*target)
            .bind(stay.joined.id);
            let Some(&last) = self.all::<i64>(last).await?.first() else { continue };
            let read = marks.iter().find(|(group, _)| *group == target).map_or(0, |mark| mark.1);
            let unread = sql("SELECT COUNT(*) FROM (SELECT mid FROM dtalk_group_msg_content
                 WHERE receiver_id = ? AND mid > ? AND kind = 0 AND sender_id <> ?
                 AND msg_type <> ? LIMIT ?) AS counted")
            .bind(&*target)
            .bind(read.max(stay.joined.id))
            .bind(uid)
            .bind(MsgType::Notice as i64)
            .bind(COUNTED);
            let unread = self.all::<i64>(unread).await?.first().copied().unwrap_or(0);
            conversations.push(Conversation { kind: Kind::Group, target, unread, read, last });
        }
        Ok(conversations)
    }
}
