//! Publishes to a room: encoded once for each wire format, written once to each member.
//!
//! Publishes to one room that follow each other form a [`Run`]. When the run ends, each member gets
//! all of it at once. Deliveries to different members differ in nothing but their numbers, so the
//! encoded bytes are a template whose numbers are overwritten in place for each member, and the
//! template itself is what `write` is given: no queue, no copy, no allocation for a member whose
//! socket takes it.

use std::io::{ErrorKind, Write};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::Shard;
use super::connection::{FORMATS, format_of};
use super::output::write_delivery_head;
use crate::Closed;
use crate::delivery::{Class, Delivery};

/// A run ends at this many bytes of bodies or deliveries, so that the first is not late.
const RUN_BYTES: usize = 64 * 1024;
const RUN_COUNT: usize = 512;

/// Templates above this are not kept for the next run.
const KEEP: usize = 256 * 1024;

/// From this length of bodies on, a member that must wait refers to them instead of copying.
const SHARE_FROM: usize = 4_096;

/// Whether more may be queued for the same connections in this turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Last {
    /// No: what goes to a connection with an empty queue may be written at once.
    Yes,
    /// Yes: everything is queued, and leaves with what follows.
    No,
}

/// Publishes of one class to one room, in order.
#[derive(Debug)]
pub(super) struct Run {
    room: u32,
    class: Class,
    deliveries: Vec<Rc<Delivery>>,
    bytes: usize,
    templates: [Template; FORMATS],
    /// Members to be ended once the walk is over.
    failed: Vec<(u32, Closed)>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            room: 0,
            class: Class::BestEffort,
            deliveries: Vec::new(),
            bytes: 0,
            templates: Default::default(),
            failed: Vec::new(),
        }
    }
}

/// A run in one wire format.
#[derive(Debug, Default)]
struct Template {
    bytes: Vec<u8>,
    /// Where each delivery's number stands; empty if the format has none.
    seqs: Vec<usize>,
    /// Where each delivery ends.
    ends: Vec<usize>,
    /// The same bytes to be referred to, once somebody has needed that.
    shared: Option<Bytes>,
}

impl Run {
    fn goes_on(&self, room: u32, class: Class) -> bool {
        self.deliveries.is_empty()
            || (self.room == room
                && self.class == class
                && self.bytes < RUN_BYTES
                && self.deliveries.len() < RUN_COUNT)
    }

    fn push(&mut self, room: u32, delivery: Delivery) {
        (self.room, self.class) = (room, delivery.class);
        self.bytes += delivery.body.len();
        self.deliveries.push(Rc::new(delivery));
    }

    fn clear(&mut self) {
        self.deliveries.clear();
        self.bytes = 0;
        self.templates.iter_mut().for_each(Template::clear);
    }
}

impl Template {
    /// Encodes the run, unless that has been done.
    fn fill(&mut self, format: usize, deliveries: &[Rc<Delivery>]) {
        if !self.ends.is_empty() {
            return;
        }
        let (dialect, framing) = format_of(format);
        for delivery in deliveries {
            let start = self.bytes.len();
            let bytes = &mut self.bytes;
            let seq_at = write_delivery_head(dialect, framing, 0, delivery, &mut |part| {
                bytes.extend_from_slice(part);
            });
            self.seqs.extend(seq_at.map(|at| start + at));
            self.bytes.extend_from_slice(&delivery.body);
            self.ends.push(self.bytes.len());
        }
    }

    /// The first `count` deliveries, numbered from `first`, or all 0.
    fn numbered(&mut self, first: u32, count: usize) -> &[u8] {
        let mut seq = first;
        for &at in self.seqs.iter().take(count) {
            self.bytes[at..at + 4].copy_from_slice(&seq.to_be_bytes());
            seq = seq.wrapping_add(u32::from(first != 0));
        }
        let end = count.checked_sub(1).and_then(|last| self.ends.get(last)).copied();
        &self.bytes[..end.unwrap_or(0)]
    }

    fn shared(&mut self) -> &Bytes {
        self.shared.get_or_insert_with(|| Bytes::copy_from_slice(&self.bytes))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.seqs.clear();
        self.ends.clear();
        self.shared = None;
    }
}

/// What of a run a member is to get.
#[derive(Clone, Copy)]
struct Part {
    slot: u32,
    format: usize,
    /// Number of the first delivery; 0 for none.
    first: u32,
    count: usize,
}

impl Shard {
    /// Adds a publish to the run, or begins another one with it.
    pub(super) fn publish(&mut self, room: &Arc<str>, delivery: Delivery) {
        let Some(room) = self.bucket.room(room) else { return };
        if !self.run.goes_on(room, delivery.class) {
            self.finish_run(Last::No);
        }
        self.run.push(room, delivery);
    }

