//! Destinations of a report.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{fail, print_line};
use crate::page::page_of;
use crate::report::Report;

/// Destinations and label of a report.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Output {
    /// Write the report as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(super) json: Option<PathBuf>,
    /// Write the report as a page with plots
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(super) html: Option<PathBuf>,
    /// Name of the server in the report
    #[arg(long, help_heading = "Report")]
    pub(super) label: Option<String>,
}

impl Output {
    /// Hands the report over.
    pub(super) fn finish<E: Display>(&self, outcome: Result<Report, E>) -> ExitCode {
        let mut report = match outcome {
            Ok(report) => report,
            Err(error) => return fail(&error),
        };
        if let Some(label) = &self.label {
            report.about.set_label(label);
        }
        let is_stdout = self.json.as_deref() == Some(Path::new("-"));
        if is_stdout {
            print_line(report.pretty());
        } else {
            print_line(&report);
            if let Some(Err(error)) = self.json.as_deref().map(|path| report.write(path)) {
                return fail(&error);
            }
        }
        if let Some(path) = &self.html
            && let Err(error) = fs::write(path, page_of(&report).html())
        {
            return fail(&format_args!("cannot write {}: {error}", path.display()));
        }
        if report.findings.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }
}
