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
mod parts;
mod quantity;
mod stall;
mod threshold;

use std::fmt;

pub use bounds::within;
pub use bundled::{Bundled, bundled};
use clap::ValueEnum;
pub use defaults::{applies, default_of};
pub use error::PlanError;
pub use groups::Sizes;
pub use layout::{Layout, Member, Pick, Room, Source, Traffic};
pub use options::{
    AccountOptions, Carrier, ChatOptions, DisturbanceOptions, Guarantee, LoadOptions, Options,
    ReportOptions, SearchOptions, ServerOptions, TimeOptions,
};
pub use parts::{
    ChurnRates, Connections, Disturbances, Flow, Roam, SEARCH, ServerLocation, Stall, Storm, Times,
    Topology,
};
pub use quantity::{BadQuantity, Ramp, Rate, Size, Span};
use serde::{Deserialize, Serialize};
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
    pub location: ServerLocation,
    /// Source of credentials, if the server knows its users.
    pub accounts: Option<Accounts>,
    /// The number of sessions.
    pub sessions: usize,
    /// Traffic between sessions.
    pub topology: Topology,
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
    /// Checks options, and fills in defaults.
    ///
    /// # Errors
    ///
    /// [`PlanError`] names the option that is wrong.
    pub fn new(given: Options) -> Result<Self, PlanError> {
        check::plan(given)
    }

    /// Length of bodies, such that the dialect makes the requested length of them.
    #[must_use]
    pub const fn body(&self) -> usize {
        self.dialect.body_len(self.size)
    }

    /// The delivery guarantee as a report has it: running servers promise what they do, unless an
    /// option says so.
    #[must_use]
    pub fn promise(&self) -> &'static str {
        if !self.dialect.features().acks {
            return "once, without an ack";
        }
        let told = match &self.location {
            ServerLocation::Relay { flags, .. } => last_promise(flags).or(Some(Guarantee::Acked)),
            ServerLocation::At(_) => self.given.server.delivery,
        };
        told.map_or("as the server decides", Guarantee::name)
    }

    /// The accounts that the run needs.
    #[must_use]
    pub fn demand(&self) -> Demand<'_> {
        let friends = match self.topology {
            Topology::Groups { friends, .. } => friends,
            Topology::Alone | Topology::Rooms { .. } => 0,
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
    pub const fn publishing_sessions(&self) -> usize {
        match (&self.topology, self.disturbances.stall) {
            (Topology::Rooms { rooms, publishers, .. }, Some(_)) => *rooms * *publishers,
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
fn last_promise(flags: &[String]) -> Option<Guarantee> {
    let mut words = flags.iter().enumerate().rev().filter_map(|(at, flag)| {
        if flag == "--delivery" {
            return flags.get(at + 1).map(String::as_str);
        }
        flag.strip_prefix("--delivery=")
    });
    Guarantee::from_str(words.next()?, false).ok()
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
