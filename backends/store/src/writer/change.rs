//! Changes of groups from the outbox: what becomes of them in a transaction, and after it.

use std::collections::HashMap;
use std::sync::Arc;

use comet_dtalk::id::IdGenerator;
use comet_dtalk::message::{Channel, Common, MsgType};
use comet_sql::Connection;

use super::shared::CommitError;
use crate::Change;
use crate::db::{self, OutSignal, Place};
use crate::entry::EntryKind;

/// What is to be delivered because of a change.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Publish this entry to its group; the number is its position.
    Publish(EntryKind, Box<Common>, i64),
    /// Push a signal to its user.
    Push(OutSignal),
    /// These users are members of the group now.
    Join(i64, Vec<String>),
    /// These users are none any more.
    Leave(i64, Vec<String>),
    /// The group has no members any more.
    Dissolve(i64),
}

/// Effects of changes, in order, and the last id given to one; 0 if there is none.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) in_order: Vec<Effect>,
    pub(crate) last: i64,
}

/// Stores the changes, given with their groups: entries of timelines, signals, and stays.
pub(crate) async fn store_changes(
    tx: &mut Connection,
    changes: Vec<(i64, Change)>,
    ids: &IdGenerator,
    now: u64,
) -> Result<Effects, CommitError> {
    let mut effects = Effects::default();
    if changes.is_empty() {
        return Ok(effects);
    }
    let mut groups: Vec<i64> = changes.iter().map(|&(group, _)| group).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut lasts = db::last_positions(tx, groups).await?;
    for (group, change) in changes {
        effects.last = ids.next_at(now)?.get();
        let effect = effect_of(group, change, (effects.last, now), &mut lasts);
        let at = Place { id: effects.last, position: lasts.get(&group).copied().unwrap_or(0) };
        match &effect {
            Effect::Join(group, users) => db::begin_stays(tx, *group, users, at).await?,
            Effect::Leave(group, users) => db::end_stays(tx, *group, users, at).await?,
            Effect::Dissolve(group) => db::end_all_stays(tx, *group, at).await?,
            Effect::Publish(..) | Effect::Push(_) => {}
        }
        effects.in_order.push(effect);
    }
    let (mut entries, mut signals) = (Vec::new(), Vec::new());
    for effect in &effects.in_order {
        match effect {
            Effect::Publish(kind, common, _) => entries.push((*kind, &**common)),
            Effect::Push(signal) => signals.push(signal.clone()),
            _ => {}
        }
    }
    db::append_entries(tx, &entries).await?;
    db::insert_signals(tx, &signals, now).await?;
    Ok(effects)
}

/// Effect of a change with this id and time; an entry gets the next position of its group.
fn effect_of(
    group: i64,
    change: Change,
    (id, now): (i64, u64),
    lasts: &mut HashMap<i64, i64>,
) -> Effect {
    let mut entry = |kind, common: Common| {
        let last = lasts.entry(group).or_default();
        *last += 1;
        let (log_id, target) = (id, group.to_string());
        let channel_type = Channel::ToGroup as i32;
        let common = Common { channel_type, log_id, target, datetime: now, ..common };
        Effect::Publish(kind, Box::new(common), *last)
    };
    match change {
        Change::Join(users) => Effect::Join(group, users),
        Change::Leave(users) => Effect::Leave(group, users),
        Change::Dissolve => Effect::Dissolve(group),
        Change::Notice { from, body } => {
            let (msg_id, msg_type) = (format!("notice-{id}"), MsgType::Notice as i32);
            let notice = Common { from, msg_id, msg_type, msg: body, ..Common::default() };
            entry(EntryKind::Message, notice)
        }
        Change::Signal { kind, body } => {
            let signal = Common { msg_type: kind as i32, msg: body, ..Common::default() };
            entry(EntryKind::Signal, signal)
        }
        Change::SignalTo { user, kind, body } => {
            Effect::Push(OutSignal { sid: id, uid: Arc::from(user), kind: kind as i32, body })
        }
    }
}
