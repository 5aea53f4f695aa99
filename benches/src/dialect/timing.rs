//! Timing of clients in any dialect: heartbeats, timeouts, reconnects.

use std::time::Duration;

use comet_protocol::client::Config;

/// Timing of clients: heartbeats, timeouts, reconnects.
#[derive(Clone, Debug)]
pub struct ClientTiming {
    /// Time between heartbeats, if there are any; a server that leaves one unanswered until the
    /// next has lost the session. Default 25 s.
    ///
    /// In the comet dialect the server's wish comes first.
    pub heartbeat: Option<Duration>,
    /// From the open transport until the server has taken the session. Default 10 s.
    pub opening: Duration,
    /// Reconnects of a session that has lost its connection; by default there are none, and it is
    /// over.
    ///
    /// The comet dialect always comes back, by its own settings.
    pub reconnect: Option<Reconnect>,
    /// Settings of the comet dialect; the identity is filled in.
    pub comet: Config,
}

/// Waits that double up to a limit, each drawn from its upper half.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reconnect {
    /// The first.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(30) }
    }
}

impl Default for ClientTiming {
    fn default() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(25)),
            opening: Duration::from_secs(10),
            reconnect: None,
            comet: Config::default(),
        }
    }
}
