//! Publishes to a room: encoded once for each wire format, written once to each member.
//!
//! Publishes to one room that follow each other form a [`Run`]. When the run ends, each member gets
//! all of it at once. Deliveries to different members differ in nothing but their numbers, so the
//! encoded bytes are a template whose numbers are overwritten in place for each member, and the
//! template itself, or a copy where it has numbers, is what the `burst` writes: no queue and no
//! allocation for a member whose socket takes it.

use std::io::ErrorKind;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use comet_protocol::Dialect;
use comet_protocol::comet::Seq;

use super::Shard;
use super::connection::format_of;
use super::run::{Later, Run};
use super::write_queue::{Keeper, SHARE_FROM};
use crate::delivery::{Class, Delivery, Held, Logged, Pushed};
use crate::plant::Plant;
use crate::session::Wait;
use crate::{Closed, Stats};

/// Whether more may be queued for the same connections in this turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Last {
    /// No: what goes to a connection with an empty queue may be written at once.
    Yes,
    /// Yes: everything is queued, and leaves with what follows.
    No,
}

/// What of a run a member is to get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) slot: u32,
    pub(super) format: usize,
    /// Number of the first delivery; 0 for none.
    pub(super) first: u32,
    pub(super) count: usize,
}

impl Shard {
    /// Adds a publish to the run, or begins another one with it.
    pub(super) fn publish(&mut self, room: &Arc<str>, delivery: Delivery) {
        // Making room for it may end the last of the room's members.
        let held = self.hold(delivery, Some(room));
        let Some(room) = self.bucket.room(room) else { return };
        match held {
            Ok(item) => {
                if !self.run.goes_on(room, &item) {
                    self.finish_run(Last::No);
                }
                self.run.push(room, item);
            }
            Err(delivery) => {
                self.finish_run(Last::No);
                self.lose_for_room(room, &delivery);
            }
        }
    }

    /// Hands the run to the room's members.
    pub(super) fn finish_run(&mut self, last: Last) {
        if self.run.items.is_empty() {
            return;
        }
        // Taken out, so that nothing below can add to it or end it again.
        let mut run = mem::take(&mut self.run);
        if self.limits.planted.has(Plant::RoomReorder) {
            run.reorder();
        }
        let timed = self.bucket.members(run.room).len() >= Stats::FAN_OUT_FROM;
        let began = timed.then(|| self.shared.clock.now());
        let mut at = 0;
        while let Some(place) = self.bucket.members(run.room).get(at).copied() {
            if let Some(part) = self.admit_run(place.slot, &mut run) {
                if part.first == 0 {
                    self.note_direct(part);
                }
                self.write_run(part, &mut run, last);
                if self.has_queued_much()
                    && let Err(kind) = self.write_out(place.slot)
                {
                    self.lose_later(place.slot, kind, &mut run);
                }
            }
            at += 1;
            if last == Last::Yes {
                at = self.plan_direct(at, &mut run);
            }
        }
        self.write_burst(&mut run);
        if let Some(logged) = run.logged.take() {
            logged.log.borrow_mut().tidy();
        }
        for (slot, what) in mem::take(&mut run.later) {
            self.do_later(slot, &what, &run.items);
        }
        if let Some(began) = began {
            self.counters().fan_out.record_alone(self.shared.clock.now().since(began));
        }
        run.clear();
        self.run = run;
    }

    /// The connection broke, of which its session hears when the walk is over.
    pub(super) fn lose_later(&mut self, slot: u32, kind: ErrorKind, run: &mut Run) {
        if let Some(key) = self.connections.key(slot) {
            run.later.push((slot, Later::Lost { kind, key }));
        }
    }

    fn do_later(&mut self, slot: u32, what: &Later, items: &[Rc<Held>]) {
        match what {
            // What was done before this may have ended it, and given its slot to another.
            Later::Lost { key, .. } if !self.connections.has(*key) => {}
            // Or have parked it.
            Later::Lost { .. } | Later::Fallen if self.is_parked(slot) => {}
            Later::Lost { kind: ErrorKind::OutOfMemory, .. } => self.run_out_of_memory(slot),
            Later::Lost { kind, .. } => self.lose(slot, *kind),
            Later::Fallen => self.fall_behind(slot),
            Later::Tell => self.send_waiting(slot),
            Later::Broken => self.end_for_good(slot, &Closed::Shed),
            Later::Full(from) => {
                if !self.is_parked(slot) {
                    self.fall_behind(slot);
                }
                items[*from..].iter().for_each(|item| self.deliver(slot, item));
            }
            Later::Singly => items.iter().for_each(|item| self.deliver(slot, item)),
        }
    }

