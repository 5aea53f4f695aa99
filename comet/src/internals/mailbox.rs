//! The queue of commands of one shard.

use std::sync::Arc;

use crate::delivery::Delivery;
use crate::shard::command::Command;
use crate::shard::mailbox;
use crate::shard::waker::Waker;

/// A mailbox whose shard is awake.
#[derive(Debug)]
pub struct Mailbox(mailbox::Mailbox);

impl Mailbox {
    /// A mailbox with this capacity.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(mailbox::Mailbox::new(capacity, usize::MAX / 2, Waker::Virtual))
    }

    /// Whether there was room for it.
    pub fn publish(&self, room: &Arc<str>, delivery: Delivery) -> bool {
        self.0.offer(Command::Publish { room: Arc::clone(room), delivery }).is_ok()
    }

    /// Drops the waiting commands. Returns their number.
    pub fn drain(&self) -> usize {
        std::iter::from_fn(|| self.0.take()).count()
    }
}
