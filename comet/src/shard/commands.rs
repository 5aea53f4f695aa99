//! What the mailbox asks for.

use std::sync::Arc;

use comet_protocol::Outbound;

use super::Shard;
use super::command::{Command, Others, Who};
use super::fanout::Last;
use super::gate::Gate;
use crate::delivery::{Delivery, Reply};
use crate::{Closed, SessionId};

/// Commands carried out before sockets have their turn.
const COMMANDS: usize = 65_536;

impl Shard {
    /// Does what waits in the mailbox.
    pub(super) fn handle_commands(&mut self) {
        for _ in 0..COMMANDS {
            let Some(command) = self.mailbox.take() else { return };
            self.handle_command(command);
            self.flush_if_much();
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Publish { room, delivery } => self.publish(&room, delivery),
            Command::Settled { session, number, reply } => self.settle(session, number, reply),
            Command::Push { session, delivery } => {
                self.deliver_to(&Who::Session(session), delivery);
            }
            Command::PushMany { sessions, delivery } => {
                self.deliver_to(&Who::Sessions(sessions), delivery);
            }
            Command::PushUser { user, delivery } => {
                self.deliver_to(&Who::User(user), delivery);
            }
            Command::PushOthers(others) => self.deliver_to_others(*others),
            Command::Broadcast(delivery) => self.broadcast(delivery),
            Command::Join { who, room } => {
                self.each(&who, |shard, slot| shard.join_from_here(slot, &room));
                let hash = self.shared.homes.room_hash(&room);
                self.shared.presence[self.index].remove(hash);
            }
            Command::Leave { who, room } => {
                self.each(&who, |shard, slot| shard.leave(slot, &room));
            }
            Command::Count(census) => self.take_census(*census),
            Command::Kick { who, reason } => {
                self.each(&who, |shard, slot| shard.end(slot, &Closed::Kicked(reason)));
            }
            Command::Claim(question) => self.claim(*question),
            Command::Decided { session, serial, decision } => {
                self.decide(session, serial, decision);
            }
            Command::Await { session, serial, then } => self.tell_awaited(session, serial, then),
            Command::Arrive(arrival) => self.arrive(*arrival),
            // It is looked at when the turn ends.
            Command::Relieve => self.shedding.is_asked = true,
            Command::Drain(within) => self.begin_drain(within),
            Command::Reconfigure { message_rate, handshake_rate } => {
                self.limits.message_rate = message_rate;
                self.gate = Gate::new(handshake_rate, self.shared.config.shards);
            }
        }
    }

    fn deliver_to(&mut self, who: &Who, delivery: Delivery) {
        match self.hold(delivery, None) {
            Ok(item) => self.each(who, |shard, slot| shard.deliver(slot, &item)),
            Err(delivery) => {
                self.each(who, |shard, slot| shard.lose_delivery(slot, &delivery, None));
            }
        }
    }

    fn deliver_to_others(&mut self, others: Others) {
        let Others { user, device, most, delivery } = others;
        let held = self.hold(delivery, None);
        let mut left = most;
        self.each(&Who::User(user), |shard, slot| {
            if left == 0 || !shard.is_on_another_device(slot, &device) {
                return;
            }
            left -= 1;
            match &held {
                Ok(item) => shard.deliver(slot, item),
                Err(delivery) => shard.lose_delivery(slot, delivery, None),
            }
        });
    }

    fn is_on_another_device(&self, slot: u32, device: &str) -> bool {
        self.bucket.get(slot).is_some_and(|member| {
            let peer = member.peer.as_ref();
            member.session.is_open() && peer.is_some_and(|peer| peer.device() != device)
        })
    }

    /// Does something with each session that is meant, connected or parked.
    fn each(&mut self, who: &Who, mut what: impl FnMut(&mut Self, u32)) {
        self.finish_run(Last::No);
        let mut found = std::mem::take(&mut self.found);
        match who {
            Who::Session(session) => found.extend(self.bucket.find(*session)),
            Who::Sessions(sessions) => {
                found.extend(sessions.iter().filter_map(|session| self.bucket.find(*session)));
            }
            Who::User(name) => self.bucket.sessions_of(&name.app, &name.user, &mut found),
        }
        for slot in found.drain(..) {
            if self.bucket.get(slot).is_some_and(|member| member.session.is_alive()) {
                what(self, slot);
            }
        }
        self.found = found;
    }

    fn broadcast(&mut self, delivery: Delivery) {
        self.finish_run(Last::No);
        let item = self.hold(delivery, None);
        let mut found = std::mem::take(&mut self.found);
        found.extend(self.bucket.occupied());
        for slot in found.drain(..) {
            match &item {
                Ok(item) => self.deliver(slot, item),
                Err(delivery) => self.lose_delivery(slot, delivery, None),
            }
            self.flush_if_much();
        }
        self.found = found;
    }

    /// Puts an open session of this shard into a room.
    pub(super) fn join_from_here(&mut self, slot: u32, room: &Arc<str>) {
        self.finish_run(Last::No);
        let limit = self.shared.config.rooms_per_session;
        match self.bucket.join(slot, room, limit) {
            Ok(true) => {
                let hash = self.shared.homes.room_hash(room);
                self.shared.presence[self.index].add(hash);
            }
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(session = %self.bucket.id(slot), ?error, "room not joined");
            }
        }
    }

    fn leave(&mut self, slot: u32, room: &str) {
        self.finish_run(Last::No);
        if self.bucket.leave(slot, room) == Some(true) {
            self.room_is_gone(room);
        }
    }

    /// Takes a session out of all its rooms.
    pub(super) fn leave_all(&mut self, slot: u32) {
        self.finish_run(Last::No);
        while let Some(gone) = self.bucket.leave_last(slot) {
            if let Some(room) = gone {
                self.room_is_gone(&room);
            }
        }
    }

    fn room_is_gone(&self, room: &str) {
        self.shared.presence[self.index].remove(self.shared.homes.room_hash(room));
    }

    fn settle(&mut self, id: SessionId, number: u32, reply: Reply) {
        let Some(slot) = self.bucket.find(id) else { return };
        let Some(member) = self.bucket.get_mut(slot) else { return };
        if !member.session.settle(number, reply) {
            return;
        }
        if member.session.recharge().is_err() {
            return self.end_for_good(slot, &Closed::Shed);
        }
        self.send_answers(slot);
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some((seq, op, body)) = member.session.poll_reply()
        {
            self.send(slot, Outbound::SendReply { seq, op }, &body);
        }
        self.resume(slot);
    }

    /// Sends what a comet peer is to hear about its messages.
    pub(super) fn send_answers(&mut self, slot: u32) {
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some((seq, answer)) = member.session.poll_answer()
        {
            self.send_answer(slot, seq, answer);
        }
    }
}
