//! Settings of sockets.

use std::time::Duration;

use super::Io;

/// Sockets: the interface to the system, and times after which a dead or stalled one is given up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IoConfig {
    /// System interface by which shards read from and write to sockets. Default [`Io::Auto`].
    ///
    /// A ring costs a shard about 20 KiB of the kernel's memory, and a file descriptor.
    pub interface: Io,
    /// Connections that a shard accepts before it serves the existing ones. Default 64; at least 1.
    pub accept_batch: usize,
    /// Longest time for which a peer may take no output. Default 20 s.
    pub write_timeout: Duration,
    /// Longest time for which sent data may stay unacknowledged by the peer's system before the
    /// local system gives the connection up (`TCP_USER_TIMEOUT`). Default 25 s; above
    /// [`write_timeout`](Self::write_timeout), or zero for the system's own limit, which may be a
    /// quarter of an hour.
    ///
    /// It detects peers that disappear while data is in transit to them. A peer that is present and
    /// reads nothing for that long, while data for it waits in the system's buffers, is given up as
    /// well; with more data than these buffers take it ends earlier, by `write_timeout`. On Linux.
    pub user_timeout: Duration,
    /// Time within which the system detects a dead peer on an idle connection (TCP keepalive).
    /// Default 60 s: probes after half of it. At least 2 s, or zero for no probes.
    pub keepalive: Duration,
    /// Longest time for a closing connection to send its remaining output and see the peer close.
    /// Default 2 s.
    pub close_timeout: Duration,
}

impl Default for IoConfig {
    fn default() -> Self {
        Self {
            interface: Io::Auto,
            accept_batch: 64,
            write_timeout: Duration::from_secs(20),
            user_timeout: Duration::from_secs(25),
            keepalive: Duration::from_secs(60),
            close_timeout: Duration::from_secs(2),
        }
    }
}
