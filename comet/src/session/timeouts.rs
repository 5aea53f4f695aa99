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
    /// Drain [`Session::poll_resend`].
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
        match self.phase {
            Phase::Connecting | Phase::Authenticating if now >= self.moment => {
                Timeout::Close(Closed::HandshakeTimeout)
            }
            Phase::Closing if now >= self.moment => Timeout::GiveUp,
            Phase::Parked if now >= self.moment => Timeout::Unclaimed,
            Phase::Held if now >= self.moment => Timeout::Release,
            Phase::Open => self.open_timeout(now, blocked, limits),
            _ => Timeout::Nothing,
        }
    }

    /// Earliest time at which [`handle_timeout`](Self::handle_timeout) may have something to do,
    /// not counting the [expiry](Self::expires_at), which no input or output changes.
    pub(crate) fn poll_timeout(&self, now: Time, limits: &Limits) -> Time {
        if self.phase != Phase::Open {
            return self.moment;
        }
        let silence = if self.pinged { limits.idle_timeout } else { limits.ask_after };
        let idle = self.moment + silence;
        match self.window.as_ref().and_then(|window| window.due_at(now)) {
            Some(due) => idle.min(due),
            None => idle,
        }
    }

    fn open_timeout(&mut self, now: Time, blocked: bool, limits: &Limits) -> Timeout {
        if self.renewing || self.inbox.is_full(limits.inbox) {
            // Reading is paused because the router is slow: this is not silence of the peer.
            self.moment = now;
        }
        let silence = now.since(self.moment);
        if silence >= limits.idle_timeout {
            return Timeout::Close(Closed::Idle);
        }
        self.inbox.release();
        if let Some(conversation) = &mut self.conversation {
            conversation.upstream.release();
        }
        if let Some(window) = &mut self.window {
            match window.handle_timeout(now, blocked, &limits.window) {
                Due::Nothing => window.release(),
                Due::Resend => return Timeout::Resend,
                Due::Exhausted => return Timeout::Close(Closed::Unresponsive),
            }
        }
        if silence >= limits.ask_after && !self.pinged {
            self.pinged = true;
            return Timeout::Ping;
        }
        Timeout::Nothing
    }
}
