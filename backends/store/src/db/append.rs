//! Appending messages and signals, many rows per statement.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use comet_dtalk::message::Common;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::MAX_VARIABLES;
use crate::check::To;

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
}

impl Appended {
    /// Position of a message in the record of this user; 0 if it is not in it.
    pub(crate) fn position(&self, owner: &str, mid: i64) -> i64 {
        let Some(of_owner) = self.positions.get(owner) else { return 0 };
        of_owner.binary_search_by_key(&mid, |&(mid, _)| mid).map_or(0, |at| of_owner[at].1)
    }
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
pub(crate) async fn append(
    tx: &mut SqliteConnection,
    messages: &[Message],
) -> Result<Appended, sqlx::Error> {
    let fresh = insert_sent(tx, messages).await?;
    let is_fresh = |message: &&Message| fresh.contains(&message.common.log_id);
    let new: Vec<&Message> = messages.iter().filter(is_fresh).collect();
    let (private, group): (Vec<&Message>, Vec<&Message>) =
        new.into_iter().partition(|message| message.to == To::User);
    insert_contents(tx, "dtalk_msg_content", &private).await?;
    insert_contents(tx, "dtalk_group_msg_content", &group).await?;
    let positions = insert_relations(tx, &private).await?;
    let repeats = messages.iter().filter(|message| !is_fresh(message));
    let repeats = originals(tx, &repeats.collect::<Vec<_>>()).await?;
    Ok(Appended { repeats, positions })
}

async fn insert_sent(
    tx: &mut SqliteConnection,
    messages: &[Message],
) -> Result<HashSet<i64>, sqlx::Error> {
    let mut fresh = HashSet::with_capacity(messages.len());
    for chunk in messages.chunks(MAX_VARIABLES / 4) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO comet_sent (sender_id, seq, mid, create_time) ",
        );
        query.push_values(chunk, |mut row, Message { common, .. }| {
            row.push_bind(&*common.from).push_bind(&*common.msg_id);
            row.push_bind(common.log_id).push_bind(common.datetime.cast_signed());
        });
        query.push(" ON CONFLICT DO NOTHING RETURNING mid");
        let inserted: Vec<i64> =
            query.build_query_scalar().persistent(false).fetch_all(&mut *tx).await?;
        fresh.extend(inserted);
    }
    Ok(fresh)
}

/// Repeats are few, so each is looked up individually.
async fn originals(
    tx: &mut SqliteConnection,
    repeats: &[&Message],
) -> Result<HashMap<i64, Original>, sqlx::Error> {
    let mut originals = HashMap::with_capacity(repeats.len());
    for Message { common, .. } in repeats {
        let (mid, time): (i64, i64) = sqlx::query_as(
            "SELECT mid, create_time FROM comet_sent WHERE sender_id = ? AND seq = ?",
        )
        .bind(&*common.from)
        .bind(&*common.msg_id)
        .fetch_one(&mut *tx)
        .await?;
        originals.insert(common.log_id, Original { mid, datetime: time.unsigned_abs() });
    }
    Ok(originals)
}

async fn insert_contents(
    tx: &mut SqliteConnection,
    table: &'static str,
    messages: &[&Message],
) -> Result<(), sqlx::Error> {
    for chunk in messages.chunks(MAX_VARIABLES / 9) {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "INSERT INTO {table} (mid, seq, sender_id, receiver_id, msg_type, content, \
             create_time, source, reference) "
        ));
        query.push_values(chunk, |mut row, Message { common, .. }| {
            row.push_bind(common.log_id).push_bind(&*common.msg_id);
            row.push_bind(&*common.from).push_bind(&*common.target);
            row.push_bind(common.msg_type).push_bind(&*common.msg);
            row.push_bind(common.datetime.cast_signed());
            row.push_bind(common.source.as_ref().map(prost::Message::encode_to_vec));
            row.push_bind(common.reference.as_ref().map(prost::Message::encode_to_vec));
        });
        query.build().persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn insert_relations(
    tx: &mut SqliteConnection,
    messages: &[&Message],
) -> Result<HashMap<String, Vec<(i64, i64)>>, sqlx::Error> {
    let mut relations: Vec<Relation<'_>> = messages.iter().flat_map(|m| relations_of(m)).collect();
    // In table order, so that adjacent rows are written together.
    relations.sort_by_key(|relation| (relation.owner, relation.mid));
    number(tx, &mut relations).await?;
    for chunk in relations.chunks(MAX_VARIABLES / 7) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO dtalk_msg_relation (mid, owner_uid, other_uid, type, state, create_time, \
             owner_seq) ",
        );
        query.push_values(chunk, |mut row, relation| {
            row.push_bind(relation.mid).push_bind(relation.owner).push_bind(relation.other);
            row.push_bind(relation.inbox).push_bind(relation.received);
            row.push_bind(relation.time).push_bind(relation.owner_seq);
        });
        query.build().persistent(false).execute(&mut *tx).await?;
    }
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
async fn number(
    tx: &mut SqliteConnection,
    relations: &mut [Relation<'_>],
) -> Result<(), sqlx::Error> {
    for chunk in relations.chunks_mut(MAX_VARIABLES / 2) {
        let owners: Vec<_> = chunk.chunk_by_mut(|a, b| a.owner == b.owner).collect();
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO dtalk_msg_version (uid, version) ");
        query.push_values(&owners, |mut row, of_owner| {
            row.push_bind(of_owner[0].owner).push_bind(count(of_owner.len()));
        });
        query.push(
            " ON CONFLICT (uid) DO UPDATE SET version = version + excluded.version \
             RETURNING uid, version",
        );
        let versions: HashMap<String, i64> = query
            .build_query_as()
            .persistent(false)
            .fetch_all(&mut *tx)
            .await?
            .into_iter()
            .collect();
        for of_owner in owners {
            let last = versions.get(of_owner[0].owner).ok_or(sqlx::Error::RowNotFound)?;
            let before = last - count(of_owner.len());
            for (number, relation) in (before + 1..).zip(of_owner) {
                relation.owner_seq = number;
            }
        }
    }
    Ok(())
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Stores signals until phones acknowledge them.
pub(crate) async fn insert_signals(
    tx: &mut SqliteConnection,
    signals: &[OutSignal],
    now: u64,
) -> Result<(), sqlx::Error> {
    for chunk in signals.chunks(MAX_VARIABLES / 6) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO dtalk_signal_content (id, uid, type, state, content, create_time, \
             update_time) ",
        );
        query.push_values(chunk, |mut row, signal| {
            row.push_bind(signal.sid).push_bind(&*signal.uid).push_bind(signal.kind).push("0");
            row.push_bind(&*signal.body);
            row.push_bind(now.cast_signed()).push_bind(now.cast_signed());
        });
        query.build().persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}
