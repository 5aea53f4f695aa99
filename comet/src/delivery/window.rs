//! At-least-once delivery of pushed messages over one session.
//!
//! [`Window`] numbers deliveries, keeps each until the peer acknowledges its number, offers it
//! again when its time-out passes or its peer comes back, and keeps what finds no room waiting in
//! its [`Queue`]. A number is taken only by what is sent with it. It owns no socket and reads no
//! clock.
//!
//! Not here: the bytes on the wire, and what a full queue means (`session`).

use std::collections::VecDeque;
use std::rc::Rc;

use comet_protocol::comet::{Received, Seq};

use super::rtt::Rtt;
use super::{Held, Item, Lane, Overflow, Queue, QueueLimits};
use crate::budget::{Account, Charge, Exhausted};
use crate::time::Time;

/// Bounds of a window; see [`Config`](crate::Config) for what each costs.
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
}

/// Something to be sent now.
#[derive(Clone, Debug)]
pub(crate) struct Transmit {
    /// Its number; [`Seq::NONE`] for a gap that a peer of this dialect cannot be told.
    pub(crate) seq: Seq,
    pub(crate) item: Rc<Held>,
    /// Whether it is sent for the first time in this session.
    pub(crate) is_new: bool,
}

/// What an ack meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ack {
    /// The delivery is done; its tag, which is 0 if nobody asked.
    Fresh(u64),
    /// Of something acknowledged before.
    Repeated,
    /// Of something never sent, or too long ago to tell from that.
    Unknown,
}

/// What the clock brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Nothing to send again.
    Nothing,
    /// [`Window::poll_resend`] has something.
    Resend,
    /// A delivery has been sent as often as it may be.
    Exhausted,
}

/// What one peer has not acknowledged, oldest first, and what waits to be sent to it.
#[derive(Debug)]
pub(crate) struct Window {
    in_flight: VecDeque<InFlight>,
    queue: Queue,
    /// Number of the first in flight, or of the next if none is.
    first: Seq,
    flight_bytes: usize,
    rtt: Rtt,
    /// No delivery is due before this; at most earlier than the truth. Wrapping milliseconds.
    due: u32,
    /// Where the search for due deliveries goes on; past the end if none is under way.
    resend_at: usize,
    /// The first in flight that this connection has not been given; past the end usually.
    replay_at: usize,
    /// Makes this window's time-outs differ from those of others.
    salt: u32,
    /// Whether a gap takes a number and is acknowledged.
    numbers_gaps: bool,
    charge: Charge,
}

#[derive(Debug)]
struct InFlight {
    /// `None` once acknowledged out of order.
    item: Option<Rc<Held>>,
    sent_at: u32,
    attempts: u8,
}

/// Entries that an empty window has room for, so that one delivery can always fly.
const LEAST_ENTRIES: usize = 4;

/// The most that may be in flight of all lanes: [`Lane::Signal`] goes an eighth beyond the others.
pub(crate) const fn with_signals(window: u16) -> usize {
    let eighth = window as usize / 8;
    window as usize + if eighth == 0 { 1 } else { eighth }
}

impl Window {
    /// An empty window. Windows of other peers should have another salt. `numbers_gaps` says that
    /// the peer can be told of gaps.
    pub(crate) fn new(
        account: &Rc<Account>,
        salt: u32,
        numbers_gaps: bool,
    ) -> Result<Self, Exhausted> {
        let charge = Charge::new(account, cost(LEAST_ENTRIES))?;
        Ok(Self {
            in_flight: VecDeque::with_capacity(LEAST_ENTRIES),
            queue: Queue::new(account),
            first: Seq::FIRST,
            flight_bytes: 0,
            rtt: Rtt::default(),
            due: 0,
            resend_at: usize::MAX,
            replay_at: usize::MAX,
            salt,
            numbers_gaps,
            charge,
        })
    }

    /// Takes a delivery that may be sent now. Its number; `None` if it must wait for room.
    pub(crate) fn push(
        &mut self,
        now: Time,
        item: &Rc<Held>,
        limits: &WindowLimits,
    ) -> Option<Seq> {
        let lane = item.lane();
        let passes = self.replay_at >= self.in_flight.len() && self.queue.lets_pass(lane);
        if !passes || !self.has_entry() || !self.room(limits).fits(lane, item.len()) {
            return None;
        }
        Some(self.send(now, Rc::clone(item), limits))
    }

