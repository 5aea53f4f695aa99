//! Limits of what peers may open and send.

use std::time::Duration;

/// What peers may open and send: connections, sessions, rooms, messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Connections with a file descriptor open at once, over all shards. Default 1,000,000.
    ///
    /// One more is accepted and closed at once, so that its peer learns of it. The process's limit
    /// of descriptors is the other bound; reaching it pauses accepting. Adopted streams
    /// without a descriptor are limited by [`max_sessions`](Self::max_sessions).
    pub max_connections: usize,
    /// Sessions at once, over all shards, including parked ones. Default 1,000,000, some 450 bytes
    /// each while idle. As many connections without a file descriptor may be open.
    ///
    /// Beyond it, a peer that the router has accepted is turned away; one that resumes its session
    /// is let in.
    pub max_sessions: usize,
    /// Connections open at once from one address. Default 0: no limit.
    ///
    /// An IPv6 address counts as its /64 network. While this or the next limit is set, accepting
    /// takes a lock, and each address that has or recently had a connection costs about 60 bytes.
    pub connections_per_address: usize,
    /// Connections a second from one address, in bursts of twice as many. Default 0: no limit. One
    /// more is closed before anything is read from it.
    pub handshakes_per_address: u32,
    /// Rooms of one session. Default 1,000, 16 bytes each.
    pub rooms_per_session: usize,
    /// Unsettled messages of one session. Default 64; at least 1.
    ///
    /// At the limit the connection is not read, which puts back-pressure on its peer.
    pub inbox: u16,
    /// Messages a second of one session, in bursts of twice as many. Default 0: no limit. A session
    /// that exceeds it is closed. Messages by other ways, over HTTP for instance, are for the
    /// embedder to count.
    pub message_rate: u32,
    /// Time in which an open session must finish a message that it has begun, from the arrival of
    /// its first byte. Default 30 s; not zero.
    ///
    /// A WebSocket message includes all its fragments and the control frames between them. The time
    /// does not run while the gateway does not read, for [`inbox`](Self::inbox) or
    /// [`memory.write_bytes`](crate::MemoryConfig::write_bytes). Beyond it the connection ends as
    /// [`Closed::Unfinished`](crate::Closed::Unfinished). The longest message, of
    /// [`max_body`](Self::max_body), must fit in it on the slowest network.
    pub message_timeout: Duration,
    /// Longest body of a frame, and of a WebSocket message with its frame heads. Default 16,384
    /// bytes; below 1 GiB.
    ///
    /// The received part of a body is held, and charged to
    /// [`memory.budget`](crate::MemoryConfig::budget), for
    /// [`message_timeout`](Self::message_timeout).
    pub max_body: usize,
    /// Fragments of one WebSocket message. Default 1,024.
    pub max_fragments: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_connections: 1_000_000,
            max_sessions: 1_000_000,
            connections_per_address: 0,
            handshakes_per_address: 0,
            rooms_per_session: 1_000,
            inbox: 64,
            message_rate: 0,
            // The longest message at 5 kbit/s.
            message_timeout: Duration::from_secs(30),
            max_body: 16_384,
            max_fragments: 1_024,
        }
    }
}
