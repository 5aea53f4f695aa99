//! Appending messages and signals, many rows per statement.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use comet_dtalk::message::Common;
use comet_sql::{Connection, Error, insert, sql};

use super::timeline::append_entries;
use crate::check::To;
use crate::entry::EntryKind;

const CONTENT_COLUMNS: [&str; 9] = [
    "mid",
    "seq",
    "sender_id",
    "receiver_id",
    "msg_type",
    "content",
    "create_time",
    "source",
    "reference",
];
const RELATION_COLUMNS: [&str; 7] =
    ["mid", "owner_uid", "other_uid", "type", "state", "create_time", "owner_seq"];
const SIGNAL_COLUMNS: [&str; 7] =
    ["id", "uid", "type", "state", "content", "create_time", "update_time"];

/// Message, complete with sender, id and time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) to: To,
    pub(crate) common: Common,
    /// Sent from a phone of the sender, which therefore has it.
    pub(crate) from_phone: bool,
}

impl Message {
    /// Users with the message in their record: its receiver and its sender.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &str> {
        let Common { from, target, .. } = &self.common;
        [Some(&**target), (from != target).then_some(&**from)].into_iter().flatten()
    }
}

/// Result of appending messages.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    /// Originals of the repeats, by the id of the repeat.
    pub(crate) repeats: HashMap<i64, Original>,
    /// Positions of the new messages, by owner: id and position, ascending.
    positions: HashMap<String, Vec<(i64, i64)>>,
    /// Positions of the new messages to groups, by id, ascending.
    in_groups: Vec<(i64, i64)>,
}

impl Appended {
    /// Position of a message in the record of this user; 0 if it is not in it.
    pub(crate) fn position(&self, owner: &str, mid: i64) -> i64 {
        let Some(of_owner) = self.positions.get(owner) else { return 0 };
        position(of_owner, mid)
    }

    /// Position of a message in the timeline of its group.
    pub(crate) fn position_in_group(&self, mid: i64) -> i64 {
        position(&self.in_groups, mid)
    }
}

fn position(positions: &[(i64, i64)], mid: i64) -> i64 {
    positions.binary_search_by_key(&mid, |&(mid, _)| mid).map_or(0, |at| positions[at].1)
}

/// Original of a repeated message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Original {
    pub(crate) mid: i64,
    pub(crate) datetime: u64,
}

/// Signal to one user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OutSignal {
    pub(crate) sid: i64,
    pub(crate) uid: Arc<str>,
    pub(crate) kind: i32,
    pub(crate) body: Bytes,
}

/// Message from the view of one user.
struct Relation<'a> {
    owner: &'a str,
    other: &'a str,
    mid: i64,
    inbox: bool,
    received: bool,
    time: i64,
    owner_seq: i64,
}

/// Appends the new messages.
///
/// No two of the messages may have the same sender and client id.
pub(crate) async fn append(tx: &mut Connection, messages: &[Message]) -> Result<Appended, Error> {
    let fresh = insert_sent(tx, messages).await?;
    let is_fresh = |message: &&Message| fresh.contains(&message.common.log_id);
    let new: Vec<&Message> = messages.iter().filter(is_fresh).collect();
    let (private, group): (Vec<&Message>, Vec<&Message>) =
        new.into_iter().partition(|message| message.to == To::User);
    insert_contents(tx, &private).await?;
    let in_groups = append_to_groups(tx, &group).await?;
    let positions = insert_relations(tx, &private).await?;
    let repeats = messages.iter().filter(|message| !is_fresh(message));
    let repeats = originals(tx, &repeats.collect::<Vec<_>>()).await?;
    Ok(Appended { repeats, positions, in_groups })
}

/// Returns ids and positions.
async fn append_to_groups(
    tx: &mut Connection,
    messages: &[&Message],
) -> Result<Vec<(i64, i64)>, Error> {
    let entries: Vec<_> = messages.iter().map(|it| (EntryKind::Message, &it.common)).collect();
    let positions = append_entries(tx, &entries).await?;
    Ok(messages.iter().map(|message| message.common.log_id).zip(positions).collect())
}

async fn insert_sent(tx: &mut Connection, messages: &[Message]) -> Result<HashSet<i64>, Error> {
    let rows = messages.iter().map(|Message { common, .. }| {
        let (sender, seq) = ((&*common.from).into(), (&*common.msg_id).into());
        [sender, seq, common.log_id.into(), common.datetime.cast_signed().into()]
    });
    let sent = insert("comet_sent", &["sender_id", "seq", "mid", "create_time"]).rows(rows);
    Ok(sent.if_new(tx, 2, "mid").await?.into_iter().collect())
}

