//! Sessions without a connection, kept for a while with all pending deliveries.

use std::time::Duration;

use comet_protocol::comet::{Received, Seq, SeqRange};

use super::{Hello, Limits, Phase, Session};
use crate::delivery::Overflow;
use crate::time::Time;

impl Session {
    /// Placeholder session of a connection that only has to be closed.
    pub(crate) fn closing(now: Time, limits: &Limits) -> Self {
        let mut session = Self::new(now, limits);
        session.close(now, limits);
        session
    }

    /// Holds the connection until `until`, with no input or output.
    pub(crate) fn hold(&mut self, until: Time) {
        self.phase = Phase::Held;
        self.moment = until;
        self.conversation = None;
    }

    /// Extends the handshake deadline, while the router decides.
    pub(crate) fn put_off_handshake(&mut self, by: Duration) {
        if self.phase == Phase::Authenticating {
            self.moment = self.moment + by;
        }
    }

    /// Whether the session has a peer that may come back.
    pub(crate) fn is_parked(&self) -> bool {
        self.phase == Phase::Parked
    }

    /// Time since the peer of an open session was last heard; unlimited for any other.
    pub(crate) fn silence(&self, now: Time) -> Duration {
        if self.is_open() { now.since(self.moment) } else { Duration::MAX }
    }

    /// Whether the session is open or parked.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_open() || self.is_parked()
    }

    /// Parks the session when its connection is gone. Unacknowledged deliveries are kept, and new
    /// ones are taken. Replies to open messages are dropped where their numbers mean nothing on
    /// another connection.
    pub(crate) fn park(&mut self, now: Time, limits: &Limits) {
        debug_assert!(self.phase == Phase::Open, "only an open session has something to keep");
        self.phase = Phase::Parked;
        self.renewing = false;
        self.moment = now + limits.resume_ttl;
        self.inbox.abandon();
    }

    /// Resumes on another connection, where numbers begin anew. Afterwards drain
    /// [`poll_transmit`](Self::poll_transmit): it repeats unacknowledged deliveries, numbered from
    /// 1, and then sends those pushed meanwhile.
    pub(crate) fn resume(&mut self, now: Time) -> Result<(), Overflow> {
        self.reopen(now);
        if let Some(conversation) = self.conversation.take() {
            // Receipts of its messages still exist, under their numbers.
            self.inbox.begin_at(conversation.accepted().next().get());
        }
        self.window.as_mut().map_or(Ok(()), |window| window.restart(false))
    }

    /// Resumes on another connection with the same numbers: the peer said hello under `seq`, showed
    /// the ticket of `epoch`, and [has been sent](Self::has_sent) everything in `received`.
    /// Afterwards drain [`poll_transmit`](Self::poll_transmit) and
    /// [`poll_answer`](Self::poll_answer).
    ///
    /// Deliveries that the peer had acknowledged and now reports missing are not kept any more:
    /// returns their numbers, a gap that it must be told first.
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
