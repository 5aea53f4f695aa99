//! At-least-once delivery of pushed messages over one session.
//!
//! [`Window`] numbers deliveries, keeps each until the peer acknowledges its number, offers it
//! again when its time-out passes or its peer comes back, and queues those without room in its
//! [`Queue`]. A number is assigned when a delivery is first sent. It owns no socket and reads no
//! clock.
//!
//! Not here: the bytes on the wire, and the policy for a full queue (`session`).

mod acks;
mod flight;
mod overdue;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use comet_protocol::comet::{GapReason, Seq};

use super::rtt::Rtt;
use super::{Gap, Held, Item, Pass, Queue, QueueError, QueueLimits};
use crate::budget::{Account, Charge, Exhausted};
use crate::time::Time;
use flight::{InFlight, Timing};
use overdue::Told;
pub(crate) use sending::{Pushed, Transmit};

/// Bounds of a window; see [`DeliveryConfig`](crate::DeliveryConfig) for the cost of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowLimits {
    pub(crate) window: u16,
    pub(crate) window_bytes: usize,
    pub(crate) queue: QueueLimits,
    /// Milliseconds.
    pub(crate) rto: u32,
    /// Milliseconds.
    pub(crate) max_rto: u32,
    pub(crate) attempts: u8,
    /// Milliseconds; the maximum for no reports.
    pub(crate) overdue: u32,
}

/// Outcome of an ack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ack {
    /// The delivery is done; its tag, 0 for no report.
    Fresh(u64),
    /// Acknowledged before.
    Repeated,
    /// Never sent, or sent too long ago to tell the difference.
    Unknown,
}

/// Outcome of a timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Nothing to send again.
    Nothing,
    /// [`Window::poll_resend`] has a delivery.
    Resend,
    /// A delivery has used up its attempts.
    Exhausted,
}

/// Unacknowledged deliveries of one peer, oldest first, and those that wait to be sent.
#[derive(Debug)]
pub(crate) struct Window {
    in_flight: VecDeque<InFlight>,
    /// Created when the first delivery has to wait.
    queue: Option<Box<Queue>>,
    /// Number of the first in flight, or of the next if none is.
    first: Seq,
    /// Count of numbers assigned, including those in flight.
    given: u64,
    flight_bytes: usize,
    rtt: Rtt,
    /// Lower bound of the next retransmission or report. Wrapping milliseconds.
    due: u32,
    told: Told,
    /// Next index of the search for due deliveries; past the end if none is under way.
    resend_at: usize,
    /// First in flight that this connection has not been sent; usually past the end.
    replay_at: usize,
    /// Makes the time-outs of this window differ from those of others.
    salt: u32,
    /// Whether a gap takes a number and is acknowledged.
    numbers_gaps: bool,
    /// Pass in which the last queue ended, while there is none.
    pass: Pass,
    charge: Charge,
}

/// Pause before memory is checked again.
const MEMORY_PAUSE: Duration = Duration::from_millis(500);

/// Entries reserved by an empty window, so that one delivery can always be sent.
const LEAST_ENTRIES: usize = 4;

/// Most deliveries in flight, over all lanes: [`Signal`](super::Lane::Signal) may exceed the limit
/// of the others by an eighth.
pub(crate) const fn with_signals(window: u16) -> usize {
    let eighth = window as usize / 8;
    window as usize + if eighth == 0 { 1 } else { eighth }
}

impl Window {
    /// An empty window. Windows of other peers should have another salt. `numbers_gaps`: whether
    /// the peer can be told of gaps.
    pub(crate) fn new(
        account: &Rc<Account>,
        salt: u32,
        numbers_gaps: bool,
    ) -> Result<Self, Exhausted> {
        // From the reserve: a peer is told of its losses through its window.
        let charge = Charge::from_reserve(account, cost(LEAST_ENTRIES))?;
        Ok(Self {
            in_flight: VecDeque::with_capacity(LEAST_ENTRIES),
            queue: None,
            first: Seq::FIRST,
            given: 0,
            flight_bytes: 0,
            rtt: Rtt::default(),
            due: 0,
            told: Told::default(),
            resend_at: usize::MAX,
            replay_at: usize::MAX,
            salt,
            numbers_gaps,
            pass: Pass::FIRST,
            charge,
        })
    }

    /// The queue.
    pub(crate) fn queue(&mut self) -> &mut Queue {
        let account = self.charge.account();
        self.queue.get_or_insert_with(|| Box::new(Queue::new(account, self.pass)))
    }

    /// Whether a delivery may be taken: not if the router pushed it before it learned of an earlier
    /// loss.
    #[inline]
    pub(crate) fn takes(&self, item: &Held) -> bool {
        item.pass().is_none_or(|pass| pass == self.pass())
    }

    fn pass(&self) -> Pass {
        self.queue.as_ref().map_or(self.pass, |queue| queue.pass())
    }

    /// Gives up all waiting deliveries. Returns whether there were any.
    pub(crate) fn give_up(&mut self, reason: GapReason) -> Result<bool, QueueError> {
        self.queue.as_mut().map_or(Ok(false), |queue| queue.give_up(reason))
    }

    /// Gaps that still wait.
    pub(crate) fn untold(&self) -> Vec<Gap> {
        self.queue.as_ref().map_or_else(Vec::new, |queue| queue.untold())
    }

