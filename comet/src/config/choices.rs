//! Settings that are a choice of one behaviour.

/// What becomes of a session whose queue of acked deliveries is full, or that a room's log has left
/// behind.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// Its connection is closed as slow, and it is parked with what waits; what comes then and
    /// finds no room is lost with a [`Gap`](crate::Gap), as is what comes after it was resumed and
    /// before its peer acknowledges something. One that cannot be parked ends.
    #[default]
    Park,
    /// The oldest that waits is given up for what is new, and a [`Gap`](crate::Gap) stands in its
    /// place.
    DropOldest,
    /// It ends.
    Close,
}

/// How shards read from sockets and write to them. What peers see is the same.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Io {
    /// By `io_uring` where the system has it and allows it, and else as [`Epoll`](Self::Epoll).
    #[default]
    Auto,
    /// One system call for each read and each write.
    Epoll,
    /// One system call for many of them, by `io_uring`; without it the gateway does not
    /// start. A shard that the system then refuses a ring of its own goes without, and says so in
    /// the log.
    Uring,
}