/// Repeats are few, so each is looked up individually.
async fn originals(
    tx: &mut Connection,
    repeats: &[&Message],
) -> Result<HashMap<i64, Original>, Error> {
    let mut originals = HashMap::with_capacity(repeats.len());
    for Message { common, .. } in repeats {
        let (mid, time): (i64, i64) =
            sql("SELECT mid, create_time FROM comet_sent WHERE sender_id = ? AND seq = ?")
                .bind(&*common.from)
                .bind(&*common.msg_id)
                .one(tx)
                .await?;
        originals.insert(common.log_id, Original { mid, datetime: time.unsigned_abs() });
    }
    Ok(originals)
}

async fn insert_contents(tx: &mut Connection, messages: &[&Message]) -> Result<(), Error> {
    let rows = messages.iter().map(|Message { common, .. }| {
        [
            common.log_id.into(),
            (&*common.msg_id).into(),
            (&*common.from).into(),
            (&*common.target).into(),
            common.msg_type.into(),
            (&*common.msg).into(),
            common.datetime.cast_signed().into(),
            common.source.as_ref().map(prost::Message::encode_to_vec).into(),
            common.reference.as_ref().map(prost::Message::encode_to_vec).into(),
        ]
    });
    insert("dtalk_msg_content", &CONTENT_COLUMNS).rows(rows).execute(tx).await
}

async fn insert_relations(
    tx: &mut Connection,
    messages: &[&Message],
) -> Result<HashMap<String, Vec<(i64, i64)>>, Error> {
    let mut relations: Vec<Relation<'_>> = messages.iter().flat_map(|m| relations_of(m)).collect();
    // In table order, so that adjacent rows are written together.
    relations.sort_by_key(|relation| (relation.owner, relation.mid));
    number(tx, &mut relations).await?;
    let rows = relations.iter().map(|relation| {
        [
            relation.mid.into(),
            relation.owner.into(),
            relation.other.into(),
            relation.inbox.into(),
            relation.received.into(),
            relation.time.into(),
            relation.owner_seq.into(),
        ]
    });
    insert("dtalk_msg_relation", &RELATION_COLUMNS).rows(rows).execute(tx).await?;
    let of_owner = |rows: &[Relation<'_>]| {
        let places = rows.iter().map(|row| (row.mid, row.owner_seq)).collect();
        (rows[0].owner.to_owned(), places)
    };
    Ok(relations.chunk_by(|a, b| a.owner == b.owner).map(of_owner).collect())
}

/// Row of the sender and row of the receiver; only the first if they are the same user.
fn relations_of(message: &Message) -> impl Iterator<Item = Relation<'_>> {
    let Message { common, from_phone, .. } = message;
    let row = |owner, other, inbox, received| Relation {
        owner,
        other,
        mid: common.log_id,
        inbox,
        received,
        time: common.datetime.cast_signed(),
        owner_seq: 0,
    };
    let outbox = row(&*common.from, &*common.target, false, *from_phone);
    let inbox = row(&*common.target, &*common.from, true, false);
    [Some(outbox), (common.from != common.target).then_some(inbox)].into_iter().flatten()
}

/// Assigns to each relation the next number of its owner. The relations are sorted by owner.
async fn number(tx: &mut Connection, relations: &mut [Relation<'_>]) -> Result<(), Error> {
    let owners: Vec<_> = relations.chunk_by_mut(|a, b| a.owner == b.owner).collect();
    let rows = owners.iter().map(|rows| [rows[0].owner.into(), count(rows.len()).into()]);
    let versions = insert("dtalk_msg_version", &["uid", "version"]).rows(rows).add(tx).await?;
    let versions: HashMap<String, i64> = versions.into_iter().collect();
    for of_owner in owners {
        let last = versions.get(of_owner[0].owner).expect("each sum is returned");
        let before = last - count(of_owner.len());
        for (number, relation) in (before + 1..).zip(of_owner) {
            relation.owner_seq = number;
        }
    }
    Ok(())
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Stores signals until phones acknowledge them.
pub(crate) async fn insert_signals(
    tx: &mut Connection,
    signals: &[OutSignal],
    now: u64,
) -> Result<(), Error> {
    let now = now.cast_signed();
    let rows = signals.iter().map(|signal| {
        let (id, uid, kind) = (signal.sid.into(), (&*signal.uid).into(), signal.kind.into());
        [id, uid, kind, 0.into(), (&*signal.body).into(), now.into(), now.into()]
    });
    insert("dtalk_signal_content", &SIGNAL_COLUMNS).rows(rows).execute(tx).await
}