    /// Takes a number for nothing: what a planted defect does.
    pub(crate) fn skip(&mut self) {
        self.in_flight.push_back(InFlight { item: None, sent_at: 0, attempts: 1 });
        self.drop_acked();
    }

    /// What waits.
    pub(crate) fn queue(&mut self) -> &mut Queue {
        &mut self.queue
    }

    /// Begins to number from 1 again, as on a new connection. What is not acknowledged waits
    /// before everything else; it was taken before, so that the queue's limits do not refuse it.
    pub(crate) fn restart(&mut self, numbers_gaps: bool) -> Result<(), Overflow> {
        self.numbers_gaps = numbers_gaps;
        self.first = Seq::FIRST;
        self.flight_bytes = 0;
        (self.resend_at, self.replay_at) = (usize::MAX, usize::MAX);
        // The way to the peer may be another one now.
        self.rtt = Rtt::default();
        while let Some(entry) = self.in_flight.pop_back() {
            // The router has heard of a gap when it was sent.
            let unacked = entry.item.filter(|item| matches!(item.item, Item::Delivery(_)));
            unacked.map_or(Ok(()), |item| self.queue.restore(item))?;
        }
        Ok(())
    }

    /// The peer is back on another connection, with its numbers: everything in flight is to be
    /// sent again. Afterwards drain [`poll_transmit`](Self::poll_transmit).
    pub(crate) fn replay(&mut self) {
        (self.resend_at, self.replay_at) = (usize::MAX, 0);
        self.rtt = Rtt::default();
    }

    /// The number before the first that is not acknowledged, and the last that was given.
    pub(crate) fn span(&self) -> (Seq, Seq) {
        (self.first.prev(), self.first.counted(self.in_flight.len()).prev())
    }

    /// Takes the peer's ack of one number. Afterwards [`poll_transmit`](Self::poll_transmit) may
    /// have something.
    pub(crate) fn ack(&mut self, now: Time, seq: Seq) -> Ack {
        let index = seq.count_from(self.first);
        let Some(entry) = self.in_flight.get_mut(index) else {
            // Half of the numbers lie behind: they were sent once, or the peer makes them up.
            let behind = self.first.get().wrapping_sub(seq.get());
            let sent = !seq.is_none() && behind != 0 && behind < self.first.get().min(u32::MAX / 2);
            return if sent { Ack::Repeated } else { Ack::Unknown };
        };
        let Some(item) = entry.item.take() else { return Ack::Repeated };
        if entry.attempts == 1 {
            self.rtt.sample(now.wrapping_millis().wrapping_sub(entry.sent_at));
        }
        self.flight_bytes -= item.len();
        self.drop_acked();
        Ack::Fresh(item.tag())
    }