    /// Hands the run to the room's members.
    pub(super) fn finish_run(&mut self, last: Last) {
        if self.run.deliveries.is_empty() {
            return;
        }
        // Taken out, so that nothing below can add to it or end it again.
        let mut run = mem::take(&mut self.run);
        let mut at = 0;
        while let Some(place) = self.bucket.members(run.room).get(at).copied() {
            if let Some(part) = self.admit_run(place.slot, &mut run) {
                self.write_run(part, &mut run, last);
            }
            at += 1;
        }
        for (slot, closed) in mem::take(&mut run.failed) {
            match closed {
                Closed::Lost(kind) => self.lose(slot, kind),
                closed => self.end_for_good(slot, &closed),
            }
        }
        run.clear();
        self.run = run;
    }

    /// Asks the member's session how much of the run is to be sent now.
    fn admit_run(&mut self, slot: u32, run: &mut Run) -> Option<Part> {
        // A member whose end has begun is about to leave the room.
        if !self.bucket.get(slot)?.session.is_alive() {
            return None;
        }
        let Some(connection) = self.connections.get(slot as usize).and_then(Option::as_ref) else {
            self.park_run(slot, run);
            return None;
        };
        let format = connection.format()?;
        let has_acks = run.class == Class::Acked && format_of(format).0.has_acks();
        let all = run.deliveries.len();
        if !has_acks {
            if connection.backlog() > self.shared.config.write_bytes {
                self.counters().deliveries_dropped.add(all as u64);
                return None;
            }
            self.counters().deliveries.add(all as u64);
            return Some(Part { slot, format, first: 0, count: all });
        }
        let now = self.now;
        let session = &mut self.bucket.get_mut(slot)?.session;
        let before = session.poll_timeout(now, &self.limits);
        let (mut first, mut count, mut taken) = (0, 0, 0);
        for delivery in &run.deliveries {
            match session.push(now, delivery, &self.limits) {
                Ok(Some(seq)) => {
                    first = if count == 0 { seq } else { first };
                    count += 1;
                }
                Ok(None) => {}
                Err(_) => {
                    run.failed.push((slot, Closed::Slow));
                    break;
                }
            }
            taken += 1;
        }
        let due = session.poll_timeout(now, &self.limits);
        if due < before {
            self.wheel.arm_by(slot, due);
        }
        self.counters().deliveries.add(taken);
        (count > 0).then_some(Part { slot, format, first, count })
    }

    /// Keeps the run for a parked member, as far as it is promised.
    fn park_run(&mut self, slot: u32, run: &mut Run) {
        let Some(member) = self.bucket.get_mut(slot) else { return };
        if run.class != Class::Acked {
            return self.counters().deliveries_dropped.add(run.deliveries.len() as u64);
        }
        let session = &mut member.session;
        let taken = run.deliveries.iter().take_while(|delivery| {
            session.is_parked() && session.push_parked(delivery, &self.limits).is_ok()
        });
        let taken = taken.count();
        if taken < run.deliveries.len() {
            run.failed.push((slot, Closed::Slow));
        }
        self.counters().deliveries.add(taken as u64);
    }

    fn write_run(&mut self, part: Part, run: &mut Run, last: Last) {
        let Part { slot, format, first, count } = part;
        let template = &mut run.templates[format];
        template.fill(format, &run.deliveries);
        let bytes = template.numbered(first, count);
        let Some(connection) = self.connections.get_mut(slot as usize).and_then(Option::as_mut)
        else {
            return;
        };
        let mut written = 0;
        if last == Last::Yes && connection.out.is_none() {
            match connection.socket.write(bytes) {
                Ok(count) => written = count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                    kind => return run.failed.push((slot, Closed::Lost(kind))),
                },
            }
            self.shared.counters[self.index].bytes_out.add(written as u64);
            if written < bytes.len() {
                // The socket has said that it takes no more: it is not asked again this turn.
                connection.state.blocked = true;
                self.wheel.arm_by(slot, self.now + self.shared.config.write_timeout);
            }
        }
        if written < bytes.len() {
            self.queue_run(part, run, written);
        }
    }

    /// Queues what the socket did not take, or may not be given yet.
    fn queue_run(&mut self, part: Part, run: &mut Run, written: usize) {
        let Part { slot, format, first, count } = part;
        let template = &mut run.templates[format];
        let long = run.bytes >= SHARE_FROM;
        if long && written == 0 && first != 0 {
            for (seq, delivery) in (first..).zip(&run.deliveries[..count]) {
                self.send_delivery(slot, seq, delivery);
            }
            return;
        }
        let Some(out) = self.queue_of(slot) else { return };
        let before = out.len();
        if long && first == 0 {
            out.push_shared(&template.shared().slice(written..));
        } else {
            out.push(&template.numbered(first, count)[written..]);
        }
        self.queued += out.len() - before;
    }
}
