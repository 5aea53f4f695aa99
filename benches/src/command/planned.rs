//! Scenarios that follow a plan.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::fail;
use super::output::Output;
use crate::host::Interrupt;
use crate::plan::{Kind, Options, Plan, bundled};
use crate::scenario;
use crate::terminal::Progress;

/// A scenario file, and options that override it.
#[derive(Args, Debug)]
pub(super) struct FromFile {
    /// The file, or the name of one that comes with this program
    file: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl FromFile {
    pub(super) fn run(&self) -> ExitCode {
        let of_name = bundled().into_iter().find(|known| self.file.as_os_str() == known.name);
        let text = match of_name {
            Some(bundled) => Ok(bundled.text.to_owned()),
            None => fs::read_to_string(&self.file),
        };
        let name = self.file.display();
        let text = match text {
            Ok(text) => text,
            Err(error) => return fail(&format_args!("cannot read {name}: {error}")),
        };
        let read = Options::read(&text).and_then(|options| options.overridden_by(&self.options));
        match read {
            Ok(options) => carry_out(options),
            Err(error) => fail(&format_args!("{name}: {error}")),
        }
    }
}

/// Runs a scenario of the command line.
pub(super) fn run(kind: Kind, options: Options) -> ExitCode {
    carry_out(Options { scenario: Some(kind), ..options })
}

fn carry_out(options: Options) -> ExitCode {
    let output = Output {
        json: options.report.json.clone(),
        html: options.report.html.clone(),
        label: options.report.label.clone(),
    };
    let plan = match Plan::new(options) {
        Ok(plan) => plan,
        Err(error) => return fail(&error),
    };
    output.finish(scenario::run(&plan, Interrupt::by_signals(), Progress::new(false)))
}
