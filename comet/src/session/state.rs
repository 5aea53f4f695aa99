//! Phase of a session, with its deadline, and the authentications of its peer.
//!
//! ```text
//!  Connecting --auth--> Authenticating --accept--> Open --close--> Closing
//!      ^  |                  |     |                ^ |               |
//!      |  |                  |     +--deadline------|-|--> Closing    +--flushed or deadline: gone
//!      +--|------refuse------+                      +-+ frames, acks, pushes, timers
//!         +--deadline, disconnect, bad frame--> Closing
//! ```
//!
//! From Open to Parked and back with another connection; from any phase before Open to Held, which
//! keeps the connection of a refused peer.
//!
//! Not here: what a peer sends and is sent, and the validity of its identity.

use std::time::Duration;

use super::Limits;
use crate::Closed;
use crate::time::Time;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Connecting,
    Authenticating,
    Open,
    Parked,
    Held,
    Closing,
}

/// State of a session towards its peer: authenticated or not, connected or not, silent or not.
#[derive(Debug)]
pub(crate) struct State {
    phase: Phase,
    /// Authentications on this connection.
    attempts: u8,
    /// Pinged since the last input.
    pinged: bool,
    /// An authentication renewal is pending.
    renewing: bool,
    /// Seq of the last auth frame.
    auth_seq: u32,
    /// Open: time of the last input. Otherwise: deadline of the current phase.
    moment: Time,
}

impl State {
    /// A connection with this handshake deadline.
    pub(super) fn connecting(deadline: Time) -> Self {
        Self {
            phase: Phase::Connecting,
            attempts: 0,
            pinged: false,
            renewing: false,
            auth_seq: 0,
            moment: deadline,
        }
    }

    /// A connection about whose auth frame the router decides.
    pub(super) fn authenticating(auth_seq: u32, deadline: Time) -> Self {
        let (phase, attempts) = (Phase::Authenticating, 1);
        Self { phase, attempts, auth_seq, ..Self::connecting(deadline) }
    }

    #[inline]
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the peer is authenticated and connected, and the session has not ended.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the session has a peer that may come back.
    pub(crate) fn is_parked(&self) -> bool {
        self.phase == Phase::Parked
    }

    /// Whether the session is open or parked.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_open() || self.is_parked()
    }

    /// Whether the close has begun.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Whether the router is deciding about the peer.
    pub(crate) fn is_authenticating(&self) -> bool {
        self.phase == Phase::Authenticating
    }

    /// Whether a renewal is pending.
    pub(crate) fn is_renewing(&self) -> bool {
        self.renewing
    }

    /// Seq of the pending auth frame, and the handshake deadline: the arguments of
    /// [`Session::moved`](super::Session::moved).
    pub(crate) fn handshake(&self) -> (u32, Time) {
        (self.auth_seq, self.moment)
    }

    /// Starts an authentication under `seq`. Returns the number of attempts on this connection;
    /// `None` if they are used up.
    pub(super) fn authenticate(&mut self, seq: u32, limits: &Limits) -> Option<u8> {
        if self.attempts >= limits.auth_attempts {
            return None;
        }
        self.attempts += 1;
        self.auth_seq = seq;
        self.phase = Phase::Authenticating;
        Some(self.attempts)
    }

    /// Starts an authentication by the transport itself, as for the upgrade request of a raw peer.
    pub(crate) fn begin_authentication(&mut self) {
        self.phase = Phase::Authenticating;
        self.attempts = 1;
    }

    /// Extends the handshake deadline, while the router decides.
    pub(crate) fn put_off_handshake(&mut self, by: Duration) {
        if self.phase == Phase::Authenticating {
            self.moment = self.moment + by;
        }
    }

    /// Accepts the peer. Returns the seq to answer; `None` if no authentication was pending.
    pub(crate) fn accept(&mut self, now: Time) -> Option<u32> {
        if self.phase != Phase::Authenticating {
            return None;
        }
        self.phase = Phase::Open;
        self.moment = now;
        Some(self.auth_seq)
    }

    /// Refuses the peer, which may try again. Returns the seq to answer, or the reason to close;
    /// `None` if no authentication was pending.
    pub(crate) fn refuse(&mut self, limits: &Limits) -> Option<Result<u32, Closed>> {
        if self.phase != Phase::Authenticating {
            return None;
        }
        if self.attempts >= limits.auth_attempts {
            return Some(Err(Closed::AuthAttempts));
        }
        self.phase = Phase::Connecting;
        Some(Ok(self.auth_seq))
    }

    /// Starts a renewal of an open session, to be answered under `seq`; no frame may be handed in
    /// until then. Returns the number of attempts on this connection.
    pub(crate) fn begin_renewal(&mut self, seq: u32) -> u8 {
        self.renewing = true;
        self.auth_seq = seq;
        self.attempts = self.attempts.saturating_add(1);
        self.attempts
    }

    /// Ends the renewal. Returns the seq to answer; `None` if none was pending.
    pub(crate) fn end_renewal(&mut self) -> Option<u32> {
        (std::mem::take(&mut self.renewing) && self.is_open()).then_some(self.auth_seq)
    }

    /// Holds the connection until `until`, with no input or output.
    pub(super) fn hold(&mut self, until: Time) {
        self.phase = Phase::Held;
        self.moment = until;
    }

    /// The connection is gone, and its peer may be back until `until`.
    pub(super) fn park(&mut self, until: Time) {
        debug_assert!(self.phase == Phase::Open, "only an open session has something to keep");
        self.phase = Phase::Parked;
        self.renewing = false;
        self.moment = until;
    }

    /// The peer is back on another connection.
    pub(super) fn reopen(&mut self, now: Time) {
        debug_assert!(self.phase == Phase::Parked, "a connected session is parked first");
        self.phase = Phase::Open;
        self.moment = now;
        self.pinged = false;
    }

    /// Starts the close, which is given up at `until`; false if it had begun.
    pub(super) fn close(&mut self, until: Time) -> bool {
        let begins = self.phase != Phase::Closing;
        if begins {
            self.phase = Phase::Closing;
            self.moment = until;
        }
        begins
    }

    /// Notes the arrival of bytes of any kind.
    pub(crate) fn heard(&mut self, now: Time) {
        if self.phase == Phase::Open {
            self.moment = now;
            self.pinged = false;
        }
    }

    /// Time since the peer of an open session was last heard; unlimited for any other.
    pub(crate) fn silence(&self, now: Time) -> Duration {
        if self.is_open() { now.since(self.moment) } else { Duration::MAX }
    }

    /// Excuses the silence until now: the session was not read.
    pub(super) fn excuse(&mut self, now: Time) {
        self.moment = now;
    }

    /// Notes a ping; false if the peer was pinged before in the same silence.
    pub(super) fn ping(&mut self) -> bool {
        !std::mem::replace(&mut self.pinged, true)
    }

    /// Time at which the phase ends, or the silence is long enough for a ping or the end.
    pub(super) fn deadline(&self, limits: &Limits) -> Time {
        match self.phase {
            Phase::Open if self.pinged => self.moment + limits.idle_timeout,
            Phase::Open => self.moment + limits.ask_after,
            _ => self.moment,
        }
    }

    /// Whether the deadline of the phase has passed.
    pub(super) fn is_over(&self, now: Time) -> bool {
        now >= self.moment
    }

    /// A value that differs between sessions: the time of the last input is random enough.
    pub(super) fn salt(&self) -> u32 {
        self.moment.wrapping_micros()
    }
}
