//! Limits of memory that no single delivery or message has.

/// Bytes that the whole gateway, a shard or a connection may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// Bytes that may wait in the whole process: bodies, windows, queues, room logs, recorded
    /// answers, bytes on their way to sockets, commands in mailboxes, and input that is unfinished
    /// or not processed yet. Default 1 GiB; at least 16 KiB for each shard.
    ///
    /// Shared data counts once. From three quarters on, best-effort deliveries are dropped for
    /// sessions with a backlog of more than three sixteenths of it divided by the open sessions;
    /// from seven eighths on, rooms drop half of their logs, and the heaviest stalled session loses
    /// its backlog, then its connection, then itself; from fifteen sixteenths on, no new session is
    /// let in unless a stalled one could give way. Data that cannot be charged even then is given
    /// up, input with its connection. Losses are reported to the session by a [`Gap`](crate::Gap).
    /// Not included: idle sessions, and the system's buffers.
    pub budget: usize,
    /// Commands that may wait for one shard. Default 65,536, about 100 bytes each and a reference
    /// to their body; at least 1.
    pub mailbox: usize,
    /// Read buffer of a shard. Default 256 KiB, one for each shard; at least 16 KiB.
    ///
    /// A session that is not read because of [`limits.inbox`](crate::LimitsConfig::inbox) or
    /// [`write_bytes`](Self::write_bytes) may hold as much unprocessed input.
    pub read_buffer: usize,
    /// Bytes that wait for the socket of one connection. Default 1 MiB.
    ///
    /// Beyond it best-effort deliveries are dropped and counted, and the connection is not read
    /// until the backlog is smaller.
    pub write_bytes: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            budget: 1024 * 1024 * 1024,
            mailbox: 65_536,
            read_buffer: 256 * 1024,
            write_bytes: 1024 * 1024,
        }
    }
}
