//! The runs that the binary offers: each starts from a server or a relay, and ends in a report.
//!
//! `idle`, `connect`, `echo`, `fan` and `chat` follow a [`Plan`]; `classes`, `cuts`, `storm` and
//! `tortoise` have settings of their own, and need sessions that are resumed.

mod capacity;
pub mod classes;
mod connect;
mod course;
mod crowd;
pub mod cuts;
mod idle;
pub mod storm;
pub mod tortoise;
mod traffic;

use std::io;
use std::path::PathBuf;

pub use crowd::{Crowd, Rooms};

use crate::plan::{Kind, Plan, PlanError};
use crate::proxy::ProxyError;
use crate::report::Report;
use crate::run::{DescriptorError, Interrupt, PlaceError};
use crate::server::{StartError, UsageError};
use crate::terminal::Progress;

/// What all scenarios are told.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The relay to run.
    pub relay: PathBuf,
    /// Flags for it, after those of the scenario.
    pub flags: Vec<String>,
    /// This program, for the processes that help it.
    pub program: PathBuf,
}

/// Carries a plan out.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, interrupt: Interrupt, progress: Progress) -> Result<Report, RunError> {
    match plan.kind {
        Kind::Idle => idle::run(plan, interrupt, progress),
        Kind::Connect => connect::run(plan, interrupt, progress),
        Kind::Echo | Kind::Fan | Kind::Chat => traffic::run(plan, interrupt, progress),
    }
}

/// Why a run came to no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The driver's poll or sockets failed.
    #[error("driver: {0}")]
    Driver(#[from] io::Error),
    /// There is no relay.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The relay is gone.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A proxy failed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The sessions did not open.
    #[error("{open} of {wanted} sessions opened after {waits} waits; last trouble: {trouble}")]
    NotOpen {
        /// How many did.
        open: usize,
        /// How many should have.
        wanted: usize,
        /// How often sessions had to wait and try again.
        waits: u64,
        /// Why a connection was lost, or could not be made, the last time.
        trouble: String,
    },
    /// What was asked for makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server cannot be reached as it was said.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// There are not enough descriptors.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// A thread of the harness ended early.
    #[error("a thread of the harness ended early")]
    Thread,
}

/// A line about how a run goes on, for whoever watches.
pub(crate) fn tell(line: &str) {
    #[expect(clippy::print_stderr, reason = "a program talks to its user")]
    {
        eprintln!("{line}");
    }
}

fn flags(pairs: &[(&str, String)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]).collect()
}
