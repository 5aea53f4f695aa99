//! Plan of a run.
//!
//! [`Options`] are given on a command line or in a scenario file; a [`Plan`] is checked and has a
//! value for everything; its [`Layout`] has the members and publishers of all rooms. All of it is
//! data: nothing here opens a file or a socket.

mod bounds;
mod bundled;
mod check;
mod defaults;
mod error;
mod file;
mod groups;
mod layout;
mod load;
mod options;
mod quantity;
mod stall;
mod threshold;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use bounds::within;
pub use bundled::{Bundled, bundled};
use clap::ValueEnum;
pub use defaults::{default_of, means_something};
pub use error::PlanError;
pub use groups::Sizes;
pub use layout::{Layout, Member, Pick, Room, Source, Traffic};
pub use options::{Carrier, Options, Promise};
pub use quantity::{BadQuantity, Ramp, Rate, Size, Span};
use serde::{Deserialize, Serialize};
pub use stall::Stall;
pub use threshold::Threshold;

pub use crate::account::Accounts;
use crate::account::Demand;
use crate::dialect::Dialect;

/// A scenario.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Sessions that do nothing: memory, and the cost of heartbeats
    Idle,
    /// Sessions that open: handshakes a second
    Connect,
    /// Each session sends to itself
    Echo,
    /// Rooms: every message goes to every member
    Fan,
    /// Private messages, groups of many sizes, users that leave and return
    Chat,
    /// Rooms in which most connections are lost at once, and come back
    Storm,
    /// A share of the readers stops reading: the others and the memory notice nothing
    Tortoise,
}

/// Location of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
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

/// Rough duration of the search of [`Flow::Find`], without the measurement.
pub const SEARCH: Duration = Duration::from_secs(25);

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

/// Users that leave and return, and connections that break.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Presence {
    /// Users a second that leave.
    pub churn: f64,
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

/// Traffic between sessions.
#[derive(Clone, Debug, PartialEq)]
pub enum Company {
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
    pub arrivals: Option<f64>,
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
    pub presence: Option<Presence>,
    /// Sessions that lose their connections, and limits.
    pub storm: Option<Storm>,
    /// Sessions that stop reading, and limits.
    pub stall: Option<Stall>,
}

/// A run, with a value for everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The scenario.
    pub kind: Kind,
    /// The options.
    pub given: Options,
    /// The dialect.
    pub dialect: Dialect,
    /// Location of the server.
    pub place: Place,
    /// Source of credentials, if the server knows its users.
    pub accounts: Option<Accounts>,
    /// The number of sessions.
    pub sessions: usize,
    /// Traffic between sessions.
    pub company: Company,
    /// Bytes of a message.
    pub size: usize,
    /// Time when messages are sent.
    pub flow: Flow,
    /// Opening and keeping connections.
    pub connections: Connections,
    /// Threads of the harness.
    pub threads: usize,
    /// Seed of all random choices.
    pub seed: u64,
    /// Durations of the parts.
    pub times: Times,
    /// Departures from the even flow.
    pub disturbances: Disturbances,
    /// Limits of the times.
    pub thresholds: Vec<Threshold>,
}

impl Plan {
    /// The delivery guarantee as a report has it: running servers promise what they do, unless an
    /// option says so.
    #[must_use]
    pub fn promise(&self) -> &'static str {
        if !self.dialect.features().acks {
            return "once, without an ack";
        }
        let told = match &self.place {
            Place::Relay { flags, .. } => last_promise(flags).or(Some(Promise::Acked)),
            Place::At(_) => self.given.delivery,
        };
        told.map_or("as the server decides", Promise::name)
    }

    /// The accounts that the run needs.
    #[must_use]
    pub fn demand(&self) -> Demand<'_> {
        let friends = match self.company {
            Company::Groups { friends, .. } => friends,
            Company::Alone | Company::Rooms { .. } => 0,
        };
        Demand {
            source: self.accounts.as_ref(),
            sessions: self.sessions,
            seed: self.seed,
            needs_users: matches!(self.kind, Kind::Chat | Kind::Echo),
            friends,
        }
    }

    /// Sessions that neither leave nor stall, because they publish: the first ones.
    #[must_use]
    pub const fn talking(&self) -> usize {
        match (&self.company, self.disturbances.stall) {
            (Company::Rooms { rooms, publishers, .. }, Some(_)) => *rooms * *publishers,
            _ => 0,
        }
    }

    /// The sessions whose deliveries are timed: the first ones.
    #[must_use]
    pub fn timed(&self) -> usize {
        let reading = self.sessions - self.disturbances.stall.map_or(0, |stall| stall.sessions);
        self.disturbances.storm.map_or(reading, |storm| storm.stay)
    }
}

/// The flag that counts is the last one.
fn last_promise(flags: &[String]) -> Option<Promise> {
    let mut words = flags.iter().enumerate().rev().filter_map(|(at, flag)| {
        if flag == "--delivery" {
            return flags.get(at + 1).map(String::as_str);
        }
        flag.strip_prefix("--delivery=")
    });
    Promise::from_str(words.next()?, false).ok()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Idle => "idle",
            Self::Connect => "connect",
            Self::Echo => "echo",
            Self::Fan => "fan",
            Self::Chat => "chat",
            Self::Storm => "storm",
            Self::Tortoise => "tortoise",
        })
    }
}
