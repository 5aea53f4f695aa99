//! Settings from accept to an open session.

use std::time::Duration;

/// From accept to an open session: time, attempts, rate, and what becomes of those refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandshakeConfig {
    /// From accept to an open session: covers silence, upgrade and authentication. Default 8 s.
    pub timeout: Duration,
    /// Authentication attempts of a connection before it is closed. Default 5; at least 1.
    ///
    /// A peer with a session may authenticate again as often, plus once for each second since.
    pub attempts: u8,
    /// Authentications a second, over all shards, in bursts of a tenth of a second. Default 0: no
    /// limit.
    ///
    /// One more is turned away before the router is asked. A peer of the comet dialect is told when
    /// to come back, each at a different time, so that a crowd comes back at this rate.
    pub rate: u32,
    /// Longest time for which a refused or turned-away connection is held before it is closed, if
    /// its dialect cannot tell the peer when to come back: dtalk and goim. Each is held from two
    /// fifths of it to all of it. Default 5 s; zero: closed at once.
    ///
    /// This slows down clients that retry as soon as they are closed, instead of costing the router
    /// a check of their credentials each time. A refusal after which the peer may try again on the
    /// same connection is sent at once, and nothing is held.
    pub refusal_hold: Duration,
    /// Connections held at once for that, over all shards, and at most a quarter of
    /// [`limits.max_connections`](crate::LimitsConfig::max_connections). Default 10,000, some 300
    /// bytes and a socket each; one more is closed at once.
    pub held_refusals: usize,
    /// Longest WebSocket upgrade request. Default 8,192 bytes, held until it is complete.
    pub max_upgrade: usize,
    /// Headers of an upgrade request. Default 64.
    pub max_upgrade_headers: usize,
    /// Longest beginning of a TLS handshake message or record that is kept until the rest of it
    /// comes. Default 16,384 bytes, at most 65,536: a client's first message has some 500 to 2,000
    /// bytes, and one with certificates some 5,000. Beyond it the connection is closed.
    ///
    /// So a handshake under way takes some 4 KiB, and up to this much more.
    pub max_hello: usize,
}

impl Default for HandshakeConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(8),
            attempts: 5,
            rate: 0,
            refusal_hold: Duration::from_secs(5),
            held_refusals: 10_000,
            max_upgrade: 8_192,
            max_upgrade_headers: 64,
            max_hello: 16_384,
        }
    }
}
