//! The `suite` command.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;

use super::file::Programs;
use super::machine::wait_for_quiet;
use super::measure::{MeasureError, RunSettings};
use super::process::is_installed;
use super::{FileError, Forecast, Results, Server, Skipped, Suite};
use crate::host::Interrupt;
use crate::server::beside;
use crate::terminal::Progress;

/// The suite, and the parts of it to run.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The suite
    pub file: PathBuf,
    /// Runs of each load on each server [default: as the suite and its loads say]
    #[arg(long)]
    pub runs: Option<usize>,
    /// Only this server, beside the baseline; can be given several times
    #[arg(long, value_name = "NAME")]
    pub server: Vec<String>,
    /// Only this load; can be given several times
    #[arg(long, value_name = "NAME")]
    pub load: Vec<String>,
    /// Folder for suite.json, suite.html and suite.md
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    pub out: PathBuf,
    /// Folder for images for a document: of each load the first figure, and the latency
    #[arg(long, value_name = "FOLDER")]
    pub svg: Option<PathBuf>,
    /// This program, which runs the loads
    #[arg(skip = std::env::current_exe().unwrap_or_default())]
    pub bench: PathBuf,
    /// The relay that suites name [default: the one beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub relay: Option<PathBuf>,
}

/// Errors that end a suite without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The file makes no sense.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        error: FileError,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// No server of the suite is here.
    #[error("none of the servers is here: {}", .0.join(", "))]
    NoServer(Vec<String>),
}

/// Runs a suite and writes its results, also when it is interrupted.
///
/// # Errors
///
/// [`SuiteError`] when there is no result.
pub fn run(
    options: &Options,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<Results, SuiteError> {
    let suite = read(options)?;
    let skipped = missing(&suite.servers);
    if skipped.len() == suite.servers.len() {
        let names = skipped.into_iter().map(|it| format!("{} ({})", it.server, it.why));
        return Err(SuiteError::NoServer(names.collect()));
    }
    skipped.iter().for_each(|it| progress.print(&format!("without {}: {}", it.server, it.why)));
    let mut results = Results::new(&suite, skipped);
    let relay = options.relay.clone().unwrap_or_else(|| beside("relay"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let programs =
        Programs { bench: text(&options.bench), relay: text(&relay), here: text(&here(options)) };
    let setting = RunSettings { programs, quiet: suite.quiet, interrupt };
    progress.print(&format!("{}: {}", suite.name, Forecast::new(&suite, &results)));
    for round in 1..=suite.rounds() {
        turn(&suite, &setting, round, &mut results, progress);
        results.complete = round == suite.rounds() && !interrupt.is_pulled();
        write(&results, &options.out)?;
        options.svg.iter().try_for_each(|folder| write_all(folder, &results.drawings()))?;
        if interrupt.is_pulled() {
            break;
        }
    }
    Ok(results)
}

/// Every load on every server, once: changes on the machine meet all of them.
fn turn(
    suite: &Suite,
    setting: &RunSettings<'_>,
    round: usize,
    results: &mut Results,
    progress: &mut Progress,
) {
    for cell in &mut results.cells {
        let Some((server, load)) = cell.pair(suite) else { continue };
        let runs = suite.runs_of(load);
        if round > runs {
            continue;
        }
        let what = format!("{}, {}, run {round} of {runs}", load.name, server.name);
        progress.phase(&what, None);
        let patience = Duration::from_secs(suite.patience);
        if !wait_for_quiet(suite.quiet, patience, setting.interrupt) && suite.patience > 0 {
            progress.print("the machine is busy with other work");
        }
        if setting.interrupt.is_pulled() {
            return;
        }
        match setting.measure(server, load) {
            Ok(measured) => cell.runs.push(measured),
            Err(MeasureError::Interrupted) => return,
            Err(error) => {
                progress.print(&format!("{what}: {error}"));
                cell.failures.push(error.to_string());
            }
        }
    }
}

fn read(options: &Options) -> Result<Suite, SuiteError> {
    let path = &options.file;
    let text = fs::read_to_string(path).map_err(|error| io_error(path, error))?;
    let wrong = |error| SuiteError::File { path: path.clone(), error };
    let mut suite = Suite::parse(&text).map_err(wrong)?;
    suite.keep_loads(&options.load).map_err(wrong)?;
    suite.keep_servers(&options.server).map_err(wrong)?;
    if let Some(runs) = options.runs {
        suite.runs = runs.max(1);
        suite.loads.iter_mut().for_each(|load| load.runs = None);
    }
    Ok(suite)
}

/// The folder of the suite: servers run in folders of their own.
fn here(options: &Options) -> PathBuf {
    let folder = options.file.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Servers that cannot be started here.
fn missing(servers: &[Server]) -> Vec<Skipped> {
    let why = |server: &Server| {
        let program = server.command.first()?;
        if !program.starts_with('{') && !is_installed(program) {
            return Some(format!("{program} is not installed"));
        }
        let (check, arguments) = server.check.split_first()?;
        let mut command = Command::new(check);
        command.args(arguments).envs(&server.env);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let is_here = command.status().is_ok_and(|status| status.success());
        (!is_here).then(|| format!("`{}` fails", server.check.join(" ")))
    };
    let skipped = servers
        .iter()
        .filter_map(|server| why(server).map(|why| Skipped { server: server.name.clone(), why }));
    skipped.collect()
}

fn write(results: &Results, folder: &Path) -> Result<(), SuiteError> {
    let json = serde_json::to_string_pretty(results).unwrap_or_default();
    let (page, markdown) = (results.page().html(), results.markdown());
    let files = [("suite.json", json), ("suite.html", page), ("suite.md", markdown)];
    write_all(folder, &files)
}

/// Writes files that are given by name and text.
///
/// # Errors
///
/// [`SuiteError::Io`].
pub fn write_all<T: AsRef<str>>(folder: &Path, files: &[(T, String)]) -> Result<(), SuiteError> {
    fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
    for (name, text) in files {
        let name = name.as_ref();
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| io_error(&path, error))?;
    }
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> SuiteError {
    SuiteError::Io { path: path.to_owned(), error }
}
