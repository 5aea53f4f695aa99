//! Deadlines of a session.

use super::{Limits, Phase, Session};
use crate::Closed;
use crate::delivery::Due;
use crate::time::Time;

/// Action that is due.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Timeout {
    /// Too early, or nothing to do.
    Nothing,
    /// Drain [`Owed::poll_resend`](super::Owed::poll_resend).
    Resend,
    /// Ping the peer, if the transport can.
    Ping,
    /// End the session.
    Close(Closed),
    /// The close timed out: drop the connection.
    GiveUp,
    /// The parked session was not resumed in time: end it.
    Unclaimed,
    /// The hold of a refused peer is over.
    Release,
}

impl Session {
    /// To be called when the deadline may have passed. `blocked`: the socket is not writable.
    pub(crate) fn handle_timeout(&mut self, now: Time, blocked: bool, limits: &Limits) -> Timeout {
        if now >= self.expires_at() {
            return Timeout::Close(Closed::Expired);
        }
        match self.state.phase() {
            Phase::Open => self.open_timeout(now, blocked, limits),
            _ if !self.state.is_over(now) => Timeout::Nothing,
            Phase::Connecting | Phase::Authenticating => Timeout::Close(Closed::HandshakeTimeout),
            Phase::Parked => Timeout::Unclaimed,
            Phase::Held => Timeout::Release,
            Phase::Closing => Timeout::GiveUp,
        }
    }

    /// Earliest time at which [`handle_timeout`](Self::handle_timeout) may have something to do,
    /// not counting the [expiry](Self::expires_at), which no input or output changes.
    pub(crate) fn poll_timeout(&self, now: Time, limits: &Limits) -> Time {
        let deadline = self.state.deadline(limits);
        let due = match self.state.phase() {
            Phase::Open => self.owed.due_at(now),
            Phase::Parked => self.owed.overdue_at(now, &limits.window),
            _ => None,
        };
        due.map_or(deadline, |due| deadline.min(due))
    }

    /// Tags of the deliveries that have become overdue since the last call; to be called before
    /// [`handle_timeout`](Self::handle_timeout).
    pub(crate) fn take_overdue(&mut self, now: Time, limits: &Limits) -> Vec<u64> {
        match self.state.is_alive() {
            true => self.owed.take_overdue(now, &limits.window),
            false => Vec::new(),
        }
    }

    fn open_timeout(&mut self, now: Time, blocked: bool, limits: &Limits) -> Timeout {
        if self.state.is_renewing() || self.inbox.is_full(limits.inbox) {
            // Reading is paused because the router is slow: this is not silence of the peer.
            self.state.excuse(now);
        }
        let silence = self.state.silence(now);
        if silence >= limits.idle_timeout {
            return Timeout::Close(Closed::Idle);
        }
        self.inbox.release();
        if let Some(comet_state) = &mut self.comet_state {
            comet_state.upstream.release();
        }
        match self.owed.handle_timeout(now, blocked, &limits.window) {
            Due::Nothing => {}
            Due::Resend => return Timeout::Resend,
            Due::Exhausted => return Timeout::Close(Closed::Unresponsive),
        }
        if silence >= limits.ask_after && self.state.ping() {
            return Timeout::Ping;
        }
        Timeout::Nothing
    }
}
