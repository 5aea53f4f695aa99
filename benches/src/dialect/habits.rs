//! How clients behave over time, whatever they speak.

use std::time::Duration;

use comet_protocol::client::Config;

/// When clients say that they are there, give up, and come back.
#[derive(Clone, Debug)]
pub struct Habits {
    /// How often a session says that it is there, if at all; a server that leaves this without an
    /// answer until the next time has lost the session. Default 25 s.
    ///
    /// In the comet dialect the server's wish comes first.
    pub heartbeat: Option<Duration>,
    /// From the open transport until the server has taken the session. Default 10 s.
    pub opening: Duration,
    /// How a session comes back that has lost its connection; by default it does not, and is over.
    ///
    /// The comet dialect always comes back, as its own settings say.
    pub reconnect: Option<Reconnect>,
    /// Settings of the comet dialect; who asks is filled in.
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

impl Default for Habits {
    fn default() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(25)),
            opening: Duration::from_secs(10),
            reconnect: None,
            comet: Config::default(),
        }
    }
}