    /// Asks the member's session how much of the run is to be sent now.
    fn admit_run(&mut self, slot: u32, run: &mut Run) -> Option<Part> {
        // A member whose end has begun is about to leave the room.
        let session = &self.bucket.get(slot)?.session;
        if !session.is_alive() {
            return None;
        }
        let singly = run.class != Class::Acked
            && session
                .conversation()
                .is_some_and(|it| it.has_to_say() || !it.takes(run.class, run.longest));
        let Some(connection) = self.connections.get(slot) else {
            self.park_run(slot, run);
            return None;
        };
        let format = connection.format()?;
        let dialect = format_of(format).0;
        let all = run.items.len();
        if run.class == Class::Acked && dialect.has_acks() {
            return self.admit_acked(slot, format, run);
        }
        let conflated = run.class == Class::Latest && dialect == Dialect::Comet;
        let backlog = connection.backlog();
        if singly || (conflated && backlog > 0) {
            run.later.push((slot, Later::Singly));
            return None;
        }
        if self.is_too_far_behind(backlog) {
            run.items.iter().for_each(|item| self.drop_item(slot, item));
            return None;
        }
        self.counters().deliveries.add(all as u64);
        Some(Part { slot, format, first: 0, count: all })
    }

    fn admit_acked(&mut self, slot: u32, format: usize, run: &mut Run) -> Option<Part> {
        let now = self.now;
        let session = &mut self.bucket.get_mut(slot)?.session;
        let Pushed { first, count, is_sooner } =
            session.push(now, &self.account, &run.items, &self.limits);
        if is_sooner {
            let due = session.poll_timeout(now, &self.limits);
            self.wheel.arm_by(slot, due);
        }
        self.counters().deliveries.add(count as u64);
        if count < run.items.len() {
            self.wait_for_run(slot, count, run);
        }
        (count > 0).then_some(Part { slot, format, first: first.get(), count })
    }

    /// Keeps the run from an item on for a member that cannot be sent it now.
    fn wait_for_run(&mut self, slot: u32, from: usize, run: &mut Run) {
        let at = self.logged(run);
        self.shedding.holders.note(slot);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        let mut tell = false;
        for (index, item) in run.items.iter().enumerate().skip(from) {
            let logged = Logged { log: Rc::clone(&at.log), index: at.index + index as u64 };
            let limits = &self.limits;
            let session = &mut member.session;
            match session.wait(&self.account, item, Some(&logged), limits) {
                Wait::Queued => self.shared.counters[self.index].deliveries.add(1),
                Wait::Lost => tell = true,
                Wait::Fallen => {
                    self.shared.counters[self.index].deliveries.add(1);
                    if run.later.last().is_none_or(|(last, _)| *last != slot) {
                        run.later.push((slot, Later::Fallen));
                    }
                }
                Wait::Full => return run.later.push((slot, Later::Full(index))),
                Wait::Broken => return run.later.push((slot, Later::Broken)),
            }
        }
        if tell {
            run.later.push((slot, Later::Tell));
        }
    }

    /// Where the run stands in its room's log; from the first member on that needs it there.
    fn logged(&mut self, run: &mut Run) -> Logged {
        if let Some(logged) = &run.logged {
            return logged.clone();
        }
        let log = self.bucket.log(run.room, &self.account);
        let config = &self.shared.config;
        let (most, bytes) = (config.room_log, config.room_log_bytes);
        let mut index = None;
        for item in &run.items {
            let number = log.borrow_mut().append(item, most, bytes);
            index.get_or_insert(number);
        }
        let logged = Logged { log, index: index.unwrap_or(0) };
        run.logged = Some(logged.clone());
        logged
    }

    /// Keeps the run for a parked member, as far as it is promised.
    fn park_run(&mut self, slot: u32, run: &mut Run) {
        match run.class {
            Class::Acked => self.wait_for_run(slot, 0, run),
            Class::BestEffort | Class::Latest => run.later.push((slot, Later::Singly)),
        }
    }

    fn write_run(&mut self, part: Part, run: &mut Run, last: Last) {
        let Part { slot, format, count, .. } = part;
        let template = &mut run.templates[format];
        template.fill(format, &run.items);
        if !template.can_give(count, run.items.len()) {
            return self.write_singly(part, run);
        }
        let is_idle =
            self.connections.get_mut(slot).is_some_and(|connection| connection.out.is_none());
        if last == Last::Yes && is_idle {
            self.plan_write(part, run);
        } else {
            self.queue_run(part, run, 0);
        }
    }

    /// Queues what the socket did not take, or may not be given yet.
    pub(super) fn queue_run(&mut self, part: Part, run: &mut Run, written: usize) {
        let Part { slot, format, first, count } = part;
        if written == 0 && first != 0 && run.longest >= SHARE_FROM {
            return self.write_singly(part, run);
        }
        let template = &mut run.templates[format];
        let keeper = match first {
            0 if run.bytes >= SHARE_FROM => template.shared(&self.account),
            _ => None,
        };
        let Some(out) = self.connections.queue(slot, self.now) else { return };
        let before = out.len();
        match keeper {
            Some((bytes, charge)) => {
                out.push_shared(&bytes.slice(written..), || Keeper::Charge(charge));
            }
            None => out.push(&run.templates[format].numbered(first, count)[written..]),
        }
        self.queued += out.len() - before;
    }

    fn write_singly(&mut self, part: Part, run: &Run) {
        let mut seq = Seq::new(part.first);
        for item in &run.items[..part.count] {
            self.send_delivery(part.slot, seq.get(), item);
            seq = if seq.is_none() { seq } else { seq.next() };
        }
    }
}
