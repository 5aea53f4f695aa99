//! Commands from the mailbox.
//!
//! Publishes to one room that follow each other are gathered into a batch. Commands that may change
//! the members of rooms, or must come after the publishes, have it handed out first: there is one
//! door for that, [`Shard::finish_batch`].

use std::rc::Rc;
use std::sync::Arc;

use super::Shard;
use super::admission::tell_awaited;
use super::command::{Command, Others, Who};
use super::drain::Drain;
use super::endpoints::Endpoints;
use super::publisher::{Last, lose_for_room};
use super::sessions::Sessions;
use super::{census, lifecycle};
use crate::Closed;
use crate::delivery::{Delivery, Held};

/// Commands carried out before sockets have their turn.
const COMMANDS: usize = 65_536;

impl Shard {
    /// Carries out the commands in the mailbox.
    pub(super) fn handle_commands(&mut self) {
        for _ in 0..COMMANDS {
            let Some(command) = self.mailbox.take() else { return };
            if command.ends_batch() {
                self.finish_batch(Last::No);
            }
            self.handle_command(command);
            if self.sessions.has_effects() {
                self.finish_batch(Last::No);
                self.sessions.carry_out_effects();
            }
            self.flush_if_much();
        }
    }

    fn handle_command(&mut self, command: Command) {
        let Self { sessions, admission, .. } = self;
        match command {
            Command::Publish { room, delivery } => self.publish(&room, delivery),
            Command::Settled { session, number, answer } => {
                sessions.endpoints.settle(session, number, answer);
            }
            Command::Push { session, delivery } => {
                self.deliver_to(&Who::Session(session), delivery);
            }
            Command::PushMany { sessions, delivery } => {
                self.deliver_to(&Who::Sessions(sessions), delivery);
            }
            Command::PushUser { user, delivery } => self.deliver_to(&Who::User(user), delivery),
            Command::PushOthers(others) => self.deliver_to_others(*others),
            Command::Broadcast(delivery) => self.broadcast(delivery),
            Command::Join { who, room } => {
                self.each(&who, |shard, slot| {
                    lifecycle::join(&mut shard.sessions.endpoints, slot, &room);
                });
                let cx = &self.sessions.endpoints.cx;
                cx.shared.room_filters[cx.index].remove(cx.shared.homes.room_hash(&room));
            }
            Command::Leave { who, room } => self.each(&who, |shard, slot| {
                lifecycle::leave(&mut shard.sessions.endpoints, slot, &room);
            }),
            Command::Count(census) => {
                let counting = &mut self.reader.counting;
                census::go_on(&mut sessions.endpoints, counting, *census);
            }
            Command::Kick { who, reason } => self.each(&who, |shard, slot| {
                shard.sessions.end(slot, &Closed::Kicked(Arc::clone(&reason)));
            }),
            #[cfg(feature = "tokio")]
            Command::Fail { session, closed } => {
                self.each(&Who::Session(session), |shard, slot| {
                    shard.sessions.end(slot, &closed);
                })
            }
            Command::SetExpiry { who, after } => self.each(&who, |shard, slot| {
                let Sessions { endpoints, lifecycle, .. } = &mut shard.sessions;
                lifecycle.set_expiry(endpoints, slot, after);
            }),
            Command::Claim(question) => {
                sessions.lifecycle.claim(&mut sessions.endpoints, *question);
            }
            Command::Decided { session, serial, decision } => {
                admission.decide(sessions, session, serial, decision);
            }
            Command::Await { session, serial, then } => {
                tell_awaited(&sessions.endpoints, session, serial, then);
            }
            Command::Handoff(handoff) => admission.arrive(sessions, *handoff),
            Command::Relieve => sessions.relieve_others(),
            Command::Drain(within) => {
                admission.listeners.close();
                self.drain.get_or_insert_with(|| Drain::begin(sessions, within)).go_on(sessions);
            }
            Command::Reconfigure { message_rate, handshake_rate } => {
                let cx = &mut sessions.endpoints.cx;
                cx.limits.message_rate = message_rate;
                admission.set_rate(handshake_rate, cx.shared.config.shards);
            }
        }
    }

    /// Hands out the batch that is being gathered.
    pub(super) fn finish_batch(&mut self, last: Last) {
        if !self.publisher.is_empty() {
            self.reader.note_publish();
        }
        self.publisher.finish(&mut self.sessions, last);
    }

