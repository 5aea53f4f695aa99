//! The walk over a room's members that hands out a batch.

use std::io::{self, ErrorKind};
use std::mem;
use std::rc::Rc;

use comet_protocol::comet::Seq;

use super::super::connections::{BATCH, Format, Keeper, SHARE_FROM};
use super::super::endpoints::Endpoints;
use super::super::endpoints::lanes::has_lanes;
use super::publish_batch::PublishBatch;
use super::write_batch::{Planned, WriteBatch};
use super::{Last, Later, Part};
use crate::delivery::{Class, Logged, Pushed};
use crate::session::Wait;

/// A walk under way. It ends no session: consequences are noted for later.
pub(super) struct Walk<'a> {
    pub(super) ep: &'a mut Endpoints,
    pub(super) batch: &'a mut PublishBatch,
    pub(super) writes: &'a mut WriteBatch,
    pub(super) later: &'a mut Vec<(u32, Later)>,
}

impl Walk<'_> {
    /// Hands the batch to all members.
    pub(super) fn over_members(&mut self, last: Last) {
        let mut at = 0;
        while let Some(place) = self.ep.bucket.members(self.batch.room).get(at).copied() {
            if let Some(part) = self.admit(place.slot) {
                if part.first == 0 {
                    note_direct(self.ep, part);
                }
                self.write(part, last);
                if self.ep.connections.has_queued_much()
                    && let Err(kind) = self.ep.write_out(place.slot)
                {
                    self.lose_later(place.slot, kind);
                }
            }
            at += 1;
            if last == Last::Yes && self.is_direct_at(at) {
                at = self.plan_direct(at);
            }
        }
        self.write_planned();
    }

    /// Notes a broken connection, which its session learns of when the walk is over.
    fn lose_later(&mut self, slot: u32, kind: ErrorKind) {
        if let Some(key) = self.ep.connections.key(slot) {
            self.later.push((slot, Later::Lost { kind, key }));
        }
    }

    /// Asks the member's session how much of the batch is to be sent now.
    fn admit(&mut self, slot: u32) -> Option<Part> {
        // A member whose end has begun is about to leave the room.
        let session = &self.ep.bucket.get(slot)?.session;
        if !session.state().is_alive() {
            return None;
        }
        if !self.batch.falls_back {
            // Members in one format differ in what they know.
            self.later.push((slot, Later::Singly));
            return None;
        }
        let class = self.batch.class;
        let longest = self.batch.longest;
        let singly = class != Class::Acked
            && session.comet_state().is_some_and(|it| it.has_to_say() || !it.takes(class, longest));
        let Some(connection) = self.ep.connections.get(slot) else {
            self.keep_for_parked(slot);
            return None;
        };
        let format = connection.format()?;
        if class == Class::Acked && format.dialect().abilities().has_acks() {
            return self.admit_acked(slot, format);
        }
        let conflated = class == Class::Latest && session.comet_state().is_some();
        let backlog = connection.backlog();
        if singly || (conflated && backlog > 0) {
            self.later.push((slot, Later::Singly));
            return None;
        }
        if self.ep.is_too_far_behind(backlog) {
            self.batch.items.iter().for_each(|item| self.ep.drop_item(slot, item));
            return None;
        }
        let count = self.batch.items.len();
        self.ep.cx.counters().deliveries.add(count as u64);
        Some(Part { slot, format, first: 0, count })
    }

    fn admit_acked(&mut self, slot: u32, format: Format) -> Option<Part> {
        let Endpoints { cx, bucket, account, wheel, .. } = &mut *self.ep;
        let session = &mut bucket.get_mut(slot)?.session;
        let Pushed { first, count, due } =
            session.push(cx.now, account, &self.batch.items, &cx.limits);
        if let Some(due) = due {
            wheel.arm_by(slot, due);
        }
        cx.counters().deliveries.add(count as u64);
        if count < self.batch.items.len() {
            self.keep_from(slot, count);
        }
        (count > 0).then_some(Part { slot, format, first: first.get(), count })
    }

    /// Keeps the batch from an item on for a member that cannot be sent it now.
    fn keep_from(&mut self, slot: u32, from: usize) {
        let at = self.logged();
        let Endpoints { cx, bucket, account, holders, wheel, .. } = &mut *self.ep;
        holders.note(slot);
        let Some(member) = bucket.get_mut(slot) else { return };
        if member.session.state().is_parked()
            && let Some(by) = cx.limits.overdue_by(cx.now)
        {
            wheel.arm_by(slot, by);
        }
        let mut tell = false;
        for (index, item) in self.batch.items.iter().enumerate().skip(from) {
            let logged = Logged { log: Rc::clone(&at.log), index: at.index + index as u64 };
            match member.session.wait(account, item, Some(&logged), &cx.limits) {
                Wait::Queued => cx.counters().deliveries.add(1),
                Wait::Lost => tell = true,
                Wait::Fallen => {
                    cx.counters().deliveries.add(1);
                    if self.later.last().is_none_or(|(last, _)| *last != slot) {
                        self.later.push((slot, Later::Fallen));
                    }
                }
                Wait::Full => return self.later.push((slot, Later::Full(index))),
                Wait::Broken => return self.later.push((slot, Later::Broken)),
            }
        }
        if tell {
            self.later.push((slot, Later::Tell));
        }
    }

    /// The place of the batch in its room's log; from the first member on that needs it there.
    fn logged(&mut self) -> Logged {
        if let Some(logged) = &self.batch.logged {
            return logged.clone();
        }
        let log = self.ep.bucket.log(self.batch.room, &self.ep.account);
        let config = &self.ep.cx.shared.config.delivery;
        let (most, bytes) = (config.room_log, config.room_log_bytes);
        let mut index = None;
        for item in &self.batch.items {
            let number = log.borrow_mut().append(item, most, bytes);
            index.get_or_insert(number);
        }
        let logged = Logged { log, index: index.unwrap_or(0) };
        self.batch.logged = Some(logged.clone());
        logged
    }

    /// Keeps the batch for a parked member, as far as it is promised.
    fn keep_for_parked(&mut self, slot: u32) {
        match self.batch.class {
            Class::Acked => self.keep_from(slot, 0),
            _ => self.later.push((slot, Later::Singly)),
        }
    }

    fn write(&mut self, part: Part, last: Last) {
        let Part { slot, format, count, .. } = part;
        let all = self.batch.items.len();
        let template = self.batch.fill(format, self.ep.connections.scratch.compressor());
        if !template.can_give(count, all) {
            return self.write_singly(part);
        }
        let connection = self.ep.connections.get(slot);
        let len = template.full_len();
        let is_ready = connection.is_some_and(|it| it.out.is_none() && it.takes_batched(len));
        if last == Last::Yes && is_ready {
            self.plan(part);
        } else {
            self.queue(part, 0);
        }
    }

    /// Queues bytes that the socket did not take, or may not be given yet.
    fn queue(&mut self, part: Part, written: usize) {
        let Part { slot, format, first, count } = part;
        // To be compressed for each member again would cost more than the copies.
        let is_shared = self.batch.longest >= SHARE_FROM && format.deflate().is_none();
        if written == 0 && first != 0 && (is_shared || has_lanes(self.ep, slot)) {
            return self.write_singly(part);
        }
        let template = &mut self.batch.templates[format.index()];
        let keeper = match first {
            0 if self.batch.bytes >= SHARE_FROM => template.shared(&self.ep.account),
            _ => None,
        };
        let Some(mut out) = self.ep.out(slot) else { return };
        out.encoded(|queue| match keeper {
            Some((bytes, charge)) => {
                queue.push_shared(&bytes.slice(written..), || Keeper::Charge(charge));
            }
            None => queue.push(&template.numbered(first, count)[written..]),
        });
    }

    fn write_singly(&mut self, part: Part) {
        let mut seq = Seq::new(part.first);
        for item in &self.batch.items[..part.count] {
            self.ep.send_item(part.slot, seq, item);
            seq = if seq.is_none() { seq } else { seq.next() };
        }
    }

    /// Has a part written with the next batch of writes. Its connection has no queue.
    fn plan(&mut self, part: Part) {
        self.writes.plan(part, &mut self.batch.templates[part.format.index()]);
        if self.writes.is_full() {
            self.write_planned();
        }
    }

    /// Whether the member at a place is on the fast path.
    #[inline]
    fn is_direct_at(&self, at: usize) -> bool {
        let place = self.ep.bucket.members(self.batch.room).get(at);
        place.is_some_and(|it| self.ep.connections.direct_format(it.slot).is_some())
    }

    /// Plans the writes of members on the fast path, from one of them on. The first that is not on
    /// it, or in whose format the batch has not been encoded.
    fn plan_direct(&mut self, mut at: usize) -> usize {
        let from = at;
        let count = self.batch.items.len();
        // Most members have the format of the one before.
        let (mut known, mut len) = (None, 0);
        loop {
            let before = self.writes.len();
            let (batch, connections) = (&*self.batch, &self.ep.connections);
            let room = BATCH.saturating_sub(before);
            for place in self.ep.bucket.members(batch.room)[at..].iter().take(room) {
                let format = connections.direct_format(place.slot);
                if format != known {
                    (known, len) = (format, batch.direct_len(format));
                }
                let Some(format) = format.filter(|_| len > 0) else { break };
                let takes = || connections.get(place.slot).is_some_and(|it| it.takes_batched(len));
                if len > SHARE_FROM && !takes() {
                    break;
                }
                let part = Part { slot: place.slot, format, first: 0, count };
                self.writes.push(Planned { part, len, copy: None });
            }
            at += self.writes.len() - before;
            debug_assert!(self.writes.parts(before).all(|part| is_direct(self.ep, part)));
            if !self.writes.is_full() {
                break;
            }
            self.write_planned();
        }
        self.ep.cx.counters().deliveries.add(((at - from) * count) as u64);
        at
    }

    /// Makes the planned writes, and queues the bytes that sockets did not take.
    fn write_planned(&mut self) {
        if self.writes.len() == 0 {
            return;
        }
        let mut writes = mem::take(self.writes);
        let mut results = mem::take(&mut writes.results);
        let now = self.ep.cx.now;
        self.ep.connections.write(writes.bytes(self.batch), now, &mut results);
        // Results go by their place in the list.
        debug_assert_eq!(results.len(), writes.len());
        let mut total = 0;
        for (planned, result) in writes.planned().zip(results.drain(..)) {
            match result {
                Ok(written) if written == planned.len => total += written,
                result => total += self.fall_short(planned.part, result),
            }
        }
        self.ep.cx.counters().bytes_out.add(total as u64);
        writes.clear();
        writes.results = results;
        *self.writes = writes;
    }

    /// A socket did not take everything. How much it took.
    fn fall_short(&mut self, part: Part, result: io::Result<usize>) -> usize {
        let written = match result.map_err(|error| error.kind()) {
            Ok(written) => written,
            Err(ErrorKind::WouldBlock) => 0,
            Err(ErrorKind::Interrupted) => {
                // It has not said that it takes no more, and is asked again when the turn ends.
                self.queue(part, 0);
                return 0;
            }
            Err(kind) => {
                self.lose_later(part.slot, kind);
                return 0;
            }
        };
        self.ep.wait_for_space(part.slot);
        self.queue(part, written);
        written
    }
}

/// Whether everything is so that the fast path stands for.
fn is_direct(ep: &Endpoints, part: Part) -> bool {
    let session = ep.bucket.get(part.slot).map(|member| &member.session);
    let connection = ep.connections.get(part.slot);
    session.is_some_and(|it| it.state().is_open() && it.comet_state().is_none())
        && connection.is_some_and(|it| {
            it.out.is_none() && it.is_batchable() && it.format() == Some(part.format)
        })
}

/// Notes that a member was found to be on the fast path, for the walks to come.
fn note_direct(ep: &mut Endpoints, part: Part) {
    if is_direct(ep, part) {
        ep.connections.set_direct(part.slot, part.format);
    }
}
