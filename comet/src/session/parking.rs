//! Sessions without a connection, kept for a while with all pending deliveries.

use comet_protocol::comet::{Received, Seq, SeqRange};

use super::{Hello, Limits, Session};
use crate::delivery::QueueError;
use crate::time::Time;

impl Session {
    /// Holds the connection until `until`, with no input or output.
    pub(crate) fn hold(&mut self, until: Time) {
        self.state.hold(until);
        self.comet_state = None;
    }

    /// Parks the session when its connection is gone. Unacknowledged deliveries are kept, and new
    /// ones are taken. Replies to open messages are dropped where their numbers mean nothing on
    /// another connection.
    pub(crate) fn park(&mut self, now: Time, limits: &Limits) {
        self.state.park(now + limits.resume_ttl);
        self.inbox.abandon();
    }

    /// Resumes on another connection, where numbers begin anew. Afterwards drain
    /// [`poll_transmit`](Self::poll_transmit): it repeats unacknowledged deliveries, numbered from
    /// 1, and then sends those pushed meanwhile.
    pub(crate) fn resume(&mut self, now: Time) -> Result<(), QueueError> {
        self.state.reopen(now);
        self.returning = true;
        if let Some(comet_state) = self.comet_state.take() {
            // Receipts of its messages still exist, under their numbers.
            self.inbox.begin_at(comet_state.accepted().next().get());
        }
        self.owed.restart()
    }

    /// Resumes on another connection with the same numbers: the peer said hello under `seq`, showed
    /// the ticket of `epoch`, and [has been sent](super::Owed::has_sent) everything in `received`.
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
        self.state.reopen(now);
        self.returning = true;
        if let Some(comet_state) = &mut self.comet_state {
            comet_state.resume(hello, Seq::new(seq), epoch);
        }
        self.owed.replay(now, received, done)
    }
}
