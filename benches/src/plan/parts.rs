//! Parts of a plan.

use std::path::PathBuf;
use std::time::Duration;

use super::groups::Sizes;
use super::options::Carrier;
use super::quantity::Ramp;

/// Location of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerLocation {
    /// It runs, at these addresses.
    At(Vec<String>),
    /// A relay that is started for the run.
    Relay {
        /// The program, if it is not the one beside this.
        program: Option<PathBuf>,
        /// Flags for it.
        flags: Vec<String>,
        /// The listener.
        carrier: Carrier,
    },
}

/// Time when messages are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flow {
    /// Never.
    Silent,
    /// At an even rate a second, whatever has arrived.
    Open(f64),
    /// As long as a publisher has fewer than this many under way.
    Closed(u32),
    /// At rising rates until the p99 is beyond the limit, then at a share of the best.
    Find {
        /// Most that the p99 may be.
        limit: Duration,
        /// The share of the rate found.
        share: f64,
    },
}

/// Durations of the parts of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Times {
    /// Under load, unmeasured.
    pub warm_up: Duration,
    /// Measured.
    pub measure: Duration,
    /// Limit of the wait for outstanding deliveries at the end.
    pub settle: Duration,
    /// Between two looks at everything.
    pub interval: Duration,
}

/// Rates of users that leave and return, and of connections that break.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChurnRates {
    /// Users a second that leave.
    pub leaves: f64,
    /// Time of absence.
    pub away: Duration,
    /// Users a second whose connection breaks.
    pub breaks: f64,
}

/// Connections that are lost all at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storm {
    /// Sessions that keep theirs: the first.
    pub stay: usize,
    /// The longest that a session may take that is free to come back.
    pub back_within: Duration,
    /// Most that the p99 of the sessions that stay may grow, as a factor.
    pub slower: f64,
}

/// Sessions that stop reading for a part of the run, with their connections open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// The number of sessions: the last ones, which publish nothing.
    pub sessions: usize,
    /// Most that the others' p99 may be, as a multiple of the p99 before.
    pub slower: f64,
    /// Most that the server's memory may grow, if that is limited.
    pub growth: Option<u64>,
}

/// Sessions that move from one address of the server to another, each by its own transport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roam {
    /// Shortest and longest time of a session on one connection.
    pub stay: (Duration, Duration),
    /// Share of the moves that make the new connection before the older one breaks.
    pub make_first: f64,
    /// Addresses of the server.
    pub routes: usize,
    /// Interval at which the UDP sockets change their ports, under the connections on them.
    pub ports: Option<Duration>,
}

/// Traffic between sessions.
#[derive(Clone, Debug, PartialEq)]
pub enum Topology {
    /// Every session with itself.
    Alone,
    /// Rooms of the same size.
    Rooms {
        /// The number of rooms.
        rooms: usize,
        /// Rooms of each session.
        memberships: usize,
        /// Members of each that publish.
        publishers: usize,
    },
    /// Groups of many sizes, and friends.
    Groups {
        /// The number of groups.
        groups: usize,
        /// Their sizes.
        sizes: Sizes,
        /// Members of each that publish.
        publishers: usize,
        /// Users that a user talks to in private.
        friends: usize,
        /// Share of the messages that are private.
        private: f64,
    },
}

/// Opening and keeping connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connections {
    /// Connections a second in `connect`; otherwise as many as can be.
    pub connect_rate: Option<f64>,
    /// Pace of opening sessions.
    pub ramp: Option<Ramp>,
    /// Connections that are being made at the same time.
    pub concurrency: usize,
    /// Time between heartbeats.
    pub heartbeat: Duration,
    /// Addresses that connections come from; 0 leaves the choice to the kernel.
    pub sources: u8,
}

/// Departures from the even flow: sessions that leave, lose their connection or stop reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Disturbances {
    /// Users that leave and return.
    pub churn: Option<ChurnRates>,
    /// Sessions that lose their connections, and limits.
    pub storm: Option<Storm>,
    /// Sessions that stop reading, and limits.
    pub stall: Option<Stall>,
    /// Sessions that move between addresses of the server.
    pub roam: Option<Roam>,
}

/// Rough duration of the search of [`Flow::Find`], without the measurement.
pub const SEARCH: Duration = Duration::from_secs(25);
