//! The state machine of one conversation with one device.
//!
//! ```text
//!  Connecting --auth--> Authenticating --accept--> Open --close--> Closing
//!      ^  |                  |     |                ^ |               |
//!      |  |                  |     +--deadline------|-|--> Closing    +--flushed or deadline: gone
//!      +--|------refuse------+                      +-+ frames, acks, pushes, timers
//!         +--deadline, disconnect, bad frame--> Closing
//! ```
//!
//! An open session that loses its connection may be [parked](Session::park) and
//! [resumed](Session::resume) on another one. Either ends when its identity
//! [expires](Session::set_expiry).
//!
//! Driven by [`handle`](Session::handle), [`handle_timeout`](Session::handle_timeout),
//! [`accept`](Session::accept), [`push`](Session::push) and [`settle`](Session::settle); after any
//! of them drain [`poll_transmit`](Session::poll_transmit) and [`poll_reply`](Session::poll_reply),
//! and see that a timer fires no later than [`poll_timeout`](Session::poll_timeout) and
//! [`expires_at`](Session::expires_at). Deliveries are in `owed`, the parts of the comet dialect in
//! `numbered` and `conversation`, deadlines in `timeouts` and `expiry`.
//!
//! Not here: wire formats, sockets, rooms, and the identity of the peer.

mod action;
mod conversation;
mod expiry;
mod input;
mod limits;
mod numbered;
mod owed;
mod parking;
mod renewing;
#[cfg(test)]
mod tests;
mod timeouts;

use comet_protocol::comet::Seq;

use crate::Closed;
use crate::config::Overflow;
use crate::delivery::{Answer, Inbox, Reply, Window};
use crate::rate::Rate;
use crate::time::Time;
pub(crate) use action::Action;
pub(crate) use conversation::{Conversation, Hello};
use expiry::Expiry;
pub(crate) use limits::Limits;
pub(crate) use owed::Wait;
pub(crate) use timeouts::Timeout;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Connecting,
    Authenticating,
    Open,
    Parked,
    Held,
    Closing,
}

/// One session, with a window once an acked delivery was pushed.
#[derive(Debug)]
pub(crate) struct Session {
    phase: Phase,
    attempts: u8,
    pinged: bool,
    /// An authentication renewal is pending.
    renewing: bool,
    /// Resumed, and nothing acknowledged since.
    returning: bool,
    auth_seq: u32,
    /// Expiry of the peer's identity.
    expiry: Expiry,
    /// Open: time of the last input. Otherwise: deadline of the current phase.
    moment: Time,
    rate: Rate,
    inbox: Inbox,
    window: Option<Box<Window>>,
    conversation: Option<Box<Conversation>>,
    /// Overrides the policy of the limits.
    overflow: Option<Overflow>,
}

impl Session {
    /// A session of a connection that was accepted at `now`.
    pub(crate) fn new(now: Time, limits: &Limits) -> Self {
        Self::until(now + limits.handshake_timeout)
    }

    /// A session that moves here from another shard during its authentication.
    pub(crate) fn moved(auth_seq: u32, deadline: Time) -> Self {
        let (phase, attempts) = (Phase::Authenticating, 1);
        Self { phase, attempts, auth_seq, ..Self::until(deadline) }
    }

    /// A session with this handshake deadline.
    fn until(deadline: Time) -> Self {
        Self {
            phase: Phase::Connecting,
            attempts: 0,
            pinged: false,
            renewing: false,
            returning: false,
            auth_seq: 0,
            expiry: Expiry::NEVER,
            moment: deadline,
            rate: Rate::default(),
            inbox: Inbox::default(),
            window: None,
            conversation: None,
            overflow: None,
        }
    }

    /// Seq of the pending auth frame, and the handshake deadline: the arguments of
    /// [`moved`](Self::moved).
    pub(crate) fn handshake(&self) -> (u32, Time) {
        (self.auth_seq, self.moment)
    }

    /// Whether the next frame may be handed in: not while the router decides about the peer, nor
    /// while the number of open messages is at its limit.
    pub(crate) fn wants_frames(&self, limits: &Limits) -> bool {
        match self.phase {
            Phase::Connecting => true,
            Phase::Open => !self.renewing && !self.inbox.is_full(limits.inbox),
            Phase::Authenticating | Phase::Parked | Phase::Held | Phase::Closing => false,
        }
    }

    /// Notes the arrival of bytes of any kind.
    pub(crate) fn heard(&mut self, now: Time) {
        if self.phase == Phase::Open {
            self.moment = now;
            self.pinged = false;
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

    /// Starts an authentication by the transport itself, as for the upgrade request of a raw peer.
    pub(crate) fn begin_authentication(&mut self) {
        self.phase = Phase::Authenticating;
        self.attempts = 1;
    }

    /// Settles a message; false if it was not open.
    pub(crate) fn settle(&mut self, number: u32, reply: Reply) -> bool {
        match &mut self.conversation {
            Some(conversation) if conversation.numbers_messages => {
                conversation.upstream.settle(Seq::new(number), reply.into())
            }
            _ => self.inbox.settle(number, reply),
        }
    }

    /// The next reply that may leave, with seq and op of its message; call until `None`.
    pub(crate) fn poll_reply(&mut self) -> Option<(u32, u32, Answer)> {
        let (seq, op, reply) = self.inbox.poll_reply()?;
        Some((seq, op, reply.into()))
    }

    /// Starts the close. Returns whether the session was open, that is, whether the router must be
    /// told: true at most once.
    pub(crate) fn close(&mut self, now: Time, limits: &Limits) -> bool {
        let was_open = matches!(self.phase, Phase::Open | Phase::Parked);
        if self.phase != Phase::Closing {
            self.phase = Phase::Closing;
            self.moment = now + limits.close_timeout;
            self.window = None;
            self.conversation = None;
            self.inbox.abandon();
        }
        was_open
    }

    /// Whether the peer is authenticated and connected, and the session has not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the close has begun.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Whether the router is deciding about the peer.
    pub(crate) fn is_authenticating(&self) -> bool {
        self.phase == Phase::Authenticating
    }

    /// Whether the router has settled all messages and the peer has acknowledged all deliveries.
    pub(crate) fn is_settled(&self) -> bool {
        let conversation = self.conversation.as_ref();
        self.inbox.is_empty()
            && conversation.is_none_or(|it| it.upstream.is_settled())
            && self.window.as_ref().is_none_or(|window| window.is_idle())
    }
}
