//! The `compare` command.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::{CompareError, Comparison};
use crate::page::{Page, Tone, latency_plot};
use crate::report::{FileError, Report};

/// Reports to compare, and the form of the result.
#[derive(Args, Clone, Debug)]
pub struct Compare {
    /// Reports that were written with --json; the others are measured by the first
    #[arg(num_args = 2.., required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Compare even if scenarios or plans differ
    #[arg(long)]
    pub force: bool,
    /// By which share single runs differ without meaning anything
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    pub noise: f64,
    /// Fail if a figure is worse by more than this factor or absent, or if a report has violations,
    /// is partial, is of something unlike, or says that the harness was the limit
    #[arg(long, value_name = "FACTOR")]
    pub fail_above: Option<f64>,
    /// Write the comparison as a page for a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Errors of a comparison.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The reports have too little in common.
    #[error("{0} (--force compares them all the same)")]
    Compare(#[from] CompareError),
}

/// A comparison for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompareOutput {
    /// The text to print.
    pub text: String,
    /// Whether nothing is worse than allowed.
    pub passed: bool,
}

/// Compares the files, and writes the page that is wanted.
///
/// # Errors
///
/// [`CommandError`] when there is no comparison.
pub fn run(options: &Compare) -> Result<CompareOutput, CommandError> {
    let reports =
        options.files.iter().map(|file| Report::read(file)).collect::<Result<Vec<_>, _>>()?;
    if !options.force {
        Comparison::check(&reports)?;
    }
    let comparison = Comparison::new(&reports, options.noise)?;
    let mut remarks: Vec<String> = reports.iter().flat_map(remarks).collect();
    remarks
        .extend(comparison.unlike().iter().map(|why| format!("neither better nor worse: {why}")));
    let mut passed = true;
    if let Some(factor) = options.fail_above {
        let lines = failures(&comparison, factor);
        passed = lines.is_empty() && comparison.unlike().is_empty() && reports.iter().all(is_sound);
        remarks.extend(lines);
    }
    if let Some(path) = &options.html {
        let page = page(&reports, &comparison, &remarks, passed).html();
        fs::write(path, page).map_err(|error| FileError::Io { path: path.clone(), error })?;
    }
    let mut text = format!("{}\n\n{}\n", reports[0].about.scenario(), comparison.table());
    remarks.iter().for_each(|line| text.push_str(&format!("\n  {line}")));
    Ok(CompareOutput { text, passed })
}

/// Reasons why the others do not pass.
fn failures(comparison: &Comparison, factor: f64) -> Vec<String> {
    let worse = comparison.worse_than(factor);
    let worse = worse.map(|row| format!("{} is more than {factor} times worse", row.name));
    let absent = comparison.absent().map(|(figure, report)| format!("{report} has no {figure}"));
    worse.chain(absent).collect()
}

/// Whether figures of the report, or their absence, can show that something became worse: an
/// unknown result must not pass.
fn is_sound(report: &Report) -> bool {
    report.findings.violations().is_empty()
        && report.about.is_complete()
        && report.findings.harness_limits().is_empty()
}

/// Remarks for a reader before the figures of a report.
fn remarks(report: &Report) -> Vec<String> {
    let name = report.about.name();
    let mut remarks = Vec::new();
    if !report.findings.violations().is_empty() {
        let count = report.findings.violations().len();
        remarks.push(format!("{name} has {count} violations, and no throughput"));
    }
    if !report.about.is_complete() {
        remarks.push(format!("{name} is partial: its run was interrupted"));
    }
    let limits = report.findings.harness_limits().iter();
    remarks.extend(limits.map(|why| format!("{name}: the harness was the limit: {why}")));
    remarks
}

fn page(reports: &[Report], comparison: &Comparison, remarks: &[String], passed: bool) -> Page {
    let names = comparison.names().join(", ");
    let mut page = Page::new(format!("comet-bench: {names}"));
    page.head(&format!("{}: a comparison", reports[0].about.scenario()), &names);
    if !remarks.is_empty() {
        let tone = if passed { Tone::Warning } else { Tone::Bad };
        page.banner(tone, "Before you read the figures", remarks);
    }
    let all: Vec<&Report> = reports.iter().collect();
    page.charts(&[], &[latency_plot(&all)]);
    page.heading("Figures");
    page.table(&comparison.table());
    page
}
