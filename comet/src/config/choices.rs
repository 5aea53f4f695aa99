//! Settings that select one behaviour.

/// Policy for a session whose queue of acked deliveries is full, or that has fallen behind a room's
/// log.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// Its connection is closed as slow, and it is parked with its queue; later deliveries without
    /// room become a [`Gap`](crate::Gap), as do those that come after it was resumed and before its
    /// peer acknowledges something. A session that cannot be parked ends.
    #[default]
    Park,
    /// The oldest waiting delivery is given up for the new one, and a [`Gap`](crate::Gap) takes its
    /// place.
    DropOldest,
    /// The session ends.
    Close,
}

/// System interface by which shards read from and write to sockets. Peers see no difference.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Io {
    /// `io_uring` where the system has and allows it, otherwise [`Epoll`](Self::Epoll).
    #[default]
    Auto,
    /// One system call for each read and each write.
    Epoll,
    /// One system call for many of them, by `io_uring`; without it the gateway does not start. A
    /// shard to which the system then refuses a ring of its own uses epoll instead, and logs it.
    Uring,
}
