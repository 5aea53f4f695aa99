//! Scenarios of the binary: each starts from a server or a relay, and ends in a report.
//!
//! `idle`, `connect`, `echo`, `fan`, `chat`, `storm` and `tortoise` follow a [`Plan`] that a user
//! gives; `classes`, `cuts` and `roam` have settings of their own, of which they make plans, and
//! need sessions that are resumed.
//!
//! Not here: sessions, threads and measuring (`run`), and the presentation of results (`report`).

mod capacity;
pub mod classes;
mod connect;
pub mod cuts;
mod execution;
mod flow;
mod idle;
pub mod roam;
mod storm;
mod tortoise;
mod traffic;
mod verdict;

use std::path::PathBuf;

use execution::{Execution, tuning};
use serde::Serialize;

use crate::host::Interrupt;
use crate::plan::{Kind, Plan};
use crate::report::Report;
pub use crate::run::RunError;
use crate::terminal::Progress;

/// Settings of scenarios that start a relay of their own.
#[derive(Clone, Debug)]
pub struct ScenarioSettings {
    /// The relay to run.
    pub relay: PathBuf,
    /// Flags for it, after those of the scenario.
    pub flags: Vec<String>,
    /// This program, for its helper processes.
    pub program: PathBuf,
    /// Ends a run before its time.
    pub interrupt: Interrupt,
    /// Whether no progress is status.
    pub is_quiet: bool,
}

/// The user of a run: interrupts it, and watches its progress.
#[derive(Debug)]
struct Context {
    interrupt: Interrupt,
    progress: Progress,
}

impl ScenarioSettings {
    fn context(&self) -> Context {
        let progress = Progress::new(self.is_quiet);
        Context { interrupt: self.interrupt.clone(), progress }
    }
}

/// The settings of a scenario as the load of its report: without them reports of different loads
/// could be compared.
fn load_of(settings: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(settings).unwrap_or_default()
}

/// Carries a plan out.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, interrupt: Interrupt, progress: Progress) -> Result<Report, RunError> {
    let mut execution = Execution::start(plan, &tuning(plan), Context { interrupt, progress })?;
    match plan.kind {
        Kind::Idle => idle::run(&mut execution)?,
        Kind::Connect => connect::run(&mut execution)?,
        Kind::Echo | Kind::Fan | Kind::Chat => traffic::run(&mut execution)?,
        Kind::Tortoise => tortoise::run(&mut execution)?,
        Kind::Storm => storm::run(&mut execution)?,
    }
    execution.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_part_of_a_report() {
        assert_eq!(load_of(&vec![15_000]), serde_json::json!([15_000]));
    }
}
