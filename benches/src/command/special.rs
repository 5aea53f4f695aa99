//! Scenarios with settings of their own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::Output;
use crate::host::Interrupt;
use crate::report::Report;
use crate::scenario::{RunError, ScenarioSettings};
use crate::server::beside;

/// A scenario's own settings, and the common ones of such scenarios.
#[derive(Args, Clone, Debug)]
pub(super) struct Special<P: Args> {
    #[command(flatten)]
    plan: P,
    /// The relay to run [default: the one beside this program]
    #[arg(long, value_name = "PROGRAM", help_heading = "Server")]
    relay: Option<PathBuf>,
    /// Another flag for the relay, after those of the scenario: --relay-flag=--shards=1
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true, help_heading = "Server")]
    relay_flag: Vec<String>,
    #[command(flatten)]
    output: Output,
}

impl<P: Args> Special<P> {
    pub(super) fn run(
        self,
        scenario: impl FnOnce(&P, &ScenarioSettings) -> Result<Report, RunError>,
    ) -> ExitCode {
        let settings = ScenarioSettings {
            relay: self.relay.unwrap_or_else(|| beside("relay")),
            flags: self.relay_flag,
            program: std::env::current_exe().unwrap_or_default(),
            interrupt: Interrupt::by_signals(),
            is_quiet: false,
        };
        self.output.finish(scenario(&self.plan, &settings))
    }
}
