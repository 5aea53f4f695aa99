//! The state machine of one session with one device.
//!
//! Its phases and their diagram are in [`State`]. An open session that loses its connection may be
//! [parked](Session::park) and [resumed](Session::resume) on another one. Either ends when its
//! identity [expires](Session::set_expiry).
//!
//! Driven by [`handle`](Session::handle), [`handle_timeout`](Session::handle_timeout),
//! [`accept`](State::accept), [`push`](Session::push) and [`settle`](Session::settle); after any of
//! them drain [`poll_transmit`](Session::poll_transmit) and [`poll_reply`](Session::poll_reply),
//! and see that a timer fires no later than [`poll_timeout`](Session::poll_timeout) and
//! [`expires_at`](Session::expires_at). Deliveries are in [`Owed`] and `pushing`, the parts of the
//! comet dialect in `numbered` and [`CometState`], deadlines in `timeouts` and `expiry`.
//!
//! Not here: wire formats, sockets, rooms, and the identity of the peer.

mod action;
mod comet_state;
mod expiry;
mod input;
mod limits;
mod numbered;
mod owed;
mod parking;
mod pushing;
mod state;
#[cfg(test)]
mod tests;
mod timeouts;

use comet_protocol::comet::Seq;

use crate::config::Overflow;
use crate::delivery::{Answer, Inbox};
use crate::rate::Rate;
use crate::time::Time;
pub(crate) use action::Action;
pub(crate) use comet_state::{CometState, Hello};
use expiry::Expiry;
pub(crate) use limits::Limits;
pub(crate) use owed::Owed;
pub(crate) use pushing::Wait;
use state::Phase;
pub(crate) use state::State;
pub(crate) use timeouts::Timeout;

/// One session: its state towards its peer, the peer's messages, and the deliveries owed to it.
#[derive(Debug)]
pub(crate) struct Session {
    state: State,
    /// Resumed, and nothing acknowledged since.
    returning: bool,
    /// Overrides the policy of the limits.
    overflow: Option<Overflow>,
    /// Expiry of the peer's identity.
    expiry: Expiry,
    rate: Rate,
    inbox: Inbox,
    owed: Owed,
    comet_state: Option<Box<CometState>>,
}

impl Session {
    /// A session of a connection that was accepted at `now`.
    pub(crate) fn new(now: Time, limits: &Limits) -> Self {
        Self::with(State::connecting(now + limits.handshake_timeout))
    }

    /// A session that moves here from another shard during its authentication.
    pub(crate) fn moved(auth_seq: u32, deadline: Time) -> Self {
        Self::with(State::authenticating(auth_seq, deadline))
    }

    /// Placeholder session of a connection that only has to be closed.
    pub(crate) fn closing(now: Time, limits: &Limits) -> Self {
        let mut session = Self::new(now, limits);
        session.close(now, limits);
        session
    }

    fn with(state: State) -> Self {
        Self {
            state,
            returning: false,
            overflow: None,
            expiry: Expiry::NEVER,
            rate: Rate::default(),
            inbox: Inbox::default(),
            owed: Owed::default(),
            comet_state: None,
        }
    }

    /// Its state towards its peer.
    #[inline]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Its state towards its peer.
    #[inline]
    pub(crate) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// The acked deliveries in flight, and those that wait.
    #[inline]
    pub(crate) fn owed(&self) -> &Owed {
        &self.owed
    }

    /// The acked deliveries in flight, and those that wait.
    #[inline]
    pub(crate) fn owed_mut(&mut self) -> &mut Owed {
        &mut self.owed
    }

    /// Whether the next frame may be handed in: not while the router decides about the peer, nor
    /// while the number of open messages is at its limit.
    pub(crate) fn wants_frames(&self, limits: &Limits) -> bool {
        match self.state.phase() {
            Phase::Connecting => true,
            Phase::Open => !self.state.is_renewing() && !self.inbox.is_full(limits.inbox),
            Phase::Authenticating | Phase::Parked | Phase::Held | Phase::Closing => false,
        }
    }

    /// Settles a message; false if it was not open.
    pub(crate) fn settle(&mut self, number: u32, answer: Answer) -> bool {
        match &mut self.comet_state {
            Some(comet_state) if comet_state.numbers_messages => {
                comet_state.upstream.settle(Seq::new(number), answer)
            }
            _ => self.inbox.settle(number, answer),
        }
    }

    /// The next reply that may leave, with seq and op of its message; call until `None`.
    pub(crate) fn poll_reply(&mut self) -> Option<(u32, u32, Answer)> {
        self.inbox.poll_reply()
    }

    /// Starts the close. Returns whether the session was open, that is, whether the router must be
    /// told: true at most once.
    pub(crate) fn close(&mut self, now: Time, limits: &Limits) -> bool {
        let was_alive = self.state.is_alive();
        if self.state.close(now + limits.close_timeout) {
            self.owed = Owed::default();
            self.comet_state = None;
            self.inbox.abandon();
        }
        was_alive
    }

    /// Whether the router has settled all messages and the peer has acknowledged all deliveries.
    pub(crate) fn is_settled(&self) -> bool {
        let comet_state = self.comet_state.as_ref();
        self.inbox.is_empty()
            && comet_state.is_none_or(|it| it.upstream.is_settled())
            && self.owed.is_idle()
    }
}
