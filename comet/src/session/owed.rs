//! Acked deliveries that a session owes its peer: those in flight, and those that wait.
//!
//! Not here: whether the session may send or take any (`pushing`).

use std::rc::Rc;

use comet_protocol::comet::{GapReason, Received, Seq, SeqRange};

use crate::budget::Account;
use crate::delivery::{Ack, Due, Gap, QueueError, Transmit, Window, WindowLimits};
use crate::time::Time;

/// The window of a session; there is none before the first delivery.
#[derive(Debug, Default)]
pub(crate) struct Owed(Option<Box<Window>>);

impl Owed {
    /// The window, which is made with these arguments of [`Window::new`] if there is none; `None`
    /// if there is no memory for one.
    #[inline]
    pub(super) fn window(
        &mut self,
        account: &Rc<Account>,
        arguments: impl FnOnce() -> (u32, bool),
    ) -> Option<&mut Window> {
        if self.0.is_none() {
            self.make_window(account, arguments());
        }
        self.0.as_deref_mut()
    }

    #[cold]
    fn make_window(&mut self, account: &Rc<Account>, (salt, numbers_gaps): (u32, bool)) {
        self.0 = Window::new(account, salt, numbers_gaps).ok().map(Box::new);
    }

    /// Whether [`Session::poll_transmit`](super::Session::poll_transmit) may return something.
    #[inline]
    pub(crate) fn has_to_send(&self) -> bool {
        self.0.as_ref().is_some_and(|window| window.has_to_send())
    }

    /// Holds these lanes back, a bit each, and no others: their streams take no more at present.
    /// Whether one is held no longer.
    pub(crate) fn hold_lanes(&mut self, lanes: u8) -> bool {
        self.0.as_mut().is_some_and(|window| window.queue().hold(lanes))
    }

    /// Whether deliveries wait only for memory.
    pub(crate) fn is_stuck(&self) -> bool {
        self.0.as_ref().is_some_and(|window| window.is_stuck())
    }

    /// Whether nothing is in flight or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.0.as_ref().is_none_or(|window| window.is_idle())
    }

    /// The next delivery that has room in the window; call until `None`.
    #[inline]
    pub(super) fn poll_transmit(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        self.0.as_mut()?.poll_transmit(now, limits)
    }

    /// The next delivery to be sent again; call until `None` after
    /// [`Timeout::Resend`](super::Timeout::Resend).
    pub(crate) fn poll_resend(&mut self, now: Time, limits: &WindowLimits) -> Option<Transmit> {
        self.0.as_mut()?.poll_resend(now, limits)
    }

    /// Takes the ack of a single delivery.
    #[inline]
    pub(super) fn ack(&mut self, now: Time, seq: Seq) -> Ack {
        self.0.as_mut().map_or(Ack::Unknown, |window| window.ack(now, seq))
    }

    /// Takes the set of numbers that have arrived. Returns how many are newly acknowledged, each
    /// reported with its tag; `None` if the peer claims a number that was never sent.
    #[inline]
    pub(super) fn receive(
        &mut self,
        now: Time,
        received: Received<'_>,
        done: impl FnMut(u64),
    ) -> Option<usize> {
        match &mut self.0 {
            Some(window) => window.receive(now, received, done),
            None => claims_nothing(received).then_some(0),
        }
    }

    /// Whether every number that the peer claims was sent.
    pub(crate) fn has_sent(&self, received: Received<'_>) -> bool {
        match &self.0 {
            Some(window) => window.has_sent(received),
            None => claims_nothing(received),
        }
    }

    /// Takes the round trip of the last acknowledged delivery, in milliseconds.
    #[inline]
    pub(crate) fn take_round_trip(&mut self) -> Option<u32> {
        self.0.as_mut()?.take_round_trip()
    }

    /// Notes a round trip that was measured otherwise, in milliseconds.
    pub(super) fn sample(&mut self, millis: u32) {
        if let Some(window) = &mut self.0 {
            window.sample(millis);
        }
    }

    /// Earliest time at which [`handle_timeout`](Self::handle_timeout) may have something to do.
    #[inline]
    pub(super) fn due_at(&self, now: Time) -> Option<Time> {
        self.0.as_ref()?.due_at(now)
    }

    /// Tags of the deliveries that have become overdue.
    pub(super) fn take_overdue(&mut self, now: Time, limits: &WindowLimits) -> Vec<u64> {
        self.0.as_mut().map_or_else(Vec::new, |window| window.take_overdue(now, limits))
    }

    /// Time at which the next delivery is overdue.
    #[cold]
    pub(super) fn overdue_at(&self, now: Time, limits: &WindowLimits) -> Option<Time> {
        let left = self.0.as_ref()?.overdue_in(now.wrapping_millis(), limits)?;
        Some(now.plus_millis(left))
    }

    /// To be called when the deadline may have passed. `blocked`: the socket is not writable.
    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        blocked: bool,
        limits: &WindowLimits,
    ) -> Due {
        let Some(window) = &mut self.0 else { return Due::Nothing };
        let due = window.handle_timeout(now, blocked, limits);
        if due == Due::Nothing {
            window.release();
        }
        due
    }

    /// Continues on another connection, where numbers begin anew.
    pub(super) fn restart(&mut self) -> Result<(), QueueError> {
        self.0.as_mut().map_or(Ok(()), |window| window.restart(false))
    }

    /// Continues on another connection with the same numbers, of which `received` have arrived.
    ///
    /// Deliveries that the peer had acknowledged and now reports missing are not kept any more:
    /// returns their numbers.
    pub(super) fn replay(
        &mut self,
        now: Time,
        received: Received<'_>,
        done: impl FnMut(u64),
    ) -> Option<SeqRange> {
        let window = self.0.as_mut()?;
        let _fresh = window.receive(now, received, done);
        window.replay();
        let (before, _) = window.span();
        let first = received.up_to().next();
        before.is_after(received.up_to()).then_some(SeqRange { first, last: before })
    }

    /// Bytes kept, by share where they are shared, and the number of entries visited.
    pub(super) fn holds(&self) -> (usize, usize) {
        self.0.as_ref().map_or((0, 0), |window| window.holds())
    }

    /// Gives up waiting deliveries to free memory, and leaves gaps. Returns whether there were any;
    /// `Err` if there is no memory even for a gap.
    pub(crate) fn shed(&mut self) -> Result<bool, QueueError> {
        self.0.as_mut().map_or(Ok(false), |window| window.give_up(GapReason::Memory))
    }

    /// Gaps that still wait.
    pub(crate) fn untold(&self) -> Vec<Gap> {
        self.0.as_ref().map_or_else(Vec::new, |window| window.untold())
    }
}

fn claims_nothing(received: Received<'_>) -> bool {
    received.up_to().is_none() && received.as_bytes().is_empty()
}
