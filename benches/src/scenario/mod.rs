//! The runs that the binary offers: each starts from a target or a relay, and ends in a report.

mod cores;
mod crowd;
pub mod cuts;
pub mod fan;
pub mod storm;
pub mod tortoise;

use std::io;
use std::path::PathBuf;

pub use crowd::{Crowd, Rooms};

use crate::proxy::ProxyError;
use crate::server::{StartError, UsageError};

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
