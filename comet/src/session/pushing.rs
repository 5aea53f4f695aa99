//! Deliveries pushed to a session: sent at once, or kept until they can be.

use std::rc::Rc;

use comet_protocol::comet::GapReason;

use super::{Limits, Session};
use crate::budget::Account;
use crate::config::Overflow;
use crate::delivery::{Gap, Held, Logged, Pushed, QueueError, Transmit, Window};
use crate::time::Time;

/// Outcome of a delivery that could not be sent at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    /// Queued.
    Queued,
    /// Dropped: it, or an earlier one, became a gap, which is queued in its place.
    Lost,
    /// Queued, but the room's log has trimmed items that this reader has not read.
    Fallen,
    /// Dropped without a gap: the queue is full, and the overflow policy applies.
    Full,
    /// Dropped, and there is no memory even for a gap: the session cannot go on.
    Broken,
}

impl Session {
    /// Pushes acked deliveries of one lane, as many as may be sent at once; the others must
    /// [`wait`](Self::wait).
    pub(crate) fn push(
        &mut self,
        now: Time,
        account: &Rc<Account>,
        items: &[Rc<Held>],
        limits: &Limits,
    ) -> Pushed {
        if !self.state.is_open() {
            return Pushed::NONE;
        }
        let short = match &self.comet_state {
            Some(comet_state) => {
                let is_short = |item: &&Rc<Held>| !comet_state.is_too_long(item.len());
                items.iter().take_while(is_short).count()
            }
            None => items.len(),
        };
        let Some(window) = self.window(account) else { return Pushed::NONE };
        if items.first().is_some_and(|item| !window.takes(item)) {
            return Pushed::NONE;
        }
        window.push(now, &items[..short], &limits.window)
    }

    /// Keeps a delivery until it can be sent. `at`: place of a room's delivery in the room's log.
    pub(crate) fn wait(
        &mut self,
        account: &Rc<Account>,
        item: &Rc<Held>,
        at: Option<&Logged>,
        limits: &Limits,
    ) -> Wait {
        let too_long = self.comet_state.as_ref().is_some_and(|it| it.is_too_long(item.len()));
        if too_long {
            return self.lose(account, item, GapReason::TooLarge);
        }
        // Until a resumed peer has acknowledged something, the deliveries kept meanwhile may fill
        // the queue: that is no sign of a slow reader, and parking it again would loop forever.
        let is_excused = self.state.is_parked() || self.returning;
        let drops_oldest = self.overflow(limits) == Overflow::DropOldest;
        let Some(window) = self.window(account) else { return Wait::Broken };
        if !window.takes(item) {
            return Wait::Lost;
        }
        match window.queue().push(item, at, drops_oldest, &limits.window.queue) {
            Ok(()) if !is_excused && at.is_some() && window.queue().has_fallen() => Wait::Fallen,
            Ok(()) => Wait::Queued,
            Err(QueueError::Broken) => Wait::Broken,
            Err(QueueError::Memory) => self.lose(account, item, GapReason::Memory),
            Err(QueueError::Full) => {
                // No policy applies to such a session, nor to one that drops its oldest.
                if is_excused || drops_oldest {
                    self.lose(account, item, GapReason::Slow)
                } else {
                    Wait::Full
                }
            }
        }
    }

    /// Overflow policy of the session.
    pub(crate) fn overflow(&self, limits: &Limits) -> Overflow {
        self.overflow.unwrap_or(limits.overflow)
    }

    /// Overrides the overflow policy for this session.
    pub(crate) fn set_overflow(&mut self, overflow: Option<Overflow>) {
        self.overflow = overflow.or(self.overflow);
    }

    /// Records the loss of a delivery, in its place in the order.
    pub(crate) fn lose(&mut self, account: &Rc<Account>, item: &Held, reason: GapReason) -> Wait {
        let Some(gap) = item.given_up(reason) else { return Wait::Lost };
        self.say_lost(account, item.lane(), &gap)
    }

    /// Appends a gap behind the waiting entries of a lane.
    pub(crate) fn say_lost(&mut self, account: &Rc<Account>, lane: crate::Lane, gap: &Gap) -> Wait {
        let Some(window) = self.window(account) else { return Wait::Broken };
        window.queue().lose(lane, gap).map_or(Wait::Broken, |()| Wait::Lost)
    }

    /// The next delivery that has room in the window; call until `None`.
    pub(crate) fn poll_transmit(&mut self, now: Time, limits: &Limits) -> Option<Transmit> {
        if !self.state.is_open() {
            return None;
        }
        self.owed.poll_transmit(now, &limits.window)
    }

    /// Bytes kept for this session, by share where they are shared, and the number of entries
    /// visited.
    pub(crate) fn holds(&self) -> (usize, usize) {
        let comet_state = self.comet_state.as_ref();
        let others = comet_state.map_or(0, |it| it.upstream.bytes() + it.latest.bytes());
        let (bytes, entries) = self.owed.holds();
        (others + bytes, 1 + entries)
    }

    /// The window; `None` if there is no memory for one.
    #[inline]
    fn window(&mut self, account: &Rc<Account>) -> Option<&mut Window> {
        let Self { state, comet_state, owed, .. } = self;
        owed.window(account, || (state.salt(), comet_state.is_some()))
    }
}