    /// Restarts the numbering at 1, as on a new connection. Unacknowledged deliveries are queued
    /// before all others, exempt from the queue's limits.
    pub(crate) fn restart(&mut self, numbers_gaps: bool) -> Result<(), QueueError> {
        self.numbers_gaps = numbers_gaps;
        (self.first, self.given) = (Seq::FIRST, 0);
        self.flight_bytes = 0;
        (self.resend_at, self.replay_at) = (usize::MAX, usize::MAX);
        if let Some(queue) = &mut self.queue {
            queue.hold(0);
        }
        // The path to the peer may have changed.
        self.rtt = Rtt::default();
        while let Some(entry) = self.in_flight.pop_back() {
            // The router learned of a gap when it was sent.
            let unacked = entry.item.filter(|item| matches!(item.item, Item::Delivery(_)));
            unacked.map_or(Ok(()), |item| self.queue().restore(item))?;
        }
        Ok(())
    }

    /// Continues the numbering on another connection: everything in flight is to be sent again.
    /// Afterwards drain [`poll_transmit`](Self::poll_transmit).
    pub(crate) fn replay(&mut self) {
        (self.resend_at, self.replay_at) = (usize::MAX, 0);
        if let Some(queue) = &mut self.queue {
            queue.hold(0);
        }
        self.rtt = Rtt::default();
    }

    /// Records a round trip measured by other means.
    pub(crate) fn sample(&mut self, millis: u32) {
        self.rtt.sample(millis);
        self.rtt.take_last();
    }

    /// Takes the round trip of the last acknowledged delivery, in milliseconds.
    pub(crate) fn take_round_trip(&mut self) -> Option<u32> {
        self.rtt.take_last()
    }

    /// Whether something is due at `now`. Time spent in a blocked socket is not charged to the
    /// peer: with `blocked` everything due is put off instead.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Time,
        blocked: bool,
        limits: &WindowLimits,
    ) -> Due {
        let millis = now.wrapping_millis();
        let mut outcome = Due::Nothing;
        let timing = self.timing(limits);
        for (index, entry) in self.in_flight.iter_mut().enumerate() {
            if entry.item.is_none() || !entry.is_due(millis, timing) {
                continue;
            }
            if blocked {
                entry.sent_at = millis;
            } else if entry.attempts >= limits.attempts {
                return Due::Exhausted;
            } else if outcome == Due::Nothing {
                outcome = Due::Resend;
                self.resend_at = index;
            }
        }
        self.rearm(millis, limits);
        outcome
    }

    /// The next delivery to be sent again, oldest first; call until `None`.
    pub(crate) fn poll_resend(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        let millis = now.wrapping_millis();
        let timing = self.timing(limits);
        while let Some(entry) = self.in_flight.get_mut(self.resend_at) {
            let seq = self.first.counted(self.resend_at);
            self.resend_at += 1;
            if let (true, Some(item)) = (entry.is_due(millis, timing), &entry.item) {
                entry.attempts += 1;
                entry.sent_at = millis;
                return Some(Transmit { seq, item: Rc::clone(item), is_new: false });
            }
        }
        self.resend_at = usize::MAX;
        self.rearm(millis, limits);
        None
    }

    /// Earliest time at which something may be due; `None` while nothing is in flight or waits.
    #[inline]
    pub(crate) fn due_at(&self, now: Time) -> Option<Time> {
        if self.in_flight.is_empty() {
            return self.is_stuck().then_some(now + MEMORY_PAUSE);
        }
        let left = self.due.wrapping_sub(now.wrapping_millis());
        Some(now.plus_millis(if left > u32::MAX / 2 { 0 } else { left }))
    }

    /// Frees the buffers if nothing is in flight or waits.
    pub(crate) fn release(&mut self) {
        if self.is_idle() && !self.queue.as_ref().is_some_and(|queue| queue.holds_lanes()) {
            self.in_flight = VecDeque::with_capacity(LEAST_ENTRIES);
            let _shrinks = self.charge.set(cost(LEAST_ENTRIES));
            self.pass = self.pass();
            self.queue = None;
            // Before it is so long ago that its wrapping milliseconds tell nothing.
            self.told = Told::default();
        }
    }

    /// Whether deliveries wait though none is in flight: they wait for memory.
    pub(crate) fn is_stuck(&self) -> bool {
        self.in_flight.is_empty() && self.has_waiting()
    }

    /// Whether nothing is in flight and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && !self.has_waiting()
    }

    /// Deliveries in flight.
    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Bytes of bodies in flight or waiting here, excluding those in rooms' logs.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.flight_bytes + self.queue.as_ref().map_or(0, |queue| queue.bytes())
    }

    /// Bytes kept for deliveries in flight or waiting, by share, and the number of entries.
    pub(crate) fn holds(&self) -> (usize, usize) {
        let flying = self.in_flight.iter().filter_map(|entry| entry.item.as_ref());
        let bodies: usize = flying.map(Held::share).sum();
        let (waiting, entries) = self.queue.as_ref().map_or((0, 0), |queue| queue.holds());
        let bytes = cost(self.in_flight.capacity()) + bodies + waiting;
        (bytes, self.in_flight.len() + entries)
    }

    /// Whether anything waits.
    fn has_waiting(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| !queue.is_empty())
    }

    fn timing(&self, limits: &WindowLimits) -> Timing {
        let rto = self.rtt.timeout(limits.rto);
        Timing { rto, max_rto: limits.max_rto.max(limits.rto), salt: self.salt }
    }

    /// Makes `due` exact.
    fn rearm(&mut self, millis: u32, limits: &WindowLimits) {
        let timing = self.timing(limits);
        let left = self
            .in_flight
            .iter()
            .filter(|entry| entry.item.is_some())
            .map(|entry| {
                let left = entry.due_at(timing).wrapping_sub(millis);
                if left > u32::MAX / 2 { 0 } else { left }
            })
            .chain(self.overdue_in(millis, limits))
            .min();
        self.due = millis.wrapping_add(left.unwrap_or(0));
    }
}

/// Bytes of a window with this many entries.
const fn cost(entries: usize) -> usize {
    size_of::<Window>() + size_of::<Queue>() + entries * size_of::<InFlight>()
}
