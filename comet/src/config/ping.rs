//! Timings of silence and pings.

use std::time::Duration;

/// Silence of a peer, and pings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PingConfig {
    /// Longest time without output to a peer: a ping is sent then, up to an eighth of it earlier.
    /// Default 25 s; from 100 ms to an hour, or zero for no such pings.
    ///
    /// Pings go to every WebSocket peer, whose library answers them, and to peers of the comet
    /// dialect, which are told this time as their own; the other dialects have no ping over TCP.
    /// They keep a connection open in proxies that close idle ones. Each costs an idle session a
    /// write and a read. A listener may have [its own](crate::Listen::ping_interval).
    pub interval: Duration,
    /// The same for connections that were [adopted](crate::Adoption). Default `None`:
    /// [`interval`](Self::interval).
    pub adopted_interval: Option<Duration>,
    /// Silence after which a session is closed; any input counts. Default 8 min; at least twice
    /// every interval of pings.
    ///
    /// A peer that can be pinged is pinged after half of it.
    pub idle_timeout: Duration,
}

impl Default for PingConfig {
    fn default() -> Self {
        Self {
            // Proxies and NATs give up after 30 s at the earliest, most after 60.
            interval: Duration::from_secs(25),
            adopted_interval: None,
            // Twice the four minutes at which the slowest old servers expected a heartbeat.
            idle_timeout: Duration::from_secs(8 * 60),
        }
    }
}
