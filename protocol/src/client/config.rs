//! Settings and limits of a client.

use std::time::Duration;

use crate::comet::Auth;
use crate::comet::message::capability;

/// Settings of a [`ClientSession`](super::ClientSession).
#[derive(Clone, Debug)]
pub struct Config {
    /// The auth request: user and application. The session fills in the ticket and the numbers.
    pub auth: Auth,
    /// Longest frame body taken. Default 1 MiB: this much of an incomplete packet is buffered.
    pub max_body: u32,
    /// Messages kept until answered. Default 256.
    pub outbox: usize,
    /// Bytes of these messages. Default 1 MiB; one message is always taken.
    pub outbox_bytes: usize,
    /// Early deliveries kept until those missing before them have arrived. Default 256.
    pub early: usize,
    /// Bytes of early deliveries. Default 1 MiB.
    pub early_bytes: usize,
    /// Number of deliveries after which an ack is sent at once. Default 32.
    pub ack_every: u32,
    /// Longest delay of an ack. Default 20 ms.
    pub ack_delay: Duration,
    /// Time from the connection to the welcome. Default 10 s: the server gives up after 8 s.
    pub handshake_timeout: Duration,
    /// Time after which the oldest unanswered message is sent again; doubled each time. Default 15
    /// s: on a live connection, only a lost answer takes that long.
    pub retry: Duration,
    /// Silence of either side after which a ping is sent, unless the server asks for one earlier.
    /// Default 30 s.
    pub heartbeat: Duration,
    /// Wait after the first failure to connect; doubled with each. Default 500 ms.
    pub backoff: Duration,
    /// Longest such wait. Default 30 s.
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
