//! Rows that retention deletes: their keys, found on a reading connection, and the deletion.

use comet_sql::{Connection, Error, FromRow, Row, sql};

use super::ReadPool;

/// Messages or entries in one deletion. Rows of the log are deleted by user and id, of all in one
/// statement, so that it is few enough.
const BATCH: i64 = 128;
/// Messages in one statement.
const MESSAGES: usize = 32;
/// Stays in one deletion.
const STAYS: i64 = 256;
/// Keys of a table in one deletion. They are deleted by both columns in one statement.
pub(crate) const AGED: usize = 32;
/// Rows of a slice of a table.
const SLICE: i64 = 1_024;
/// Groups of a slice.
const GROUPS: i64 = 256;

/// Rows to delete in one transaction.
#[derive(Debug)]
pub(crate) enum Deletion {
    /// Messages between users, at most `BATCH`.
    Messages(Vec<OldMessage>),
    /// Entries of a group, by id.
    Entries(Vec<i64>),
    /// Not rows: the received cursors of these users are moved to `end`, up to which entries of
    /// the group will be deleted. `unreceived` of them no phone has received.
    Cursors { group: String, uids: Vec<String>, end: EntryPlace, unreceived: u64 },
    /// Rows of one table that were created before `cutoff`.
    Aged { table: Aged, keys: Vec<AgedKey>, cutoff: i64 },
}

/// Number of rows deleted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Deleted {
    /// Messages and entries of groups.
    pub(crate) messages: u64,
    /// Receivers of such, none of whose phones had received it.
    pub(crate) unreceived: u64,
    /// Signals, and rows for deduplication.
    pub(crate) others: u64,
}

/// Message between users.
#[derive(Clone, Debug)]
pub(crate) struct OldMessage {
    mid: i64,
    sender: String,
    receiver: String,
}

impl FromRow for OldMessage {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { mid: row.get(0)?, sender: row.get(1)?, receiver: row.get(2)? })
    }
}

/// Entry of a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct EntryPlace {
    pub(crate) id: i64,
    pub(crate) position: i64,
}

/// Stay whose received cursor is before what is deleted.
#[derive(Debug)]
pub(crate) struct StayBehind {
    pub(crate) uid: String,
    pub(crate) received: i64,
    pub(crate) left_position: i64,
    pub(crate) above: String,
}

impl FromRow for StayBehind {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let (received, left_position) = (row.get(1)?, row.get(2)?);
        Ok(Self { uid: row.get(0)?, received, left_position, above: row.get(3)? })
    }
}

/// Tables that are walked by their key, because nothing else orders them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Aged {
    Signals,
    Sent,
}

/// Key of a row: its user, and the id of the signal or the client's id of the message.
#[derive(Clone, Debug)]
pub(crate) enum AgedKey {
    Signal(String, i64),
    Sent(String, String),
}

/// Row of a slice.
#[derive(Debug)]
pub(crate) struct AgedRow {
    pub(crate) key: AgedKey,
    pub(crate) create_time: i64,
}

