//! What a client asks for, and how much it keeps.

use std::time::Duration;

use crate::comet::Auth;
use crate::comet::message::capability;

/// Settings of a [`ClientSession`](super::ClientSession).
#[derive(Clone, Debug)]
pub struct Config {
    /// Who asks, for which application. The session fills in the ticket and the numbers.
    pub auth: Auth,
    /// The longest frame body taken. Default 1 MiB: this much is kept of a packet in parts.
    pub max_body: u32,
    /// Messages kept until they are answered. Default 256.
    pub outbox: usize,
    /// Bytes of them. Default 1 MiB; one message is always taken.
    pub outbox_bytes: usize,
    /// Early deliveries kept until what is missing before them has come. Default 256.
    pub early: usize,
    /// Bytes of them. Default 1 MiB.
    pub early_bytes: usize,
    /// Deliveries for which an ack is sent at once. Default 32.
    pub ack_every: u32,
    /// How long an ack may wait for more deliveries. Default 20 ms.
    pub ack_delay: Duration,
    /// From the connection to the welcome. Default 10 s: the server gives up after 8 s.
    pub handshake_timeout: Duration,
    /// How long the oldest message waits for its answer before it is sent again; twice as long
    /// each time. Default 15 s: on a connection that lives, only a lost answer takes so long.
    pub retry: Duration,
    /// Silence of either side after which a ping is sent, unless the server asks for one earlier.
    /// Default 30 s.
    pub heartbeat: Duration,
    /// The wait after the first failure to connect; it doubles with each. Default 500 ms.
    pub backoff: Duration,
    /// Greatest wait of that kind. Default 30 s.
    pub max_backoff: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            auth: Auth {
                capabilities: capability::RESUME | capability::LATEST,
                client_name: "comet-protocol".into(),
                client_version: env!("CARGO_PKG_VERSION").into(),
                ..Auth::default()
            },
            max_body: 1 << 20,
            outbox: 256,
            outbox_bytes: 1 << 20,
            early: 256,
            early_bytes: 1 << 20,
            ack_every: 32,
            ack_delay: Duration::from_millis(20),
            handshake_timeout: Duration::from_secs(10),
            retry: Duration::from_secs(15),
            heartbeat: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
        }
    }
}
