//! Limits of a store.

use std::time::Duration;

use comet_dtalk::id::Node;
use comet_sql::Fence;

use crate::{Outbox, Retention};

/// Limits of a [`Store`](crate::Store), each with its cost.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) node: Node,
    pub(crate) queue: usize,
    pub(crate) acks: usize,
    pub(crate) batch: usize,
    pub(crate) message_rate: u32,
    pub(crate) readers: u16,
    pub(crate) answers: u16,
    pub(crate) cache: usize,
    pub(crate) revoke_within: Duration,
    pub(crate) busy_timeout: Duration,
    pub(crate) accept_loss: bool,
    pub(crate) fence: Option<Fence>,
    pub(crate) outbox: Outbox,
    pub(crate) retention: Retention,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: Node::default(),
            // One second of load for a fast disk: clients resend messages that wait longer.
            queue: 16_384,
            acks: 262_144,
            batch: 2_048,
            message_rate: 0,
            readers: 4,
            answers: 16,
            cache: 64 * 1024 * 1024,
            revoke_within: Duration::from_secs(86_400 * 3_600),
            busy_timeout: Duration::from_secs(5),
            accept_loss: false,
            fence: None,
            outbox: Outbox::default(),
            retention: Retention::default(),
        }
    }
}

impl Config {
    /// Number of this process among those that make ids. Default 0.
    #[must_use]
    pub const fn node(mut self, node: Node) -> Self {
        self.node = node;
        self
    }

    /// Maximum number of messages waiting to be stored; further ones are refused. Default 16,384.
    ///
    /// Each holds the buffer of its frame, at most 16 KiB and usually a few hundred bytes.
    #[must_use]
    pub const fn queue(mut self, messages: usize) -> Self {
        self.queue = messages;
        self
    }

    /// Maximum number of acks waiting to be recorded. Default 262,144, of about 50 bytes each.
    ///
    /// A further ack is not recorded, and its session ends: the delivery counts as not
    /// acknowledged, and a phone gets it again.
    #[must_use]
    pub const fn acks(mut self, acks: usize) -> Self {
        self.acks = acks;
        self
    }

    /// Maximum number of jobs, messages and acks, per transaction, at least 1. Default 2,048.
    ///
    /// All share one sync of the disk; the first waits for the last.
    #[must_use]
    pub const fn batch(mut self, jobs: usize) -> Self {
        self.batch = if jobs == 0 { 1 } else { jobs };
        self
    }

    /// Messages per second of one user, over all sessions and HTTP together, in bursts of twice as
    /// many. Default 0: no limit.
    ///
    /// A further message is refused with [`Code::MESSAGE_NOT_SENT`], on a socket such that its
    /// client may send it again. Each user with a message in the last seconds costs about 100
    /// bytes.
    ///
    /// [`Code::MESSAGE_NOT_SENT`]: comet_dtalk::code::Code::MESSAGE_NOT_SENT
    #[must_use]
    pub const fn message_rate(mut self, rate: u32) -> Self {
        self.message_rate = rate;
        self
    }

    /// Maximum number of sessions whose log is read concurrently, and of HTTP requests that read
    /// concurrently, at least 1. Default 4.
    ///
    /// Each costs two connections: threads with about 2 MiB of cache.
    #[must_use]
    pub const fn readers(mut self, at_once: u16) -> Self {
        self.readers = if at_once == 0 { 1 } else { at_once };
        self
    }

    /// Maximum number of HTTP answers read from the log concurrently, at least 1. Default 16.
    ///
    /// Each takes up to 8 MiB of the gateway's memory budget while it is made, and up to 4 MiB
    /// until its client has read it. A further one waits for a second and is then refused.
    #[must_use]
    pub const fn answers(mut self, at_once: u16) -> Self {
        self.answers = if at_once == 0 { 1 } else { at_once };
        self
    }

    /// Page cache of the writing connection, in bytes, at least 1 MiB; each reading connection has
    /// a thirty-second of that, at least 256 KiB. Default 64 MiB.
    ///
    /// Written pages stay in it, so that it is completely used once that much has been written.
    /// With a smaller cache, a message whose place in a large database is not cached costs a read.
    #[must_use]
    pub const fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// Time within which authors may revoke a message. Default 86,400 hours, as expected by
    /// clients.
    #[must_use]
    pub const fn revoke_within(mut self, time: Duration) -> Self {
        self.revoke_within = time;
        self
    }

    /// Whether to open a database that has lost messages: its write-ahead log was deleted or
    /// damaged, or it is an older copy. They stay lost, and are not reported again. Default false:
    /// refused with [`OpenError::Lost`](crate::OpenError::Lost).
    #[must_use]
    pub const fn accept_loss(mut self, accept: bool) -> Self {
        self.accept_loss = accept;
        self
    }

    /// Lease of the database: nothing is written unless it is still held. Default none.
    #[must_use]
    pub const fn fence(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Outbox of the backend that changes groups. By default one that nobody writes to.
    #[must_use]
    pub fn outbox(mut self, outbox: Outbox) -> Self {
        self.outbox = outbox;
        self
    }

    /// Retention. Default: everything is kept.
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Timeout for another process that has locked the database, and for a reading connection.
    /// Default 5 s.
    #[must_use]
    pub const fn busy_timeout(mut self, time: Duration) -> Self {
        self.busy_timeout = time;
        self
    }
}
