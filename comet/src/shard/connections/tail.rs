//! Input of one connection that was read and waits: for the rest of a message, or until it may be
//! looked at.
//!
//! It is charged to the budget, with what a WebSocket decoder has gathered, and says since when a
//! message has been unfinished. A connection of which nothing waits has none.
//!
//! Not here: what becomes of a connection whose input cannot be charged, or takes too long
//! (`holding`).

use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};

use crate::budget::{Account, Charge, Exhausted};
use crate::time::Time;

/// Input that waits.
#[derive(Debug)]
pub(in crate::shard) struct Tail {
    pub(in crate::shard) unread: Unread,
    /// Bytes that the connection's decoder has gathered.
    gathered: usize,
    /// When the first byte of what is unfinished came.
    since: Time,
    charge: Charge,
}

/// Bytes that were read and not looked at, which may go to another thread.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// The rest of a WebSocket message whose first packets have been handled.
    pub(crate) message: Bytes,
    /// Bytes of the stream, or of WebSocket frames.
    pub(crate) stream: BytesMut,
}

impl Unread {
    /// Bytes of the stream.
    pub(crate) fn new(stream: Bytes) -> Self {
        Self { message: Bytes::new(), stream: stream.into() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.message.is_empty() && self.stream.is_empty()
    }

    /// So many bytes of the stream have been handled. A buffer most of which is of no use any more
    /// is given back.
    pub(in crate::shard) fn handled(&mut self, bytes: usize) {
        self.stream.advance(bytes);
        if self.stream.is_empty() {
            self.stream = BytesMut::new();
        } else if bytes >= self.stream.len() {
            self.stream = BytesMut::from(&self.stream[..]);
        }
    }
}

impl Tail {
    /// Of a connection of which nothing waits yet; its first byte comes at `now`.
    pub(in crate::shard) fn new(account: &Rc<Account>, now: Time) -> Self {
        Self { unread: Unread::default(), gathered: 0, since: now, charge: Charge::none(account) }
    }

    /// Charges what waits now, where the decoder has gathered so much. To be called when either
    /// has changed.
    ///
    /// # Errors
    ///
    /// There is no memory for it. The charge stays what it was.
    pub(in crate::shard) fn settle(&mut self, gathered: usize) -> Result<(), Exhausted> {
        self.gathered = gathered;
        self.charge.set(self.bytes())
    }

    /// Bytes that it takes.
    pub(in crate::shard) fn bytes(&self) -> usize {
        let Unread { message, stream } = &self.unread;
        size_of::<Self>() + message.len() + stream.capacity() + self.gathered
    }

    /// A message has been finished, or it was not the peer's fault that it was not: what waits
    /// begins at `now`.
    pub(in crate::shard) fn begin_again(&mut self, now: Time) {
        self.since = now;
    }

    /// When the first byte of what is unfinished came; `None` while what waits is a whole message.
    pub(in crate::shard) fn unfinished_since(&self) -> Option<Time> {
        let waits = self.gathered > 0 || !self.unread.stream.is_empty();
        (waits && self.unread.message.is_empty()).then_some(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use std::sync::Arc;

    const NOW: Time = Time::from_micros(1_000);

    #[test]
    fn what_waits_is_charged_and_given_back() {
        let account = Account::unlimited();
        let mut tail = Tail::new(&account, NOW);
        tail.unread.stream.extend_from_slice(&[1; 1_000]);
        assert_eq!(tail.settle(500), Ok(()));
        assert!((1_500..3_000).contains(&account.used()), "{}", account.used());
        tail.unread.handled(1_000);
        assert_eq!(tail.settle(0), Ok(()));
        assert!(account.used() < 200, "{}", account.used());
        drop(tail);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn what_has_been_handled_does_not_keep_its_memory() {
        let account = Account::unlimited();
        let mut tail = Tail::new(&account, NOW);
        tail.unread.stream.extend_from_slice(&[1; 100_000]);
        tail.unread.handled(99_000);
        assert_eq!(tail.unread.stream.len(), 1_000);
        assert_eq!(tail.settle(0), Ok(()));
        assert!(account.used() < 2_000, "{}", account.used());
    }

    #[test]
    fn what_cannot_be_paid_for_is_said() {
        let account = Account::new(Arc::new(Budget::new(64 * 1024, 1)), 0);
        let mut tail = Tail::new(&account, NOW);
        assert_eq!(tail.settle(70_000), Err(Exhausted));
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn time_runs_for_what_is_unfinished_and_not_for_what_waits_to_be_looked_at() {
        let mut tail = Tail::new(&Account::unlimited(), NOW);
        assert_eq!(tail.unfinished_since(), None);
        tail.unread.stream.extend_from_slice(b"begun");
        assert_eq!(tail.unfinished_since(), Some(NOW));
        tail.unread.message = Bytes::from_static(b"whole");
        assert_eq!(tail.unfinished_since(), None);
    }
}
