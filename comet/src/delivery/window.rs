//! At-least-once delivery of pushed messages over one session.
//!
//! [`Window`] numbers deliveries from 1, keeps each until the peer acknowledges its number, offers
//! it again when its time-out passes, and keeps what finds no room waiting in order. A number is
//! taken only by what is sent with it. It owns no socket and reads no clock.
//!
//! Not here: the bytes on the wire, and what a full queue means (`session`).

use std::collections::VecDeque;
use std::rc::Rc;

use super::Delivery;
use super::rtt::Rtt;
use crate::time::Time;

/// Bounds of a window; see [`Config`](crate::Config) for what each costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowLimits {
    pub(crate) window: u16,
    pub(crate) window_bytes: usize,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    /// Milliseconds.
    pub(crate) rto: u32,
    /// Milliseconds.
    pub(crate) max_rto: u32,
    pub(crate) attempts: u8,
}

/// A delivery to be sent now.
#[derive(Clone, Debug)]
pub(crate) struct Transmit {
    pub(crate) seq: u32,
    pub(crate) delivery: Rc<Delivery>,
}

/// Neither the window nor the queue has room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Overflow;

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

/// Deliveries that one peer has not acknowledged, oldest first.
#[derive(Debug)]
pub(crate) struct Window {
    in_flight: VecDeque<InFlight>,
    waiting: VecDeque<Rc<Delivery>>,
    /// Number of the first in flight, or of the next if none is.
    first_seq: u32,
    flight_bytes: usize,
    waiting_bytes: usize,
    rtt: Rtt,
    /// No delivery is due before this; at most earlier than the truth. Wrapping milliseconds.
    due: u32,
    /// Where the search for due deliveries goes on; past the end if none is under way.
    resend_at: usize,
    /// Makes this window's time-outs differ from those of others.
    salt: u32,
}

#[derive(Debug)]
struct InFlight {
    /// `None` once acknowledged out of order.
    delivery: Option<Rc<Delivery>>,
    sent_at: u32,
    attempts: u8,
}

impl Window {
    /// An empty window. Windows of other peers should have another salt.
    pub(crate) fn new(salt: u32) -> Self {
        Self {
            in_flight: VecDeque::new(),
            waiting: VecDeque::new(),
            first_seq: 1,
            flight_bytes: 0,
            waiting_bytes: 0,
            rtt: Rtt::default(),
            due: 0,
            resend_at: usize::MAX,
            salt,
        }
    }

    /// Takes a delivery. Its number, if it is to be sent now; `None` if it waits for room.
    pub(crate) fn push(
        &mut self,
        now: Time,
        delivery: &Rc<Delivery>,
        limits: &WindowLimits,
    ) -> Result<Option<u32>, Overflow> {
        if self.waiting.is_empty() && self.has_room(delivery.body.len(), limits) {
            return Ok(Some(self.send(now, Rc::clone(delivery), limits)));
        }
        self.queue(delivery, limits).map(|()| None)
    }

    /// Takes a delivery that must wait, because there is no connection to send it on.
    pub(crate) fn queue(
        &mut self,
        delivery: &Rc<Delivery>,
        limits: &WindowLimits,
    ) -> Result<(), Overflow> {
        let bytes = self.waiting_bytes + delivery.body.len();
        if self.waiting.len() >= limits.queue || bytes > limits.queue_bytes {
            return Err(Overflow);
        }
        self.waiting_bytes = bytes;
        self.waiting.push_back(Rc::clone(delivery));
        Ok(())
    }

    /// Begins to number from 1 again, as on a new connection. What is not acknowledged waits
    /// before everything else; it was taken before, so that the queue's limits do not refuse it.
    pub(crate) fn restart(&mut self) {
        for entry in self.in_flight.drain(..).rev() {
            if let Some(delivery) = entry.delivery {
                self.waiting_bytes += delivery.body.len();
                self.waiting.push_front(delivery);
            }
        }
        self.first_seq = 1;
        self.flight_bytes = 0;
        self.resend_at = usize::MAX;
        // The way to the peer may be another one now.
        self.rtt = Rtt::default();
    }

