//! The limits of a store.

use std::time::Duration;

use comet_dtalk::id::Node;

/// Limits of a [`Store`](crate::Store), each with what it costs.
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: Node::default(),
            // A second's worth for a fast disk: what waits longer is sent again by its client.
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
        }
    }
}

impl Config {
    /// The number of this process among those that make ids. Default 0.
    #[must_use]
    pub const fn node(mut self, node: Node) -> Self {
        self.node = node;
        self
    }

    /// Messages that may wait to be stored; more are refused. Default 16,384.
    ///
    /// Each holds the buffer of its frame, 16 KiB at most and usually a few hundred bytes.
    #[must_use]
    pub const fn queue(mut self, messages: usize) -> Self {
        self.queue = messages;
        self
    }

    /// Acks that may wait to be recorded. Default 262,144, of about 50 bytes each.
    ///
    /// One more is not recorded, and its session ends: the delivery counts as not acknowledged, and
    /// a phone gets it again.
    #[must_use]
    pub const fn acks(mut self, acks: usize) -> Self {
        self.acks = acks;
        self
    }

    /// Most jobs, messages and acks, that share a transaction, at least 1. Default 2,048.
    ///
    /// All share one sync of the disk; the first waits for the last.
    #[must_use]
    pub const fn batch(mut self, jobs: usize) -> Self {
        self.batch = if jobs == 0 { 1 } else { jobs };
        self
    }

    /// Messages a second that a user may send, over all sessions and HTTP together, in bursts of
    /// twice as many. Default 0: no limit.
    ///
    /// One more is refused with [`Code::MESSAGE_NOT_SENT`], on a socket so that its client may send
    /// it again. Each user who sent something in the last seconds costs about 100 bytes.
    ///
    /// [`Code::MESSAGE_NOT_SENT`]: comet_dtalk::code::Code::MESSAGE_NOT_SENT
    #[must_use]
    pub const fn message_rate(mut self, rate: u32) -> Self {
        self.message_rate = rate;
        self
    }

    /// Sessions whose log is read at the same time, and requests over HTTP that read at the same
    /// time, at least 1. Default 4.
    ///
    /// Each is two connections: threads with about 2 MiB of cache.
    #[must_use]
    pub const fn readers(mut self, at_once: u16) -> Self {
        self.readers = if at_once == 0 { 1 } else { at_once };
        self
    }

    /// Answers over HTTP that are read from the log at the same time, at least 1. Default 16.
    ///
    /// Each takes up to 8 MiB of the gateway's memory budget while it is made, and up to 4 MiB
    /// until its client has read it. One more waits a second and is refused then.
    #[must_use]
    pub const fn answers(mut self, at_once: u16) -> Self {
        self.answers = if at_once == 0 { 1 } else { at_once };
        self
    }

    /// Bytes of the database that the connection that writes keeps in memory, at least 1 MiB; each
    /// that reads keeps a thirty-second of that, at least 256 KiB. Default 64 MiB.
    ///
    /// Pages that were written stay there, so that a store that has taken as much holds all of it.
    /// With less, a message whose place in a large database is not there is read for again.
    #[must_use]
    pub const fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// How long authors may take a message back. Default 86,400 hours, as clients are used to.
    #[must_use]
    pub const fn revoke_within(mut self, time: Duration) -> Self {
        self.revoke_within = time;
        self
    }

    /// Whether a database is opened that has lost messages: its write-ahead log was deleted or
    /// damaged, or it is an older copy. They stay lost, and are not asked about again. Default
    /// false: refused with [`OpenError::Lost`](crate::OpenError::Lost).
    #[must_use]
    pub const fn accept_loss(mut self, accept: bool) -> Self {
        self.accept_loss = accept;
        self
    }

    /// How long to wait for another process that has locked the database, and for a connection
    /// that reads. Default 5 s.
    #[must_use]
    pub const fn busy_timeout(mut self, time: Duration) -> Self {
        self.busy_timeout = time;
        self
    }
}
