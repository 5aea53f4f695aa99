//! Sessions without a connection: kept for a while, with all that was promised to their peer.

use std::rc::Rc;

use super::{Limits, Phase, Session};
use crate::delivery::{Delivery, Overflow};
use crate::time::Time;

impl Session {
    /// What stands in for a session whose connection has only to end.
    pub(crate) fn closing(now: Time, limits: &Limits) -> Self {
        let mut session = Self::new(now, limits);
        session.close(now, limits);
        session
    }

    /// Whether the session has a peer that may come back.
    pub(crate) fn is_parked(&self) -> bool {
        self.phase == Phase::Parked
    }

    /// Whether the session is open or parked.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_open() || self.is_parked()
    }

    /// The connection is gone, the session stays: what it has pushed and the peer has not
    /// acknowledged, and what is pushed from now on. Replies to open messages are dropped, for
    /// their numbers mean nothing on another connection.
    pub(crate) fn park(&mut self, now: Time, limits: &Limits) {
        debug_assert!(self.phase == Phase::Open, "only an open session has something to keep");
        self.phase = Phase::Parked;
        self.moment = now + limits.resume_ttl;
        self.inbox.abandon();
        if let Some(window) = &mut self.window {
            window.restart();
        }
    }

    /// Pushes an acked delivery to a parked session.
    pub(crate) fn push_parked(
        &mut self,
        delivery: &Rc<Delivery>,
        limits: &Limits,
    ) -> Result<(), Overflow> {
        self.window().queue(delivery, &limits.window)
    }

    /// The peer is back on another connection. Afterwards drain
    /// [`poll_transmit`](Self::poll_transmit): it sends again what was not acknowledged, numbered
    /// from 1, and then what was pushed meanwhile.
    pub(crate) fn resume(&mut self, now: Time) {
        debug_assert!(self.phase == Phase::Parked, "a connected session is parked first");
        self.phase = Phase::Open;
        self.moment = now;
        self.pinged = false;
    }
}