    /// Takes the peer's ack. Afterwards [`poll_transmit`](Self::poll_transmit) may have something.
    pub(crate) fn ack(&mut self, now: Time, seq: u32) -> Ack {
        let index = seq.wrapping_sub(self.first_seq) as usize;
        let Some(entry) = self.in_flight.get_mut(index) else {
            // Half of the numbers lie behind: they were sent once, or the peer makes them up.
            let behind = self.first_seq.wrapping_sub(seq);
            let sent = seq != 0 && behind != 0 && behind < self.first_seq.min(u32::MAX / 2);
            return if sent { Ack::Repeated } else { Ack::Unknown };
        };
        let Some(delivery) = entry.delivery.take() else { return Ack::Repeated };
        if entry.attempts == 1 {
            self.rtt.sample(now.wrapping_millis().wrapping_sub(entry.sent_at));
        }
        self.flight_bytes -= delivery.body.len();
        while self.in_flight.front().is_some_and(|entry| entry.delivery.is_none()) {
            self.in_flight.pop_front();
            self.first_seq = self.first_seq.wrapping_add(1);
            self.resend_at = self.resend_at.saturating_sub(1);
        }
        Ack::Fresh(delivery.tag)
    }

    /// The next waiting delivery that has room now; call until `None`.
    pub(crate) fn poll_transmit(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        let next = self.waiting.front()?;
        if !self.has_room(next.body.len(), limits) {
            return None;
        }
        let delivery = self.waiting.pop_front()?;
        self.waiting_bytes -= delivery.body.len();
        let seq = self.send(now, Rc::clone(&delivery), limits);
        Some(Transmit { seq, delivery })
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
            if entry.delivery.is_none() || !entry.is_due(millis, timing) {
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
            let seq = seq_at(self.first_seq, self.resend_at);
            self.resend_at += 1;
            if let (true, Some(delivery)) = (entry.is_due(millis, timing), &entry.delivery) {
                entry.attempts += 1;
                entry.sent_at = millis;
                return Some(Transmit { seq, delivery: Rc::clone(delivery) });
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
        if self.in_flight.is_empty() && self.waiting.is_empty() {
            self.in_flight = VecDeque::new();
            self.waiting = VecDeque::new();
        }
    }

    /// Deliveries in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Deliveries that wait for room.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn has_room(&self, len: usize, limits: &WindowLimits) -> bool {
        self.in_flight.is_empty()
            || (self.in_flight.len() < usize::from(limits.window)
                && self.flight_bytes + len <= limits.window_bytes)
    }

    fn send(&mut self, now: Time, delivery: Rc<Delivery>, limits: &WindowLimits) -> u32 {
        let sent_at = now.wrapping_millis();
        let seq = seq_at(self.first_seq, self.in_flight.len());
        self.flight_bytes += delivery.body.len();
        let entry = InFlight { delivery: Some(delivery), sent_at, attempts: 1 };
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
            .filter(|entry| entry.delivery.is_some())
            .map(|entry| {
                let left = entry.due_at(timing).wrapping_sub(millis);
                if left > u32::MAX / 2 { 0 } else { left }
            })
            .min();
        self.due = millis.wrapping_add(left.unwrap_or(0));
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

/// After four billion deliveries on one connection the numbers start again. The one that gets 0,
/// which means "no ack wanted" on the wire, stays unacknowledged and costs a reconnect.
#[expect(clippy::cast_possible_truncation, reason = "a window holds at most 65,535 entries")]
fn seq_at(first: u32, index: usize) -> u32 {
    first.wrapping_add(index as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const LIMITS: WindowLimits = WindowLimits {
        window: 3,
        window_bytes: 100,
        queue: 2,
        queue_bytes: 50,
        rto: 2_000,
        max_rto: 10_000,
        attempts: 3,
    };

    fn body(len: usize) -> Rc<Delivery> {
        Rc::new(Delivery::acked(vec![7; len]).tag(len as u64))
    }

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    fn push(window: &mut Window, len: usize) -> Result<Option<u32>, Overflow> {
        window.push(at(0), &body(len), &LIMITS)
    }

    #[test]
    fn a_full_window_queues_and_a_full_queue_gives_back_without_taking_a_number() {
        let mut window = Window::new(7);
        for seq in 1..=3 {
            assert_eq!(push(&mut window, 10), Ok(Some(seq)));
        }
        assert_eq!(push(&mut window, 11), Ok(None));
        assert_eq!(push(&mut window, 12), Ok(None));
        assert_eq!(push(&mut window, 13), Err(Overflow));

        assert_eq!(window.ack(at(5), 1), Ack::Fresh(10));
        let next = window.poll_transmit(at(5), &LIMITS).unwrap();
        assert_eq!((next.seq, next.delivery.tag), (4, 11), "no hole where 13 was refused");
        assert!(window.poll_transmit(at(5), &LIMITS).is_none());
    }

    #[test]
    fn bytes_bound_the_window_but_one_delivery_always_flies() {
        let mut window = Window::new(7);
        assert_eq!(push(&mut window, 500), Ok(Some(1)));
        assert_eq!(push(&mut window, 1), Ok(None));
        assert_eq!(push(&mut window, 50), Err(Overflow), "51 waiting bytes are too many");
        assert_eq!(window.ack(at(1), 1), Ack::Fresh(500));
        assert_eq!(window.poll_transmit(at(1), &LIMITS).unwrap().seq, 2);
    }

    #[test]
    fn acks_out_of_order_free_in_order() {
        let mut window = Window::new(7);
        (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        assert_eq!(window.ack(at(1), 3), Ack::Fresh(1));
        assert_eq!(window.ack(at(1), 2), Ack::Fresh(1));
        assert_eq!(window.in_flight(), 3);
        assert_eq!(window.ack(at(1), 1), Ack::Fresh(1));
        assert_eq!(window.in_flight(), 0);
    }

    #[test]
    fn acks_of_the_future_of_nothing_and_repeated_ones_change_nothing() {
        let mut window = Window::new(7);
        (0..2).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        assert_eq!(window.ack(at(1), 1), Ack::Fresh(1));
        assert_eq!(window.ack(at(1), 1), Ack::Repeated);
        for seq in [0, 3, 4, 1_000, u32::MAX, i32::MAX as u32] {
            assert_eq!(window.ack(at(1), seq), Ack::Unknown, "{seq}");
        }
        assert_eq!(window.in_flight(), 1);
    }

    #[test]
    fn an_unacked_delivery_is_sent_again_after_two_seconds_then_backs_off_then_gives_up() {
        let mut window = Window::new(7);
        assert_eq!(push(&mut window, 1), Ok(Some(1)));
        let due = window.due_in(at(0)).unwrap();
        assert!((2_000..=2_250).contains(&due.as_millis()), "{due:?}");
        assert_eq!(window.handle_timeout(at(1_999), false, &LIMITS), Due::Nothing);

        let first = at(0) + due;
        assert_eq!(window.handle_timeout(first, false, &LIMITS), Due::Resend);
        assert_eq!(window.poll_resend(first, &LIMITS).unwrap().seq, 1);
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
        let mut window = Window::new(7);
        assert_eq!(push(&mut window, 1), Ok(Some(1)));
        let again = at(0) + window.due_in(at(0)).unwrap();
        assert_eq!(window.handle_timeout(again, false, &LIMITS), Due::Resend);
        assert_eq!(window.poll_resend(again, &LIMITS).unwrap().seq, 1);
        assert!(window.poll_resend(again, &LIMITS).is_none());
        assert!(window.due_in(again).unwrap() >= Duration::from_secs(4));

        assert_eq!(window.push(again, &body(1), &LIMITS), Ok(Some(2)));
        let due = window.due_in(again).unwrap();
        assert!((2_000..=2_250).contains(&due.as_millis()), "{due:?}");
        assert_eq!(window.handle_timeout(again + due, false, &LIMITS), Due::Resend);
        assert_eq!(window.poll_resend(again + due, &LIMITS).unwrap().seq, 2);
    }

    #[test]
    fn several_due_deliveries_are_sent_again_oldest_first_and_only_if_unacked() {
        let mut window = Window::new(7);
        (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        assert_eq!(window.ack(at(1), 2), Ack::Fresh(1));
        let late = at(2_500);
        assert_eq!(window.handle_timeout(late, false, &LIMITS), Due::Resend);
        let again: Vec<u32> =
            std::iter::from_fn(|| window.poll_resend(late, &LIMITS)).map(|next| next.seq).collect();
        assert_eq!(again, [1, 3]);
    }

    #[test]
    fn what_was_sent_together_is_due_together_but_not_with_other_windows() {
        let due = |salt: u32| {
            let mut window = Window::new(salt);
            (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
            let due = window.due_in(at(0)).unwrap();
            assert_eq!(window.handle_timeout(at(0) + due, false, &LIMITS), Due::Resend);
            let again = std::iter::from_fn(|| window.poll_resend(at(0) + due, &LIMITS));
            assert_eq!(again.map(|next| next.seq).collect::<Vec<_>>(), [1, 2, 3]);
            due
        };
        let dues: std::collections::HashSet<Duration> = (0..200).map(due).collect();
        assert!(dues.len() > 100, "200 windows are due at {} moments", dues.len());
    }

    #[test]
    fn a_restart_sends_what_is_unacked_again_from_1_before_anything_newer() {
        let mut window = Window::new(0);
        (10..15).for_each(|len| assert!(push(&mut window, len).is_ok()));
        assert_eq!(window.ack(at(1), 2), Ack::Fresh(11));
        window.restart();
        assert_eq!((window.in_flight(), window.waiting()), (0, 4));
        let again: Vec<(u32, u64)> = std::iter::from_fn(|| window.poll_transmit(at(2), &LIMITS))
            .map(|next| (next.seq, next.delivery.tag))
            .collect();
        assert_eq!(again, [(1, 10), (2, 12), (3, 13)]);
        assert_eq!(window.ack(at(3), 1), Ack::Fresh(10));
        assert_eq!(window.poll_transmit(at(3), &LIMITS).unwrap().delivery.tag, 14);
    }

    #[test]
    fn a_blocked_socket_puts_resends_off() {
        let mut window = Window::new(7);
        assert!(push(&mut window, 1).is_ok());
        assert_eq!(window.handle_timeout(at(2_500), true, &LIMITS), Due::Nothing);
        assert!(window.due_in(at(2_500)).unwrap() >= Duration::from_secs(2));
    }

    #[test]
    fn the_clock_may_wrap() {
        let mut window = Window::new(7);
        let late = Time::from_micros((u64::from(u32::MAX) - 500) * 1_000);
        assert_eq!(window.push(late, &body(1), &LIMITS), Ok(Some(1)));
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
            let (mut window, mut now) = (Window::new(7), at(0));
            let (mut taken, mut sent) = (Vec::new(), Vec::new());
            let mut acked = std::collections::HashSet::new();
            for step in steps {
                match step {
                    Step::Push(len) => {
                        let delivery = body(len);
                        match window.push(now, &delivery, &LIMITS) {
                            Ok(Some(seq)) => { taken.push(len); sent.push((seq, len)); }
                            Ok(None) => taken.push(len),
                            Err(Overflow) => {}
                        }
                    }
                    Step::Ack(seq) => {
                        let known = sent.iter().any(|&(other, _)| other == seq);
                        let expected = match (known, acked.insert(seq)) {
                            (true, true) => Ack::Fresh(sent[seq as usize - 1].1 as u64),
                            (true, false) => Ack::Repeated,
                            (false, _) => { acked.remove(&seq); Ack::Unknown }
                        };
                        prop_assert_eq!(window.ack(now, seq), expected);
                    }
                    Step::Wait(millis) => {
                        now = now + Duration::from_millis(millis);
                        if window.handle_timeout(now, false, &LIMITS) == Due::Exhausted {
                            break;
                        }
                        let mut last = 0;
                        while let Some(again) = window.poll_resend(now, &LIMITS) {
                            prop_assert!(!acked.contains(&again.seq));
                            prop_assert!(again.seq > last);
                            last = again.seq;
                        }
                    }
                }
                while let Some(next) = window.poll_transmit(now, &LIMITS) {
                    sent.push((next.seq, next.delivery.body.len()));
                }
                prop_assert!(window.in_flight() <= 3 && window.waiting() <= 2);
                prop_assert!(window.in_flight() == 0 || window.due_in(now).is_some());
            }
            for (index, (seq, len)) in sent.iter().enumerate() {
                prop_assert_eq!(*seq as usize, index + 1);
                prop_assert_eq!(*len, taken[index]);
            }
        }
    }
}