    /// Takes word of everything that has arrived. How many were not known to have, each of which
    /// is reported with its tag; `None` if the peer claims what was never sent.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        received: Received<'_>,
        mut done: impl FnMut(u64),
    ) -> Option<usize> {
        if !self.has_sent(received) {
            return None;
        }
        let mut fresh = 0;
        let mut sample = None;
        let mut take = |entry: &mut InFlight, flight_bytes: &mut usize| {
            let Some(item) = entry.item.take() else { return };
            if entry.attempts == 1 {
                sample = Some(entry.sent_at);
            }
            *flight_bytes -= item.len();
            fresh += 1;
            done(item.tag());
        };
        let mut seq = self.first;
        let mut whole = 0;
        for entry in &mut self.in_flight {
            if seq.is_after(received.up_to()) {
                break;
            }
            take(entry, &mut self.flight_bytes);
            seq = seq.next();
            whole += 1;
        }
        for range in received.ranges() {
            let from = range.first.count_from(self.first).max(whole);
            let to = range.last.count_from(self.first);
            let count = to.saturating_sub(from).saturating_add(1);
            for entry in self.in_flight.iter_mut().skip(from).take(count) {
                take(entry, &mut self.flight_bytes);
            }
        }
        if let Some(sent_at) = sample {
            self.rtt.sample(now.wrapping_millis().wrapping_sub(sent_at));
        }
        self.drop_acked();
        Some(fresh)
    }

    /// Whether everything that the peer says has arrived was sent.
    pub(crate) fn has_sent(&self, received: Received<'_>) -> bool {
        let claims = received.ranges().last().map_or(received.up_to(), |range| range.last);
        !claims.is_after(self.span().1)
    }

    /// A round trip was measured by other means.
    pub(crate) fn sample(&mut self, millis: u32) {
        self.rtt.sample(millis);
    }

    /// The next to be sent: again on a new connection, then what waits and has room now; call
    /// until `None`.
    pub(crate) fn poll_transmit(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        if let Some(again) = self.poll_replay(now, limits) {
            return Some(again);
        }
        if !self.has_entry() {
            return None;
        }
        let room = self.room(limits);
        let item = self.queue.pop(|lane, len| room.fits(lane, len))?;
        if matches!(item.item, Item::Gap(_)) && !self.numbers_gaps {
            return Some(Transmit { seq: Seq::NONE, item, is_new: true });
        }
        let seq = self.send(now, Rc::clone(&item), limits);
        Some(Transmit { seq, item, is_new: true })
    }

    /// Whether something is due at `now`. Time spent in a blocked socket is not the peer's fault:
    /// with `blocked` everything due is put off instead.
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

    /// How long until something may be due; `None` while nothing is in flight.
    pub(crate) fn due_in(&self, now: Time) -> Option<std::time::Duration> {
        if self.in_flight.is_empty() {
            return None;
        }
        let left = self.due.wrapping_sub(now.wrapping_millis());
        let left = if left > u32::MAX / 2 { 0 } else { left };
        Some(std::time::Duration::from_millis(u64::from(left)))
    }

    /// Gives the buffers back, if nothing is in flight or waits.
    pub(crate) fn release(&mut self) {
        if self.is_idle() {
            self.in_flight = VecDeque::with_capacity(LEAST_ENTRIES);
            let _shrinks = self.charge.set(cost(LEAST_ENTRIES));
            self.queue.release();
        }
    }

    /// Whether nothing is in flight and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.queue.is_empty()
    }

    /// Deliveries in flight.
    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Bytes of bodies that are in flight or wait here, those in rooms' logs not counted.
    pub(crate) fn bytes(&self) -> usize {
        self.flight_bytes + self.queue.bytes()
    }

    /// What the peer acknowledged counts no more.
    fn drop_acked(&mut self) {
        while self.in_flight.front().is_some_and(|entry| entry.item.is_none()) {
            self.in_flight.pop_front();
            self.first = self.first.next();
            for at in [&mut self.resend_at, &mut self.replay_at] {
                *at = if *at == usize::MAX { usize::MAX } else { at.saturating_sub(1) };
            }
        }
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

    /// Whether there is, or can be, an entry for one more.
    fn has_entry(&mut self) -> bool {
        if self.in_flight.len() < self.in_flight.capacity() {
            return true;
        }
        let more = self.in_flight.capacity().max(LEAST_ENTRIES);
        let paid = self.charge.set(cost(self.in_flight.capacity() + more)).is_ok();
        if paid {
            self.in_flight.reserve_exact(more);
        }
        paid
    }

    fn room(&self, limits: &WindowLimits) -> Room {
        Room { count: self.in_flight.len(), bytes: self.flight_bytes, limits: *limits }
    }

    fn send(&mut self, now: Time, item: Rc<Held>, limits: &WindowLimits) -> Seq {
        let sent_at = now.wrapping_millis();
        let seq = self.first.counted(self.in_flight.len());
        self.flight_bytes += item.len();
        let entry = InFlight { item: Some(item), sent_at, attempts: 1 };
        // What flies already may have backed off to a moment later than this one's.
        let due = entry.due_at(self.timing(limits));
        if self.in_flight.is_empty() || self.due.wrapping_sub(due) < u32::MAX / 2 {
            self.due = due;
        }
        self.in_flight.push_back(entry);
        seq
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
            .min();
        self.due = millis.wrapping_add(left.unwrap_or(0));
    }
}

/// Bytes of a window with so many entries.
const fn cost(entries: usize) -> usize {
    size_of::<Window>() + entries * size_of::<InFlight>()
}

/// What is in flight, against its limits.
#[derive(Clone, Copy)]
struct Room {
    count: usize,
    bytes: usize,
    limits: WindowLimits,
}