    /// Adds a publish to the batch, or begins another one with it.
    fn publish(&mut self, name: &Arc<str>, delivery: Delivery) {
        // Making room for it may end the last of the room's members.
        let held = self.hold(delivery, Some(name));
        let room = self.sessions.endpoints.bucket.room(name);
        match (held, room) {
            (Ok(item), Some(room)) if self.publisher.goes_on(room, &item) => {
                self.publisher.gather(&mut self.sessions.endpoints, room, item);
            }
            (Ok(item), Some(_)) => {
                self.finish_batch(Last::No);
                let ep = &mut self.sessions.endpoints;
                if let Some(room) = ep.bucket.room(name) {
                    self.publisher.gather(ep, room, item);
                }
            }
            (Err(delivery), Some(_)) => {
                self.finish_batch(Last::No);
                let ep = &mut self.sessions.endpoints;
                if let Some(room) = ep.bucket.room(name) {
                    lose_for_room(ep, room, &delivery);
                }
            }
            (_, None) => {}
        }
    }

    /// Keeps a delivery for as long as a session needs it. It comes back if there is no memory for
    /// it, though other sessions were asked to give some up.
    fn hold(&mut self, delivery: Delivery, room: Option<&Arc<str>>) -> Result<Rc<Held>, Delivery> {
        if self.sessions.is_critical() {
            // Its delivery takes memory, too.
            self.finish_batch(Last::No);
            self.sessions.give_up_memory();
        }
        self.sessions.hold(delivery, room).or_else(|delivery| {
            // Output that only waits for the end of the turn is no sign of a slow reader.
            self.finish_batch(Last::No);
            self.sessions.flush();
            self.sessions.give_up_memory();
            self.sessions.hold(delivery, room)
        })
    }

    fn deliver_to(&mut self, who: &Who, delivery: Delivery) {
        let held = self.hold(delivery, None);
        self.each(who, |shard, slot| deliver(&mut shard.sessions.endpoints, slot, &held));
    }

    fn deliver_to_others(&mut self, others: Others) {
        let Others { user, device, most, delivery } = others;
        let held = self.hold(delivery, None);
        let mut left = most;
        self.each(&Who::User(user), |shard, slot| {
            let ep = &mut shard.sessions.endpoints;
            if left > 0 && is_on_another_device(ep, slot, &device) {
                left -= 1;
                deliver(ep, slot, &held);
            }
        });
    }

    fn broadcast(&mut self, delivery: Delivery) {
        let held = self.hold(delivery, None);
        let all: Vec<u32> = self.sessions.endpoints.bucket.occupied().collect();
        for slot in all {
            deliver(&mut self.sessions.endpoints, slot, &held);
            self.sessions.carry_out_effects();
            self.flush_if_much();
        }
    }

    /// Does something with each session that is meant, connected or parked.
    fn each(&mut self, who: &Who, mut what: impl FnMut(&mut Self, u32)) {
        let mut found = std::mem::take(&mut self.found);
        let bucket = &self.sessions.endpoints.bucket;
        match who {
            Who::Session(session) => found.extend(bucket.find(*session)),
            Who::Sessions(sessions) => {
                found.extend(sessions.iter().filter_map(|session| bucket.find(*session)));
            }
            Who::User(name) => bucket.sessions_of(&name.app, &name.user, &mut found),
            Who::Room(name) => {
                let members = bucket.room(name).map(|room| bucket.members(room));
                found.extend(members.into_iter().flatten().map(|member| member.slot));
            }
            Who::All => found.extend(bucket.occupied()),
        }
        for slot in found.drain(..) {
            if self.sessions.endpoints.bucket.is_alive(slot) {
                what(self, slot);
                self.sessions.carry_out_effects();
                self.flush_if_much();
            }
        }
        self.found = found;
    }

    /// Writes before the turn ends if it has queued much.
    fn flush_if_much(&mut self) {
        if self.sessions.endpoints.connections.has_queued_much() {
            self.finish_batch(Last::No);
            self.sessions.flush();
        }
    }
}

/// Delivers to one session, or says that a delivery is missing for want of memory.
fn deliver(ep: &mut Endpoints, slot: u32, held: &Result<Rc<Held>, Delivery>) {
    match held {
        Ok(item) => ep.deliver(slot, item),
        Err(delivery) => ep.lose_delivery(slot, delivery, None),
    }
}

fn is_on_another_device(ep: &Endpoints, slot: u32, device: &str) -> bool {
    ep.bucket.get(slot).is_some_and(|member| {
        let peer = member.peer.as_ref();
        member.session.state().is_open() && peer.is_some_and(|peer| peer.device() != device)
    })
}