impl ReadPool {
    /// Some of the oldest messages between users, created before `cutoff`.
    pub(crate) async fn oldest_messages(&self, cutoff: i64) -> Result<Vec<OldMessage>, Error> {
        let query = sql("SELECT mid, sender_id, receiver_id, create_time FROM dtalk_msg_content
             ORDER BY mid LIMIT ?");
        let rows: Vec<(i64, String, String, i64)> = self.all(query.bind(BATCH)).await?;
        let old = rows.into_iter().take_while(|row| row.3 < cutoff);
        Ok(old.map(|(mid, sender, receiver, _)| OldMessage { mid, sender, receiver }).collect())
    }

    /// The next pair of sender and receiver.
    pub(crate) async fn conversation_after(
        &self,
        (sender, receiver): &(String, String),
    ) -> Result<Option<(String, String)>, Error> {
        let query = sql("SELECT sender_id, receiver_id FROM dtalk_msg_content
             WHERE sender_id = ? AND receiver_id > ?
             ORDER BY sender_id, receiver_id, mid LIMIT 1");
        let next: Vec<_> = self.all(query.bind(&**sender).bind(&**receiver)).await?;
        if let Some(next) = next.into_iter().next() {
            return Ok(Some(next));
        }
        let query = sql("SELECT sender_id, receiver_id FROM dtalk_msg_content
             WHERE sender_id > ? ORDER BY sender_id, receiver_id, mid LIMIT 1");
        Ok(self.all(query.bind(&**sender)).await?.into_iter().next())
    }

    /// Id of the newest message of two users that is not among their `count` newest.
    pub(crate) async fn newest_beyond(
        &self,
        (a, b): &(String, String),
        count: u32,
    ) -> Result<Option<i64>, Error> {
        let query = if a == b {
            sql("SELECT mid FROM dtalk_msg_content WHERE sender_id = ? AND receiver_id = ?
                 ORDER BY mid DESC LIMIT 1 OFFSET ?")
        } else {
            sql("SELECT mid FROM dtalk_msg_content WHERE sender_id = ? AND receiver_id = ?
                 UNION ALL
                 SELECT mid FROM dtalk_msg_content WHERE sender_id = ? AND receiver_id = ?
                 ORDER BY mid DESC LIMIT 1 OFFSET ?")
            .bind(&**b)
            .bind(&**a)
        };
        let query = query.bind(&**a).bind(&**b).bind(i64::from(count));
        Ok(self.all(query).await?.into_iter().next())
    }

    /// Some of the messages of a sender to a receiver, up to this id.
    pub(crate) async fn messages_up_to(
        &self,
        sender: &str,
        receiver: &str,
        upto: i64,
    ) -> Result<Vec<OldMessage>, Error> {
        let query = sql("SELECT mid, sender_id, receiver_id FROM dtalk_msg_content
             WHERE sender_id = ? AND receiver_id = ? AND mid <= ? ORDER BY mid LIMIT ?");
        self.all(query.bind(sender).bind(receiver).bind(upto).bind(BATCH)).await
    }

    /// Some groups after this one, each with its last position.
    pub(crate) async fn groups_after(&self, group: &str) -> Result<Vec<(String, i64)>, Error> {
        let query = sql("SELECT group_id, position FROM comet_group_position
             WHERE group_id > ? ORDER BY group_id LIMIT ?");
        self.all(query.bind(group).bind(GROUPS)).await
    }

    /// The last entry of a group that is to go, if there is one: before the first that was created
    /// at `cutoff` or later and has a position above `through`.
    pub(crate) async fn end_of_old(
        &self,
        group: &str,
        cutoff: i64,
        through: i64,
    ) -> Result<Option<EntryPlace>, Error> {
        let kept = sql("SELECT mid, position FROM dtalk_group_msg_content
             WHERE receiver_id = ? AND create_time >= ? AND position > ? ORDER BY mid LIMIT 1");
        let kept: Vec<(i64, i64)> = self.all(kept.bind(group).bind(cutoff).bind(through)).await?;
        let before = kept.first().map_or(i64::MAX, |&(mid, _)| mid);
        let end = sql("SELECT mid, position FROM dtalk_group_msg_content
             WHERE receiver_id = ? AND mid < ? ORDER BY mid DESC LIMIT 1");
        let end: Vec<(i64, i64)> = self.all(end.bind(group).bind(before)).await?;
        Ok(end.first().map(|&(id, position)| EntryPlace { id, position }))
    }

    /// Some of the stays in a group whose cursors are before this position.
    pub(crate) async fn stays_behind(
        &self,
        group: &str,
        position: i64,
    ) -> Result<Vec<StayBehind>, Error> {
        let query = sql("SELECT uid, received, left_position, above FROM comet_group_stay
             WHERE group_id = ? AND received < ? LIMIT ?");
        self.all(query.bind(number(group)).bind(position).bind(STAYS)).await
    }

    /// Some of the entries of a group up to this id.
    pub(crate) async fn entries_up_to(&self, group: &str, id: i64) -> Result<Vec<i64>, Error> {
        let query = sql("SELECT mid FROM dtalk_group_msg_content
             WHERE receiver_id = ? AND mid <= ? ORDER BY mid LIMIT ?");
        self.all(query.bind(group).bind(id).bind(BATCH)).await
    }

    /// The rows of a table after a key, in the order of the keys: those of its user, or, if there
    /// are none, those of the next users.
    pub(crate) async fn slice(
        &self,
        table: Aged,
        after: Option<&AgedKey>,
    ) -> Result<Vec<AgedRow>, Error> {
        let user = match after {
            Some(key) => {
                let rest = self.rest_of_user(key).await?;
                if !rest.is_empty() {
                    return Ok(rest);
                }
                let (AgedKey::Signal(user, _) | AgedKey::Sent(user, _)) = key;
                user.as_str()
            }
            None => "",
        };
        match table {
            Aged::Signals => {
                let query = sql("SELECT uid, id, create_time FROM dtalk_signal_content
                     WHERE uid > ? ORDER BY uid, id LIMIT ?");
                let rows: Vec<_> = self.all(query.bind(user).bind(SLICE)).await?;
                Ok(rows.into_iter().map(signal_row).collect())
            }
            Aged::Sent => {
                let query = sql("SELECT sender_id, seq, create_time FROM comet_sent
                     WHERE sender_id > ? ORDER BY sender_id, seq LIMIT ?");
                let rows: Vec<_> = self.all(query.bind(user).bind(SLICE)).await?;
                Ok(rows.into_iter().map(sent_row).collect())
            }
        }
    }

    async fn rest_of_user(&self, key: &AgedKey) -> Result<Vec<AgedRow>, Error> {
        match key {
            AgedKey::Signal(uid, id) => {
                let query = sql("SELECT uid, id, create_time FROM dtalk_signal_content
                     WHERE uid = ? AND id > ? ORDER BY id LIMIT ?");
                let rows: Vec<_> = self.all(query.bind(&**uid).bind(*id).bind(SLICE)).await?;
                Ok(rows.into_iter().map(signal_row).collect())
            }
            AgedKey::Sent(sender, seq) => {
                let query = sql("SELECT sender_id, seq, create_time FROM comet_sent
                     WHERE sender_id = ? AND seq > ? ORDER BY seq LIMIT ?");
                let query = query.bind(&**sender).bind(&**seq).bind(SLICE);
                Ok(self.all(query).await?.into_iter().map(sent_row).collect())
            }
        }
    }
}

fn signal_row((uid, id, create_time): (String, i64, i64)) -> AgedRow {
    AgedRow { key: AgedKey::Signal(uid, id), create_time }
}

fn sent_row((sender, seq, create_time): (String, String, i64)) -> AgedRow {
    AgedRow { key: AgedKey::Sent(sender, seq), create_time }
}

/// Ids of groups are numbers in the table of stays, and text where messages are.
fn number(group: &str) -> i64 {
    group.parse().unwrap_or(0)
}

/// Carries out a deletion.
pub(crate) async fn delete(tx: &mut Connection, deletion: Deletion) -> Result<Deleted, Error> {
    let mut deleted = Deleted::default();
    match deletion {
        Deletion::Messages(messages) => {
            for messages in messages.chunks(MESSAGES) {
                let ids = || messages.iter().map(|message| message.mid);
                let owners = messages.iter().flat_map(|it| [&*it.sender, &*it.receiver]);
                let owners: Vec<&str> = owners.collect();
                let unreceived = sql("SELECT COUNT(*) FROM dtalk_msg_relation
                     WHERE type = 1 AND state = 0 AND owner_uid IN ");
                let unreceived = unreceived.list(owners.iter().copied()).then(" AND mid IN ");
                deleted.unreceived += unreceived.list(ids()).one::<i64>(tx).await?.unsigned_abs();
                let rows = sql("DELETE FROM dtalk_msg_relation WHERE owner_uid IN ").list(owners);
                rows.then(" AND mid IN ").list(ids()).execute(tx).await?;
                let content = sql("DELETE FROM dtalk_msg_content WHERE mid IN ").list(ids());
                deleted.messages += content.execute(tx).await?;
                forget_focus(tx, ids()).await?;
            }
        }
        Deletion::Entries(ids) => {
            for ids in ids.chunks(MESSAGES) {
                let ids = || ids.iter().copied();
                let entries = sql("DELETE FROM dtalk_group_msg_content WHERE mid IN ").list(ids());
                deleted.messages += entries.execute(tx).await?;
                forget_focus(tx, ids()).await?;
            }
        }
        Deletion::Cursors { group, uids, end, unreceived } => {
            let moved = sql("UPDATE comet_group_stay SET received = ?, received_id = ?
                 WHERE group_id = ? AND received < ? AND uid IN ");
            let moved = moved.bind(end.position).bind(end.id).bind(number(&group));
            moved.bind(end.position).list(uids.iter().map(|uid| &**uid)).execute(tx).await?;
            deleted.unreceived += unreceived;
        }
        Deletion::Aged { table, keys, cutoff } => {
            deleted.others += delete_aged(tx, table, &keys, cutoff).await?;
        }
    }
    Ok(deleted)
}

async fn forget_focus(tx: &mut Connection, ids: impl Iterator<Item = i64>) -> Result<(), Error> {
    sql("DELETE FROM comet_focus WHERE mid IN ").list(ids).execute(tx).await.map(|_| ())
}

/// A combination of the keys' columns that is no key of the list is a row that is as old.
async fn delete_aged(
    tx: &mut Connection,
    table: Aged,
    keys: &[AgedKey],
    cutoff: i64,
) -> Result<u64, Error> {
    let (mut users, mut ids, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            AgedKey::Signal(uid, id) => {
                users.push(&**uid);
                ids.push(*id);
            }
            AgedKey::Sent(sender, seq) => {
                users.push(&**sender);
                seqs.push(&**seq);
            }
        }
    }
    let statement = match table {
        Aged::Signals => sql("DELETE FROM dtalk_signal_content WHERE create_time < ? AND uid IN ")
            .bind(cutoff)
            .list(users)
            .then(" AND id IN ")
            .list(ids),
        Aged::Sent => sql("DELETE FROM comet_sent WHERE create_time < ? AND sender_id IN ")
            .bind(cutoff)
            .list(users)
            .then(" AND seq IN ")
            .list(seqs),
    };
    statement.execute(tx).await
}