impl Room {
    /// Whether one more may fly; one delivery always may.
    fn fits(&self, lane: Lane, len: usize) -> bool {
        let WindowLimits { window, window_bytes, .. } = self.limits;
        let (window, window_bytes) = match lane {
            Lane::Signal => (with_signals(window), window_bytes + window_bytes / 8),
            Lane::Normal | Lane::Bulk => (window.into(), window_bytes),
        };
        self.count == 0 || (self.count < window && self.bytes + len <= window_bytes)
    }
}

/// What decides when a delivery is due.
#[derive(Clone, Copy)]
struct Timing {
    /// First time-out, by the measured round trips.
    rto: u32,
    max_rto: u32,
    salt: u32,
}

impl InFlight {
    fn is_due(&self, millis: u32, timing: Timing) -> bool {
        millis.wrapping_sub(self.due_at(timing)) < u32::MAX / 2
    }

    /// The time-out doubles with each attempt, and up to an eighth is added by a hash, so that what
    /// was sent to many peers together is not sent again together. The hash is the same for all
    /// that was sent to one peer together, which is thus sent again in its order.
    fn due_at(&self, timing: Timing) -> u32 {
        let doublings = u32::from(self.attempts.saturating_sub(1)).min(16);
        let timeout = u64::from(timing.rto) << doublings;
        let timeout = u32::try_from(timeout).unwrap_or(u32::MAX).min(timing.max_rto);
        let hash = (timing.salt ^ (doublings << 16)).wrapping_mul(0x9e37_79b9) >> 16;
        let jitter = (u64::from(timeout / 8) * u64::from(hash)) >> 16;
        let wait = timeout.saturating_add(u32::try_from(jitter).unwrap_or(0));
        self.sent_at.wrapping_add(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delivery;
    use proptest::prelude::*;
    use std::time::Duration;

    const LIMITS: WindowLimits = WindowLimits {
        window: 3,
        window_bytes: 100,
        queue: QueueLimits { entries: 2, bytes: 50, drops_oldest: false },
        rto: 2_000,
        max_rto: 10_000,
        attempts: 3,
    };

    fn body(len: usize) -> Rc<Held> {
        let delivery = Delivery::acked(vec![7; len]).tag(len as u64);
        Held::delivery(&Account::unlimited(), delivery, None).unwrap()
    }

    fn window(salt: u32) -> Window {
        Window::new(&Account::unlimited(), salt, true).unwrap()
    }

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    fn push_at(window: &mut Window, now: Time, len: usize) -> Result<Option<u32>, Overflow> {
        let item = body(len);
        match window.push(now, &item, &LIMITS) {
            Some(seq) => Ok(Some(seq.get())),
            None => window.queue().push(&item, None, &LIMITS.queue).map(|()| None),
        }
    }

    fn push(window: &mut Window, len: usize) -> Result<Option<u32>, Overflow> {
        push_at(window, at(0), len)
    }

    fn ack(window: &mut Window, now: Time, seq: u32) -> Ack {
        window.ack(now, Seq::new(seq))
    }

    #[test]
    fn a_full_window_queues_and_a_full_queue_gives_back_without_taking_a_number() {
        let mut window = window(7);
        for seq in 1..=3 {
            assert_eq!(push(&mut window, 10), Ok(Some(seq)));
        }
        assert_eq!(push(&mut window, 11), Ok(None));
        assert_eq!(push(&mut window, 12), Ok(None));
        assert_eq!(push(&mut window, 13), Err(Overflow { memory: false }));

        assert_eq!(ack(&mut window, at(5), 1), Ack::Fresh(10));
        let next = window.poll_transmit(at(5), &LIMITS).unwrap();
        assert_eq!((next.seq.get(), next.item.tag()), (4, 11), "no hole where 13 was refused");
        assert!(window.poll_transmit(at(5), &LIMITS).is_none());
    }

    #[test]
    fn bytes_bound_the_window_but_one_delivery_always_flies() {
        let mut window = window(7);
        assert_eq!(push(&mut window, 500), Ok(Some(1)));
        assert_eq!(push(&mut window, 1), Ok(None));
        assert_eq!(
            push(&mut window, 50),
            Err(Overflow { memory: false }),
            "51 waiting bytes are too many"
        );
        assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(500));
        assert_eq!(window.poll_transmit(at(1), &LIMITS).unwrap().seq.get(), 2);
    }

    #[test]
    fn acks_out_of_order_free_in_order() {
        let mut window = window(7);
        (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        assert_eq!(ack(&mut window, at(1), 3), Ack::Fresh(1));
        assert_eq!(ack(&mut window, at(1), 2), Ack::Fresh(1));
        assert_eq!(window.in_flight(), 3);
        assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(1));
        assert_eq!(window.in_flight(), 0);
    }

    #[test]
    fn acks_of_the_future_of_nothing_and_repeated_ones_change_nothing() {
        let mut window = window(7);
        (0..2).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(1));
        assert_eq!(ack(&mut window, at(1), 1), Ack::Repeated);
        for seq in [0, 3, 4, 1_000, u32::MAX, i32::MAX as u32] {
            assert_eq!(ack(&mut window, at(1), seq), Ack::Unknown, "{seq}");
        }
        assert_eq!(window.in_flight(), 1);
    }

