//! Results of a suite: every run, and the median of each load's runs on each server.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::merge::merged;
use super::{Load, Overview, Role, Server, Suite};
use crate::report::{Machine, Report};

/// All runs of a suite.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    version: u32,
    /// Name of the suite.
    pub suite: String,
    /// Start time, in UTC.
    pub started: String,
    /// The machine.
    pub machine: Machine,
    /// The server that the others are measured by where a load does not name another.
    pub baseline: String,
    /// Roles of servers other than the subject.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Some of the loads in one image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<Overview>,
    /// Whether it came to its end.
    pub complete: bool,
    /// The loads.
    pub loads: Vec<Load>,
    /// Each load on each server that takes it.
    pub cells: Vec<Cell>,
    /// Servers that were left out.
    pub skipped: Vec<Skipped>,
}

/// One load on one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// The load.
    pub load: String,
    /// The server.
    pub server: String,
    /// Its runs.
    pub runs: Vec<Measured>,
    /// Reasons why there are not more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Its report.
    pub report: Report,
    /// Cores that other processes used meanwhile, if that is known.
    pub others: Option<f64>,
    /// Whether that was too much.
    pub disturbed: bool,
}

/// A server that is not part of the results.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The server.
    pub server: String,
    /// The reason.
    pub why: String,
}

const VERSION: u32 = 1;

impl Cell {
    /// Its server and load in the suite.
    #[must_use]
    pub fn pair<'a>(&self, suite: &'a Suite) -> Option<(&'a Server, &'a Load)> {
        let server = suite.servers.iter().find(|server| server.name == self.server);
        server.zip(suite.loads.iter().find(|load| load.name == self.load))
    }
}

impl Results {
    /// Nothing yet.
    #[must_use]
    pub fn new(suite: &Suite, skipped: Vec<Skipped>) -> Self {
        let is_here = |server: &&Server| !skipped.iter().any(|it| it.server == server.name);
        let servers: Vec<&Server> = suite.servers.iter().filter(is_here).collect();
        let cells = suite.loads.iter().flat_map(|load| {
            let takers = servers.iter().filter(|server| server.takes(load));
            takers.map(|server| Cell {
                load: load.name.clone(),
                server: server.name.clone(),
                runs: Vec::new(),
                failures: Vec::new(),
            })
        });
        Self {
            version: VERSION,
            suite: suite.name.clone(),
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            machine: Machine::here(),
            baseline: suite.baseline.clone(),
            roles: suite.servers.iter().map(|it| (it.name.clone(), it.role)).collect(),
            overview: suite.overview.clone(),
            complete: false,
            loads: suite.loads.clone(),
            cells: cells.collect(),
            skipped,
        }
    }

    /// The medians of a load: those with throughput first, and of these the baseline's.
    #[must_use]
    pub fn medians(&self, load: &str) -> Vec<Report> {
        let cells = self.cells.iter().filter(|cell| cell.load == load);
        let mut reports: Vec<Report> = cells.filter_map(Cell::median).collect();
        let baseline = self.baseline_of(load);
        let place =
            |it: &Report| (!it.findings.violations().is_empty(), it.about.name() != baseline);
        reports.sort_by_key(place);
        reports
    }

    /// The server that the others are measured by under a load.
    #[must_use]
    pub fn baseline_of(&self, load: &str) -> &str {
        let load = self.loads.iter().find(|it| it.name == load);
        load.map_or(&self.baseline, |load| load.baseline(&self.baseline))
    }

    /// Whether the reports of a load, as [`medians`](Self::medians) has them, can be measured by
    /// the first: nobody takes the place of a baseline without a result.
    pub(super) fn have_baseline(&self, load: &str, reports: &[Report]) -> bool {
        reports.first().is_some_and(|first| first.about.name() == self.baseline_of(load))
    }

    /// Remarks for a reader before the figures of a load.
    #[must_use]
    pub fn remarks(&self, load: &str) -> Vec<String> {
        let cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.load == load).collect();
        let kinds: [(&str, Condition); 3] = [
            ("violations", |run| !run.report.findings.violations().is_empty()),
            ("the harness was the limit", |run| !run.report.findings.harness_limits().is_empty()),
            ("other processes took part of the machine", |run| run.disturbed),
        ];
        let general = kinds.iter().filter_map(|(what, is_so)| remark(what, &cells, is_so));
        let is_alone = !self.have_baseline(load, &self.medians(load));
        let baseline = self.baseline_of(load);
        let why = || format!("no ratios: {baseline} has no figures here to measure by");
        let no_ratios = is_alone.then(why);
        no_ratios
            .into_iter()
            .chain(general)
            .chain(cells.iter().flat_map(|cell| cell.remarks()))
            .chain(cells.iter().filter_map(|cell| self.silence(cell)))
            .collect()
    }

    /// Reason why a server that kept its promises has none of the figures that count.
    fn silence(&self, cell: &Cell) -> Option<String> {
        let load = self.loads.iter().find(|it| it.name == cell.load)?;
        let median = cell.median().filter(|it| it.findings.violations().is_empty())?;
        let is_known = |name: &String| median.findings.find(name).is_some();
        if !median.findings.distributions().is_empty() || load.figures.iter().any(is_known) {
            return None;
        }
        let why = cell.runs.iter().find_map(|run| run.report.findings.notes().first())?;
        Some(format!("{}: {why}", cell.server))
    }

    /// Whether all runs kept all promises and limits, and none failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.cells.iter().all(|cell| {
            cell.failures.is_empty() && cell.runs.iter().all(|run| run.report.findings.passed())
        })
    }
}

impl Cell {
    /// The medians of the runs that nobody disturbed, or of all if there is none. A promise that
    /// was broken counts in every run: a busy machine makes a server slow, not wrong.
    #[must_use]
    pub fn median(&self) -> Option<Report> {
        let of = |disturbed: bool| -> Vec<&Report> {
            let runs = self.runs.iter().filter(|run| run.disturbed == disturbed);
            runs.map(|run| &run.report).collect()
        };
        let (calm, disturbed) = (of(false), of(true));
        let Some(mut median) = merged(&calm) else { return merged(&disturbed) };
        let violations = disturbed.iter().flat_map(|report| report.findings.violations());
        violations.for_each(|it| median.findings.violation(it.clone()));
        Some(median)
    }

    /// Reasons why it has no figures, or no throughput.
    fn remarks(&self) -> Vec<String> {
        let name = &self.server;
        let failures = self.failures.iter().map(|why| format!("{name}: no result: {why}"));
        let violations = self.runs.iter().flat_map(|run| run.report.findings.violations());
        let first = violations.take(1).map(|violation| format!("{name}: {}", violation.what));
        failures.chain(first).collect()
    }
}

/// A condition of a run.
type Condition = fn(&Measured) -> bool;

/// Of which servers something is so, and in how many of their runs.
fn remark(what: &str, cells: &[&Cell], is_so: &Condition) -> Option<String> {
    let count = |cell: &Cell| cell.runs.iter().filter(|run| is_so(run)).count();
    if cells.iter().all(|cell| count(cell) == cell.runs.len() && !cell.runs.is_empty()) {
        return Some(format!("{what}: in all runs"));
    }
    let servers = cells
        .iter()
        .filter(|cell| count(cell) > 0)
        .map(|cell| format!("{} in {} of {} runs", cell.server, count(cell), cell.runs.len()));
    let servers: Vec<String> = servers.collect();
    (!servers.is_empty()).then(|| format!("{what}: {}", servers.join("; ")))
}
