//! Counters of a listener: written by its threads, read by anybody.

use std::sync::atomic::{AtomicU64, Ordering};

/// What has happened on a listener since it was bound, summed over its threads.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections there are, those in a handshake and those being closed included.
    pub connections: u64,
    /// Handshakes begun.
    pub begun: u64,
    /// Handshakes completed.
    pub established: u64,
    /// Streams that the gateway adopted as sessions.
    pub adopted: u64,
    /// Clients asked to prove their address.
    pub retried: u64,
    /// First datagrams dropped as too many handshakes were under way.
    pub dropped: u64,
    /// Connections refused: the gateway is full, drains, or the address is at its limit.
    pub refused: u64,
    /// Connections closed as their session's stream did not come in time.
    pub overdue: u64,
    /// Connections that ended in an error of the protocol, of TLS for instance.
    pub failed: u64,
    /// Connections lost by silence.
    pub timed_out: u64,
    /// Changes of a client's address.
    pub migrated: u64,
    /// Datagrams of all connections.
    pub datagrams: Datagrams,
}

/// Datagrams on the sockets of a listener.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Datagrams {
    /// Received.
    pub received: u64,
    /// Sent.
    pub sent: u64,
    /// Received, but neither of a connection nor the first of one.
    pub stray: u64,
    /// Handed to the thread of their connection.
    pub forwarded: u64,
    /// Not handed over, as too many waited there.
    pub unforwarded: u64,
}

/// One field of the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Begun,
    Established,
    Adopted,
    Retried,
    Dropped,
    Refused,
    Overdue,
    Failed,
    TimedOut,
    Migrated,
    Received,
    Stray,
    Forwarded,
    Unforwarded,
    Sent,
}

const COUNTS: usize = Count::Sent as usize + 1;

/// The counters of all threads of a listener.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicU64,
    counts: [AtomicU64; COUNTS],
}

impl Counters {
    pub(crate) fn add(&self, count: Count, number: usize) {
        self.counts[count as usize].fetch_add(number as u64, Ordering::Relaxed);
    }

    /// One connection more.
    pub(crate) fn came(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// One connection less.
    pub(crate) fn went(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        let of = |count: Count| self.counts[count as usize].load(Ordering::Relaxed);
        Stats {
            connections: self.connections.load(Ordering::Relaxed),
            begun: of(Count::Begun),
            established: of(Count::Established),
            adopted: of(Count::Adopted),
            retried: of(Count::Retried),
            dropped: of(Count::Dropped),
            refused: of(Count::Refused),
            overdue: of(Count::Overdue),
            failed: of(Count::Failed),
            timed_out: of(Count::TimedOut),
            migrated: of(Count::Migrated),
            datagrams: Datagrams {
                received: of(Count::Received),
                sent: of(Count::Sent),
                stray: of(Count::Stray),
                forwarded: of(Count::Forwarded),
                unforwarded: of(Count::Unforwarded),
            },
        }
    }
}