    #[test]
    fn an_unacked_delivery_is_sent_again_after_two_seconds_then_backs_off_then_gives_up() {
        let mut window = window(7);
        assert_eq!(push(&mut window, 1), Ok(Some(1)));
        let due = window.due_in(at(0)).unwrap();
        assert!((2_000..=2_250).contains(&due.as_millis()), "{due:?}");
        assert_eq!(window.handle_timeout(at(1_999), false, &LIMITS), Due::Nothing);

        let first = at(0) + due;
        assert_eq!(window.handle_timeout(first, false, &LIMITS), Due::Resend);
        assert_eq!(window.poll_resend(first, &LIMITS).unwrap().seq.get(), 1);
        assert!(window.poll_resend(first, &LIMITS).is_none());

        let second = window.due_in(first).unwrap();
        assert!((4_000..=4_500).contains(&second.as_millis()), "{second:?}");
        let second = first + second;
        assert_eq!(window.handle_timeout(second, false, &LIMITS), Due::Resend);
        assert!(window.poll_resend(second, &LIMITS).is_some());
        assert!(window.poll_resend(second, &LIMITS).is_none());

        let third = second + window.due_in(second).unwrap();
        assert_eq!(window.handle_timeout(third, false, &LIMITS), Due::Exhausted);
    }

    #[test]
    fn a_new_delivery_is_due_in_its_own_time_while_an_old_one_has_backed_off() {
        let mut window = window(7);
        assert_eq!(push(&mut window, 1), Ok(Some(1)));
        let again = at(0) + window.due_in(at(0)).unwrap();
        assert_eq!(window.handle_timeout(again, false, &LIMITS), Due::Resend);
        assert_eq!(window.poll_resend(again, &LIMITS).unwrap().seq.get(), 1);
        assert!(window.poll_resend(again, &LIMITS).is_none());
        assert!(window.due_in(again).unwrap() >= Duration::from_secs(4));

        assert_eq!(push_at(&mut window, again, 1), Ok(Some(2)));
        let due = window.due_in(again).unwrap();
        assert!((2_000..=2_250).contains(&due.as_millis()), "{due:?}");
        assert_eq!(window.handle_timeout(again + due, false, &LIMITS), Due::Resend);
        assert_eq!(window.poll_resend(again + due, &LIMITS).unwrap().seq.get(), 2);
    }

