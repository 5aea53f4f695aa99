//! Messages by id, and their receivers without an ack of a phone.

use std::collections::HashMap;

use comet_dtalk::message::MsgType;
use comet_sql::{Error, FromRow, Row, sql};

use super::ReadPool;
use super::receipt::StayOf;
use super::stay::{OPEN, Stay, stay_columns};
use crate::Membership;
use crate::entry::EntryKind;
use crate::unreceived::{MessageHead, Receiver, Slice, Unreceived};

/// Ids in one statement.
const IDS: usize = 256;

/// Row of a content table.
struct Entry {
    head: MessageHead,
    /// Whether it is a message of a user.
    is_message: bool,
}

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let (to, kind): (String, i64) = (row.get(2)?, row.get(5)?);
        let is_message = row.get::<i32>(4)? != MsgType::Notice as i32;
        let is_message = is_message && EntryKind::of_number(kind) == EntryKind::Message;
        let to = Receiver::User(to);
        let head = MessageHead {
            id: row.get(0)?,
            from: row.get(1)?,
            to,
            stored_ms: row.get::<i64>(3)?.unsigned_abs(),
            position: row.get(6)?,
        };
        Ok(Self { head, is_message })
    }
}

impl ReadPool {
    /// Messages with ids above `after` and up to `upto`.
    pub(crate) async fn heads(&self, after: i64, upto: i64, most: usize) -> Result<Slice, Error> {
        let private = "SELECT mid, sender_id, receiver_id, create_time, msg_type, 0, 0
                       FROM dtalk_msg_content WHERE mid > ? AND mid <= ? ORDER BY mid LIMIT ?";
        let of_groups = "SELECT mid, sender_id, receiver_id, create_time, msg_type, kind, position
             FROM dtalk_group_msg_content WHERE mid > ? AND mid <= ? ORDER BY mid LIMIT ?";
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let mut slice = Slice { heads: Vec::new(), through: upto, more: false };
        for (query, is_group) in [(private, false), (of_groups, true)] {
            let query = sql(query).bind(after).bind(upto).bind(limit);
            let entries: Vec<Entry> = self.all(query).await?;
            if entries.len() == most {
                let last = entries.last().map_or(upto, |entry| entry.head.id);
                slice.through = slice.through.min(last);
            }
            let messages = entries.into_iter().filter(|entry| entry.is_message);
            slice.heads.extend(messages.filter_map(|entry| addressed(entry.head, is_group)));
        }
        slice.more = slice.through < upto;
        slice.heads.retain(|head| head.id <= slice.through);
        slice.heads.sort_unstable_by_key(|head| head.id);
        Ok(slice)
    }

    /// See [`Store::unreceived_by_users`](crate::Store::unreceived_by_users).
    pub(crate) async fn unreceived_by_users(
        &self,
        heads: &[MessageHead],
    ) -> Result<Vec<Unreceived>, Error> {
        let ids = heads.iter().filter(|head| matches!(head.to, Receiver::User(_)));
        let ids: Vec<i64> = ids.map(|head| head.id).collect();
        // One of each conversation: the newest comes last.
        let mut found = HashMap::<(String, String), Unreceived>::new();
        for ids in ids.chunks(IDS) {
            let query = sql("SELECT c.mid, c.sender_id, c.receiver_id FROM dtalk_msg_content c
                 JOIN dtalk_msg_relation r ON r.owner_uid = c.receiver_id AND r.mid = c.mid
                 WHERE r.state = 0 AND r.type = 1 AND c.mid IN ")
            .list(ids.iter().copied());
            let mut rows: Vec<(i64, String, String)> = self.all(query).await?;
            rows.sort_unstable_by_key(|row| row.0);
            for (id, from, user) in rows {
                let key = (user.clone(), from.clone());
                let newest = found.entry(key).or_insert(Unreceived { user, from, id, count: 0 });
                newest.id = id;
                newest.count += 1;
            }
        }
        let mut found: Vec<Unreceived> = found.into_values().collect();
        found.sort_unstable_by_key(|unreceived| unreceived.id);
        Ok(found)
    }

    /// See [`Store::unreceived_by_members`](crate::Store::unreceived_by_members).
    pub(crate) async fn unreceived_by_members(
        &self,
        group: i64,
        heads: &[MessageHead],
        (after, most): (&str, usize),
        membership: &dyn Membership,
    ) -> Result<(Vec<Unreceived>, Option<String>), Error> {
        let heads = heads.iter().filter(|head| head.to == Receiver::Group(group));
        let heads: Vec<&MessageHead> = heads.collect();
        let query = sql(concat!(
            "SELECT ",
            stay_columns!(),
            ", uid FROM comet_group_stay WHERE group_id = ? AND left_id = ? AND uid > ?
              ORDER BY uid LIMIT ?",
        ))
        .bind(group)
        .bind(OPEN)
        .bind(after)
        .bind(i64::try_from(most).unwrap_or(i64::MAX));
        let members: Vec<StayOf> = self.all(query).await?;
        let next = if members.len() == most { members.last() } else { None };
        let next = next.map(|last| last.uid.clone());
        let is_member = |StayOf { uid, stay }: &StayOf| {
            !stay.is_by_membership() || membership.groups_of(uid).contains(&group)
        };
        let members = members.into_iter().filter(is_member);
        let unreceived = members.filter_map(|StayOf { uid, stay }| of_member(uid, &stay, &heads));
        Ok((unreceived.collect(), next))
    }
}

/// The head with its receiver; `None` if that is the sender.
fn addressed(head: MessageHead, is_group: bool) -> Option<MessageHead> {
    let to = match head.to {
        Receiver::User(name) if is_group => Receiver::Group(name.parse().ok()?),
        Receiver::User(user) if user == head.from => return None,
        to => to,
    };
    Some(MessageHead { to, ..head })
}

/// Messages of others in a stay that were not received, given by ascending id.
fn of_member(user: String, stay: &Stay, heads: &[&MessageHead]) -> Option<Unreceived> {
    let is_missing = |head: &&&MessageHead| {
        head.from != user && stay.contains(head.id) && !stay.received.has(head.position)
    };
    let mut missing = heads.iter().filter(is_missing);
    let mut newest: &MessageHead = missing.next()?;
    let mut count = 1;
    for head in missing {
        newest = head;
        count += 1;
    }
    let (from, id) = (newest.from.clone(), newest.id);
    Some(Unreceived { user, from, id, count })
}
