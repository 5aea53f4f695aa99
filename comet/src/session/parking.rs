//! Sessions without a connection: kept for a while, with all that was promised to their peer.

use std::time::Duration;

use comet_protocol::comet::{Received, Seq, SeqRange};

use super::{Hello, Limits, Phase, Session};
use crate::delivery::Overflow;
use crate::time::Time;

impl Session {
    /// What stands in for a session whose connection has only to end.
    pub(crate) fn closing(now: Time, limits: &Limits) -> Self {
        let mut session = Self::new(now, limits);
        session.close(now, limits);
        session
    }

    /// Nothing is heard of the peer, and nothing said to it, until then.
    pub(crate) fn hold(&mut self, until: Time) {
        self.phase = Phase::Held;
        self.moment = until;
        self.conversation = None;
    }

    /// The router needs this much longer to decide about the peer.
    pub(crate) fn put_off_handshake(&mut self, by: Duration) {
        if self.phase == Phase::Authenticating {
            self.moment = self.moment + by;
        }
    }

    /// Whether the session has a peer that may come back.
    pub(crate) fn is_parked(&self) -> bool {
        self.phase == Phase::Parked
    }

    /// Time since the peer of an open session was last heard; without end for any other.
    pub(crate) fn silence(&self, now: Time) -> Duration {
        if self.is_open() { now.since(self.moment) } else { Duration::MAX }
    }

    /// Whether the session is open or parked.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_open() || self.is_parked()
    }

    /// The connection is gone, the session stays: what it has pushed and the peer has not
    /// acknowledged, and what is pushed from now on. Replies to open messages are dropped where
    /// their numbers mean nothing on another connection.
    pub(crate) fn park(&mut self, now: Time, limits: &Limits) {
        debug_assert!(self.phase == Phase::Open, "only an open session has something to keep");
        self.phase = Phase::Parked;
        self.renewing = false;
        self.moment = now + limits.resume_ttl;
        self.inbox.abandon();
    }

    /// The peer is back on another connection, where numbers begin anew. Afterwards drain
    /// [`poll_transmit`](Self::poll_transmit): it sends again what was not acknowledged, numbered
    /// from 1, and then what was pushed meanwhile.
    pub(crate) fn resume(&mut self, now: Time) -> Result<(), Overflow> {
        self.reopen(now);
        if let Some(conversation) = self.conversation.take() {
            // Receipts of its messages are still about, under their numbers.
            self.inbox.begin_at(conversation.accepted().next().get());
        }
        self.window.as_mut().map_or(Ok(()), |window| window.restart(false))
    }

    /// The peer is back on another connection and goes on with its numbers: it said hello under
    /// `seq`, showed the ticket of `epoch`, and [has been sent](Self::has_sent) what it has
    /// `received`. Afterwards drain
    /// [`poll_transmit`](Self::poll_transmit) and [`poll_answer`](Self::poll_answer).
    ///
    /// What the peer had acknowledged and now says it does not have, is not kept any more: these
    /// are the numbers of a gap that it must be told first.
    pub(crate) fn resume_numbered(
        &mut self,
        now: Time,
        (hello, seq): (&Hello, u32),
        epoch: u32,
        received: Received<'_>,
        done: impl FnMut(u64),
    ) -> Option<SeqRange> {
        self.reopen(now);
        if let Some(conversation) = &mut self.conversation {
            conversation.resume(hello, Seq::new(seq), epoch);
        }
        let window = self.window.as_mut()?;
        let _fresh = window.receive(now, received, done);
        window.replay();
        let (before, _) = window.span();
        let first = received.up_to().next();
        before.is_after(received.up_to()).then_some(SeqRange { first, last: before })
    }

    fn reopen(&mut self, now: Time) {
        debug_assert!(self.phase == Phase::Parked, "a connected session is parked first");
        self.phase = Phase::Open;
        self.moment = now;
        self.pinged = false;
        self.returning = true;
    }
}
