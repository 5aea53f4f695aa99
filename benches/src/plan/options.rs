//! Options of runs, the same on a command line and in a scenario file.
//!
//! An option that is not given is absent here: its default depends on the scenario.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::Kind;
use super::groups::Sizes;
use super::quantity::{Ramp, Rate, Size, Span};
use super::threshold::Threshold;
use crate::dialect::Dialect;

/// Delivery guarantee.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// Each is acknowledged, and sent again until it is
    Acked,
    /// Each is sent once
    BestEffort,
}

/// Listener of the relay.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// WebSocket
    #[default]
    Ws,
    /// Plain TCP
    Tcp,
}

impl Guarantee {
    /// Its name, as the relay knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acked => "acked",
            Self::BestEffort => "best-effort",
        }
    }
}

/// Options of a run.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The scenario: a key in files, the first word of a command line
    #[arg(skip)]
    pub scenario: Option<Kind>,
    /// The server under load, and how to reach it.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Credentials of users.
    #[command(flatten)]
    pub accounts: AccountOptions,
    /// Sessions, rooms, messages, and the harness.
    #[command(flatten)]
    pub load: LoadOptions,
    /// Durations of the parts of a run.
    #[command(flatten)]
    pub times: TimeOptions,
    /// The search for the highest rate.
    #[command(flatten)]
    pub search: SearchOptions,
    /// Groups and friends.
    #[command(flatten)]
    pub chat: ChatOptions,
    /// Departures from the even flow, and limits for what they may do.
    #[command(flatten)]
    pub disturbances: DisturbanceOptions,
    /// What becomes of the results.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The server under load, and how to reach it.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServerOptions {
    /// Addresses of the server: tcp://, tls://, ws://, wss://, quic://, wt:// (WebTransport) or
    /// sse:// (server-sent events), host, port and path; several are taken in turn [default: a
    /// relay is started]
    #[arg(long, value_name = "URL", help_heading = "Server")]
    pub addr: Option<Vec<String>>,
    /// Dialect of the server [default: comet; dtalk with accounts]
    #[arg(long, value_enum, help_heading = "Server")]
    pub dialect: Option<Dialect>,
    /// Transport to the relay [default: ws]
    #[arg(long, value_enum, help_heading = "Server")]
    pub carrier: Option<Carrier>,
    /// Process of the server, for its CPU and memory [default: found by its port, if it is here]
    #[arg(long, help_heading = "Server")]
    pub pid: Option<u32>,
    /// Take any certificate
    #[arg(long, num_args = 0..=1, default_missing_value = "true", help_heading = "Server")]
    pub insecure: Option<bool>,
    /// Certificates to trust, as PEM [default: those that the system trusts]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub ca: Option<PathBuf>,
    /// The relay to start [default: the one beside this program]
    #[arg(long, value_name = "PROGRAM", help_heading = "Server")]
    pub relay: Option<PathBuf>,
    /// Another flag for the relay: --relay-flag=--shards=2
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true, help_heading = "Server")]
    pub relay_flag: Option<Vec<String>>,
    /// Delivery guarantee of the relay [default: acked]; of a running server, its guarantee for the
    /// report
    #[arg(long, value_enum, help_heading = "Server")]
    pub delivery: Option<Guarantee>,
}

/// Credentials of users.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountOptions {
    /// Sign users in at the demo of a bundled server: http://127.0.0.1:8888, its HTTP port
    #[arg(long, value_name = "URL", help_heading = "Accounts")]
    pub demo: Option<String>,
    /// Credentials of users, a line each: a token, then user, app and device if need be
    #[arg(long, value_name = "FILE", help_heading = "Accounts")]
    pub token_file: Option<PathBuf>,
    /// Make up a user with a key for each session, and sign dtalk tokens with it
    #[arg(long, num_args = 0..=1, default_missing_value = "true", help_heading = "Accounts")]
    pub sign: Option<bool>,
    /// Create the groups of `chat` at the HTTP port of a bundled server, http://127.0.0.1:8888
    #[arg(long, value_name = "URL", help_heading = "Accounts")]
    pub http: Option<String>,
}

