//! Transmission: deliveries that may be sent now, and their numbers.

use std::rc::Rc;

use comet_protocol::comet::Seq;

use super::flight::Room;
use super::{InFlight, LEAST_ENTRIES, Window, WindowLimits, cost};
use crate::delivery::{Held, Item, Lane};
use crate::time::Time;

/// A delivery or gap to be sent now.
#[derive(Clone, Debug)]
pub(crate) struct Transmit {
    /// Its number; [`Seq::NONE`] for a gap if the peer's dialect has no notice of gaps.
    pub(crate) seq: Seq,
    pub(crate) item: Rc<Held>,
    /// Whether it is sent for the first time in this session.
    pub(crate) is_new: bool,
}

/// Outcome of a push of several deliveries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pushed {
    /// Number of the first.
    pub(crate) first: Seq,
    /// Number of deliveries, from the first on, to be sent now; the others must wait for room.
    pub(crate) count: usize,
    /// Time of the next timeout, if it is now earlier.
    pub(crate) due: Option<Time>,
}

impl Pushed {
    /// All of them must wait.
    pub(crate) const NONE: Self = Self { first: Seq::NONE, count: 0, due: None };
}

impl Window {
    /// Takes as many deliveries of one lane as may be sent now.
    pub(crate) fn push(&mut self, now: Time, items: &[Rc<Held>], limits: &WindowLimits) -> Pushed {
        let Some(lane) = items.first().map(|item| item.lane()) else { return Pushed::NONE };
        debug_assert!(items.iter().all(|item| item.lane() == lane));
        if self.replay_at < self.in_flight.len() || !self.lets_pass(lane) {
            return Pushed::NONE;
        }
        let first = self.first.counted(self.in_flight.len());
        let is_first = self.in_flight.is_empty();
        let sent_at = now.wrapping_millis();
        let mut count = 0;
        for item in items {
            if !self.has_entry() || !self.room(limits).fits(lane, item.len()) {
                break;
            }
            self.fly(Rc::clone(item), sent_at);
            count += 1;
        }
        let sooner = if count > 0 { self.due_sooner(is_first, sent_at, limits) } else { None };
        Pushed { first, count, due: sooner.map(|left| now.plus_millis(left)) }
    }

    /// The next to be sent: first those repeated on a new connection, then waiting ones that have
    /// room; call until `None`.
    pub(crate) fn poll_transmit(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        if let Some(again) = self.poll_replay(now, limits) {
            return Some(again);
        }
        if !self.has_entry() {
            return None;
        }
        let room = self.room(limits);
        let item = self.queue.as_mut()?.pop(|lane, len| room.fits(lane, len))?;
        if matches!(item.item, Item::Gap(_)) && !self.numbers_gaps {
            return Some(Transmit { seq: Seq::NONE, item, is_new: true });
        }
        let seq = self.first.counted(self.in_flight.len());
        let is_first = self.in_flight.is_empty();
        let sent_at = now.wrapping_millis();
        self.fly(Rc::clone(&item), sent_at);
        self.due_sooner(is_first, sent_at, limits);
        self.expect_overdue(sent_at, limits);
        Some(Transmit { seq, item, is_new: true })
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) may return something.
    #[inline]
    pub(crate) fn has_to_send(&self) -> bool {
        self.replay_at != usize::MAX || self.has_waiting()
    }

    fn poll_replay(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        let millis = now.wrapping_millis();
        while let Some(entry) = self.in_flight.get_mut(self.replay_at) {
            let seq = self.first.counted(self.replay_at);
            self.replay_at += 1;
            if let Some(item) = &entry.item {
                (entry.sent_at, entry.attempts) = (millis, 1);
                return Some(Transmit { seq, item: Rc::clone(item), is_new: false });
            }
        }
        if self.replay_at != usize::MAX {
            self.replay_at = usize::MAX;
            self.rearm(millis, limits);
        }
        None
    }

    /// Whether no waiting entry goes before a new one of this lane.
    fn lets_pass(&self, lane: Lane) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.lets_pass(lane))
    }

    /// Whether there is, or can be, an entry for one more.
    #[inline]
    fn has_entry(&mut self) -> bool {
        self.in_flight.len() < self.in_flight.capacity() || self.make_entry()
    }

    #[cold]
    fn make_entry(&mut self) -> bool {
        let more = self.in_flight.capacity().max(LEAST_ENTRIES);
        let paid = self.charge.set(cost(self.in_flight.capacity() + more)).is_ok();
        if paid {
            self.in_flight.reserve_exact(more);
        }
        paid
    }

    #[inline]
    fn room<'a>(&self, limits: &'a WindowLimits) -> Room<'a> {
        Room { count: self.in_flight.len(), bytes: self.flight_bytes, limits }
    }

    #[inline]
    fn fly(&mut self, item: Rc<Held>, sent_at: u32) {
        self.given += 1;
        self.flight_bytes += item.len();
        self.in_flight.push_back(InFlight { item: Some(item), sent_at, attempts: 1 });
    }

    /// Milliseconds until the delivery just sent is due, if that is before all others in flight;
    /// `due` is updated then. `is_first`: nothing else is in flight.
    #[inline]
    fn due_sooner(&mut self, is_first: bool, sent_at: u32, limits: &WindowLimits) -> Option<u32> {
        let timing = self.timing(limits);
        // Deliveries in flight may have backed off beyond this one's time, which is not before its
        // time-out.
        if !is_first && self.due.wrapping_sub(sent_at) <= timing.rto.min(limits.overdue) {
            return None;
        }
        let left = timing.timeout(1).min(limits.overdue);
        let due = sent_at.wrapping_add(left);
        let is_sooner = is_first || self.due.wrapping_sub(due) < u32::MAX / 2;
        is_sooner.then(|| {
            self.due = due;
            left
        })
    }
}