    #[test]
    fn several_due_deliveries_are_sent_again_oldest_first_and_only_if_unacked() {
        let mut window = window(7);
        (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        assert_eq!(ack(&mut window, at(1), 2), Ack::Fresh(1));
        let late = at(2_500);
        assert_eq!(window.handle_timeout(late, false, &LIMITS), Due::Resend);
        let again: Vec<u32> = std::iter::from_fn(|| window.poll_resend(late, &LIMITS))
            .map(|next| next.seq.get())
            .collect();
        assert_eq!(again, [1, 3]);
    }

    #[test]
    fn what_was_sent_together_is_due_together_but_not_with_other_windows() {
        let due = |salt: u32| {
            let mut window = window(salt);
            (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
            let due = window.due_in(at(0)).unwrap();
            assert_eq!(window.handle_timeout(at(0) + due, false, &LIMITS), Due::Resend);
            let again = std::iter::from_fn(|| window.poll_resend(at(0) + due, &LIMITS));
            assert_eq!(again.map(|next| next.seq.get()).collect::<Vec<_>>(), [1, 2, 3]);
            due
        };
        let dues: std::collections::HashSet<Duration> = (0..200).map(due).collect();
        assert!(dues.len() > 100, "200 windows are due at {} moments", dues.len());
    }

    #[test]
    fn a_restart_sends_what_is_unacked_again_from_1_before_anything_newer() {
        let mut window = window(0);
        (10..15).for_each(|len| assert!(push(&mut window, len).is_ok()));
        assert_eq!(ack(&mut window, at(1), 2), Ack::Fresh(11));
        window.restart(true).unwrap();
        assert_eq!((window.in_flight(), window.queue().deliveries()), (0, 4));
        let again: Vec<(u32, u64)> = std::iter::from_fn(|| window.poll_transmit(at(2), &LIMITS))
            .map(|next| (next.seq.get(), next.item.tag()))
            .collect();
        assert_eq!(again, [(1, 10), (2, 12), (3, 13)]);
        assert_eq!(ack(&mut window, at(3), 1), Ack::Fresh(10));
        assert_eq!(window.poll_transmit(at(3), &LIMITS).unwrap().item.tag(), 14);
    }

    #[test]
    fn a_blocked_socket_puts_resends_off() {
        let mut window = window(7);
        assert!(push(&mut window, 1).is_ok());
        assert_eq!(window.handle_timeout(at(2_500), true, &LIMITS), Due::Nothing);
        assert!(window.due_in(at(2_500)).unwrap() >= Duration::from_secs(2));
    }

    #[test]
    fn the_clock_may_wrap() {
        let mut window = window(7);
        let late = Time::from_micros((u64::from(u32::MAX) - 500) * 1_000);
        assert_eq!(push_at(&mut window, late, 1), Ok(Some(1)));
        let before = late + Duration::from_millis(1_999);
        assert_eq!(window.handle_timeout(before, false, &LIMITS), Due::Nothing);
        let after = late + Duration::from_millis(2_300);
        assert_eq!(window.handle_timeout(after, false, &LIMITS), Due::Resend);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Ack(u32),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0usize..60).prop_map(Step::Push),
            (0u32..40).prop_map(Step::Ack),
            (0u64..3_000).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Every delivery taken is first sent in the order taken, under consecutive numbers; sent
        /// again only while unacknowledged; and memory stays within the limits.
        #[test]
        fn nothing_is_lost_reordered_or_unbounded(steps in prop::collection::vec(step(), 1..200)) {
            let (mut window, mut now) = (window(7), at(0));
            let (mut taken, mut sent) = (Vec::new(), Vec::new());
            let mut acked = std::collections::HashSet::new();
            for step in steps {
                match step {
                    Step::Push(len) => {
                        match push_at(&mut window, now, len) {
                            Ok(Some(seq)) => { taken.push(len); sent.push((seq, len)); }
                            Ok(None) => taken.push(len),
                            Err(_) => {}
                        }
                    }
                    Step::Ack(seq) => {
                        let known = sent.iter().any(|&(other, _)| other == seq);
                        let expected = match (known, acked.insert(seq)) {
                            (true, true) => Ack::Fresh(sent[seq as usize - 1].1 as u64),
                            (true, false) => Ack::Repeated,
                            (false, _) => { acked.remove(&seq); Ack::Unknown }
                        };
                        prop_assert_eq!(ack(&mut window, now, seq), expected);
                    }
                    Step::Wait(millis) => {
                        now = now + Duration::from_millis(millis);
                        if window.handle_timeout(now, false, &LIMITS) == Due::Exhausted {
                            break;
                        }
                        let mut last = 0;
                        while let Some(again) = window.poll_resend(now, &LIMITS) {
                            prop_assert!(!acked.contains(&again.seq.get()));
                            prop_assert!(again.seq.get() > last);
                            last = again.seq.get();
                        }
                    }
                }
                while let Some(next) = window.poll_transmit(now, &LIMITS) {
                    sent.push((next.seq.get(), next.item.len()));
                }
                prop_assert!(window.in_flight() <= 3 && window.queue().deliveries() <= 2);
                prop_assert!(window.in_flight() == 0 || window.due_in(now).is_some());
            }
            for (index, (seq, len)) in sent.iter().enumerate() {
                prop_assert_eq!(*seq as usize, index + 1);
                prop_assert_eq!(*len, taken[index]);
            }
        }
    }
}