/// Sessions, rooms, messages, and the harness.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoadOptions {
    /// Client sessions
    #[arg(long, help_heading = "Load")]
    pub sessions: Option<usize>,
    /// Rooms, or groups in `chat`
    #[arg(long, help_heading = "Load")]
    pub rooms: Option<usize>,
    /// Rooms that a session is in, in `idle` and `connect`
    #[arg(long, help_heading = "Load")]
    pub memberships: Option<usize>,
    /// Members of a room that publish
    #[arg(long, help_heading = "Load")]
    pub publishers: Option<usize>,
    /// Length of a message in bytes, at least 8: 128 or 4KiB
    #[arg(long, visible_alias = "body", help_heading = "Load")]
    pub size: Option<Size>,
    /// Messages a second from all publishers together, `max` or `find`; connections a second in
    /// `connect`
    #[arg(long, help_heading = "Load")]
    pub rate: Option<Rate>,
    /// With `--rate max`: messages that a publisher has under way
    #[arg(long, help_heading = "Load")]
    pub window: Option<u32>,
    /// Pace of opening sessions: 2000/s or 10s [default: as fast as they can]
    #[arg(long, help_heading = "Load")]
    pub ramp: Option<Ramp>,
    /// Connections that are being made at the same time
    #[arg(long, help_heading = "Load")]
    pub concurrency: Option<usize>,
    /// Time between heartbeats of a session
    #[arg(long, help_heading = "Load")]
    pub heartbeat: Option<Span>,
    /// Addresses of this machine that connections come from, from 127.0.0.1 on [default: as many
    /// as the ports ask for]
    #[arg(long, help_heading = "Load")]
    pub sources: Option<u8>,
    /// Threads of the harness
    #[arg(long, help_heading = "Load")]
    pub threads: Option<usize>,
    /// Seed of all random choices
    #[arg(long, help_heading = "Load")]
    pub seed: Option<u64>,
}

/// Durations of the parts of a run.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TimeOptions {
    /// Time under load before anything is measured
    #[arg(long, help_heading = "Time")]
    pub warmup: Option<Span>,
    /// Time that is measured
    #[arg(long, help_heading = "Time")]
    pub duration: Option<Span>,
    /// Longest wait for outstanding deliveries at the end
    #[arg(long, help_heading = "Time")]
    pub settle: Option<Span>,
    /// Time between two samples of the server and the harness
    #[arg(long, help_heading = "Time")]
    pub interval: Option<Span>,
}

/// The search for the highest rate.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SearchOptions {
    /// Most that the p99 may be
    #[arg(long, help_heading = "Search (rate `find`)")]
    pub limit: Option<Span>,
    /// Share of the rate found at which the times are measured
    #[arg(long, help_heading = "Search (rate `find`)")]
    pub share: Option<f64>,
}

/// Groups and friends.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChatOptions {
    /// Members of groups: 20, uniform:2..50, zipf:2..200:1.1 or lognormal:2..200:8:1
    #[arg(long, help_heading = "Chat")]
    pub groups: Option<Sizes>,
    /// Share of the messages that go to one user
    #[arg(long, help_heading = "Chat")]
    pub private: Option<f64>,
    /// Users that a user talks to in private
    #[arg(long, help_heading = "Chat")]
    pub friends: Option<usize>,
}

/// Departures from the even flow, and limits for what they may do.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DisturbanceOptions {
    /// Users a second that leave, and log in again after `--away`
    #[arg(long, help_heading = "Chat and tortoise")]
    pub churn: Option<f64>,
    /// Time of their absence
    #[arg(long, help_heading = "Chat and tortoise")]
    pub away: Option<Span>,
    /// Users a second whose connection breaks, and that connect again at once
    #[arg(long, help_heading = "Chat")]
    pub breaks: Option<f64>,
    /// Sessions that keep their connections [default: one of sixteen]
    #[arg(long, help_heading = "Storm")]
    pub stay: Option<usize>,
    /// The longest that a session may take that is free to come back [default: 3s]
    #[arg(long, help_heading = "Storm")]
    pub back_within: Option<Span>,
    /// Most that the p99 of the sessions that stay, or of the others in `tortoise`, may be, as a
    /// multiple of the p99 before [default: 1.5, 1.2 in `tortoise`]
    #[arg(long, help_heading = "Storm and tortoise")]
    pub slower: Option<f64>,
    /// Share of the sessions that stop reading
    #[arg(long, help_heading = "Tortoise")]
    pub stalled: Option<f64>,
    /// Most that the server's memory may grow meanwhile [default: the relay's budget and 5 %; no
    /// limit for other servers]
    #[arg(long, help_heading = "Tortoise")]
    pub growth: Option<Size>,
}

/// What becomes of the results.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportOptions {
    /// Write the report as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub json: Option<PathBuf>,
    /// Write the report as a page with plots
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub html: Option<PathBuf>,
    /// With a rate that is a number: fail if a quantile of the times is above this, as p99=20ms;
    /// may be given several times
    #[arg(long, value_name = "QUANTILE=TIME", value_delimiter = ',', help_heading = "Report")]
    pub fail_above: Option<Vec<Threshold>>,
    /// Name of the server in the report
    #[arg(long, help_heading = "Report")]
    pub label: Option<String>,
}
