//! Report of a run: the run it is about, and what it found: figures, durations, samples over time
//! and broken promises; as text and as JSON.
//!
//! A run that broke a promise has no throughput: [`Findings`] drop such figures when the first
//! violation comes and take none after it, and reading a file goes the same way. So no table, page
//! or comparison can show one.
//!
//! Not here: measuring (`run`, `scenario`), pages (`page`) and comparisons (`compare`).

mod about;
mod distribution;
mod figure;
mod file;
mod findings;
mod table;
mod text;
mod violation;

pub use about::{About, DELIVERY, PINNING};
pub use distribution::{Distribution, HistogramError};
pub use figure::{Better, Figure, Kind, Limit, Spread};
pub use file::{FileError, VERSION};
pub use findings::Findings;
use serde::{Deserialize, Serialize};
pub use table::{Align, Column, Table};
pub use violation::Violation;

pub use crate::host::Machine;
pub use crate::latency::QUANTILES;
pub use crate::number::shown;
pub use crate::timeline::{Sample, Window};

/// One run and its results.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Report {
    version: u32,
    /// The run: load, server, machine, time.
    #[serde(flatten)]
    pub about: About,
    /// Its results.
    #[serde(flatten)]
    pub findings: Findings,
}

impl Report {
    /// An empty report of a run that begins now on this machine.
    #[must_use]
    pub fn new(scenario: impl Into<String>) -> Self {
        Self::of(About::new(scenario), Findings::default())
    }

    /// A report of a run with these results.
    #[must_use]
    pub const fn of(about: About, findings: Findings) -> Self {
        Self { version: VERSION, about, findings }
    }

    /// The same run without results; withheld figures stay withheld.
    #[must_use]
    pub(crate) fn without_findings(&self) -> Self {
        Self::of(self.about.clone(), self.findings.cleared())
    }
}

#[cfg(test)]
mod tests;
