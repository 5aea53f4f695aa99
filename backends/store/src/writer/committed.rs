//! Committed transaction: answers to its senders, and its deliveries.

use std::hash::Hash;
use std::sync::Arc;

use comet_dtalk::message::Common;

use super::act::Outgoing;
use super::change::{Effect, Effects};
use super::feeds::Feeds;
use super::job::ActError;
use super::outlet::Outlet;
use super::plan::Plan;
use super::reply::Stored;
use crate::body;
use crate::catch_up::Item;
use crate::check::To;
use crate::db::{self, Appended, Original, OutSignal};
use crate::entry::EntryKind;
use crate::tag::Tag;

/// Result of a committed transaction.
pub(crate) struct Committed {
    pub(crate) plan: Plan,
    pub(crate) appended: Appended,
    pub(crate) verdicts: Vec<Result<(), ActError>>,
    pub(crate) outgoing: Outgoing,
    /// Positions of the signals to groups in `outgoing`.
    pub(crate) positions: Vec<i64>,
    /// Of changes of groups.
    pub(crate) effects: Effects,
}

impl Committed {
    /// Answer to the sender of the message at this place.
    pub(crate) fn stored(&self, place: usize) -> Stored {
        let common = &self.plan.messages[place].common;
        match self.appended.repeats.get(&common.log_id) {
            Some(&Original { mid, datetime }) => Stored { mid, datetime, repeat: true },
            None => Stored { mid: common.log_id, datetime: common.datetime, repeat: false },
        }
    }

    /// New messages.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &db::Message> {
        let repeats = &self.appended.repeats;
        self.plan.messages.iter().filter(|m| !repeats.contains_key(&m.common.log_id))
    }

    /// Delivers everything new, in the order of ids.
    pub(crate) fn deliver<S: Copy + Eq + Hash>(
        &self,
        feeds: &mut Feeds<S>,
        outlet: &mut impl Outlet<S>,
    ) {
        for message in self.fresh() {
            let common = &message.common;
            match message.to {
                To::User => {
                    let tag = Tag::Message(common.log_id).encode();
                    let body = body::message(common);
                    let mut item = Item { id: common.log_id, position: 0, body, tag };
                    for uid in message.owners() {
                        item.position = self.appended.position(uid, item.id);
                        feeds.deliver_to(uid, &item, outlet);
                    }
                }
                To::Group(_) => {
                    let position = self.appended.position_in_group(common.log_id);
                    publish(EntryKind::Message, common, position, feeds, outlet);
                    if message.from_phone {
                        feeds.receipts.note(&Arc::from(&*common.from), common.log_id);
                    }
                }
            }
        }
        self.outgoing.signals.iter().for_each(|signal| push(signal, feeds, outlet));
        for (common, &position) in self.outgoing.group_signals.iter().zip(&self.positions) {
            publish(EntryKind::Signal, common, position, feeds, outlet);
        }
        for effect in &self.effects.in_order {
            match effect {
                Effect::Publish(kind, common, position) => {
                    publish(*kind, common, *position, feeds, outlet);
                }
                Effect::Push(signal) => push(signal, feeds, outlet),
                Effect::Join(group, users) => feeds.join_users(*group, users, outlet),
                Effect::Leave(group, users) => feeds.leave_users(*group, users, outlet),
                Effect::Dissolve(group) => feeds.dissolve(*group, outlet),
            }
        }
    }
}

fn push<S: Copy + Eq + Hash>(
    OutSignal { sid, uid, kind, body }: &OutSignal,
    feeds: &mut Feeds<S>,
    outlet: &mut impl Outlet<S>,
) {
    let body = body::signal(*kind, body.clone(), *sid);
    let item = Item { id: *sid, position: 0, body, tag: Tag::Signal(*sid).encode() };
    feeds.deliver_to(uid, &item, outlet);
}

fn publish<S: Copy + Eq + Hash>(
    kind: EntryKind,
    common: &Common,
    position: i64,
    feeds: &mut Feeds<S>,
    outlet: &mut impl Outlet<S>,
) {
    let Ok(group) = common.target.parse() else { return };
    let (id, tag) = (common.log_id, Tag::Group(common.log_id).encode());
    feeds.publish(group, &Item { id, position, body: body::entry(kind, common), tag }, outlet);
}
