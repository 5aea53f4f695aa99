//! What a run found: figures, how long things took, how it went over time, and what was not as
//! promised.
//!
//! A run that broke a promise has no throughput: [`Report`] drops such figures when the first
//! violation comes and takes none after it, and reading a file goes the same way. So no table,
//! page or comparison can show one.
//!
//! Not here: measuring (`scenario`).

mod distribution;
mod figure;
mod file;
mod machine;
mod number;
mod table;
mod text;
mod timeline;
mod violation;

use std::collections::BTreeMap;
use std::time::SystemTime;

pub use distribution::{Distribution, HistogramError, QUANTILES};
pub use figure::{Better, Figure, Kind, Limit, Spread};
pub use file::{FileError, VERSION};
pub use machine::Machine;
pub use number::shown;
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use table::{Align, Column, Table};
pub use timeline::{Sample, Window};
pub use violation::Violation;

use crate::latency::Latency;
use crate::oracle::{Faults, Verdict};

/// The subject that says what a server promises about deliveries; those of which different things
/// are promised are not better or worse than each other.
pub const DELIVERY: &str = "delivery";
/// The subject that says which cores the server and the harness keep to.
pub const PINNING: &str = "pinning";

/// All that is known of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Report {
    version: u32,
    scenario: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    plan: Value,
    #[serde(default)]
    subject: BTreeMap<String, String>,
    #[serde(default)]
    machine: Machine,
    started: String,
    complete: bool,
    #[serde(default)]
    windows: Vec<Window>,
    figures: Vec<Figure>,
    /// Names of the figures that violations took away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<String>,
    #[serde(default)]
    distributions: Vec<Distribution>,
    #[serde(default)]
    samples: Vec<Sample>,
    #[serde(default)]
    violations: Vec<Violation>,
    #[serde(default)]
    harness_limited: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

/// Filling it.
impl Report {
    /// A report without contents, of a run that begins now on this machine.
    #[must_use]
    pub fn new(scenario: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            scenario: scenario.into(),
            label: None,
            command: std::env::args().collect(),
            plan: Value::Null,
            subject: BTreeMap::new(),
            machine: Machine::here(),
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            complete: true,
            windows: Vec::new(),
            figures: Vec::new(),
            withheld: Vec::new(),
            distributions: Vec::new(),
            samples: Vec::new(),
            violations: Vec::new(),
            harness_limited: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What it is called beside others.
    pub fn label(&mut self, label: impl Into<String>) {
        self.label = Some(label.into());
    }

    /// The load that was asked for: reports are compared if it is the same in both. Which server
    /// got it, and how it was reached, belongs to the [subject](Self::subject).
    pub fn plan(&mut self, plan: Value) {
        self.plan = plan;
    }

    /// Something of the server: "address", "dialect", "command".
    pub fn subject(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.subject.insert(what.into(), value.into());
    }

    /// The run was ended before its time: this is what there is.
    pub const fn interrupted(&mut self) {
        self.complete = false;
    }

    /// A part of the run, in seconds since it began.
    pub fn window(&mut self, name: impl Into<String>, from: f64, to: f64) {
        self.windows.push(Window { name: name.into(), from, to });
    }

    /// How things are now.
    pub fn sample(&mut self, sample: Sample) {
        self.samples.push(sample);
        self.withhold();
    }

    /// Adds a number with all that is known of it.
    pub fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
        self.withhold();
    }

    /// Adds a number.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: impl Into<String>) {
        self.add(Figure::new(name, value, unit));
    }

    /// Adds a rate of deliveries, messages or sessions.
    pub fn throughput(&mut self, name: impl Into<String>, value: f64, unit: impl Into<String>) {
        self.add(Figure::throughput(name, value, unit));
    }

    /// Adds what a delivery, a message or a session costs.
    pub fn cost(&mut self, name: impl Into<String>, value: f64, unit: impl Into<String>) {
        self.add(Figure::cost(name, value, unit));
    }

    /// Adds a count.
    pub fn count(&mut self, name: impl Into<String>, value: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
        self.figure(name, value as f64, "");
    }

    /// Adds a number that must not be above another.
    pub fn at_most(
        &mut self,
        name: impl Into<String>,
        value: f64,
        most: f64,
        unit: impl Into<String>,
    ) {
        self.add(Figure::new(name, value, unit).at_most(most));
    }

    /// Adds how long something took, every time.
    pub fn distribution(&mut self, name: impl Into<String>, latency: &Latency) {
        self.distributions.push(Distribution::new(name, latency.clone()));
    }

    /// A promise was broken: there is no throughput from here on.
    pub fn violation(&mut self, what: impl Into<Violation>) {
        self.violations.push(what.into());
        self.withhold();
    }

    /// The harness, not the server, was the limit; said with the reason.
    pub fn harness_limited(&mut self, why: impl Into<String>) {
        self.harness_limited.push(why.into());
    }

    /// Something that a reader should know, and that is no violation.
    pub fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// Adds what the oracle found.
    pub fn verdict(&mut self, verdict: &Verdict) {
        self.count("deliveries expected", verdict.expected);
        self.count("deliveries received", verdict.received);
        self.count("gaps", verdict.gaps);
        self.count("deliveries that gaps told of", verdict.told);
        self.faults(&verdict.faults);
    }

    fn faults(&mut self, faults: &Faults) {
        for (kind, count) in faults.counts() {
            let of_kind = faults.first().iter().filter(|fault| fault.kind == *kind);
            let evidence =
                of_kind.map(|fault| format!("session {}: {}", fault.session, fault.evidence));
            self.violation(Violation {
                what: format!("{count} x {kind}"),
                evidence: evidence.collect(),
            });
        }
    }

    /// The same run on the same machine, with nothing found yet; what was withheld stays so.
    #[must_use]
    pub(crate) fn without_findings(&self) -> Self {
        Self {
            windows: Vec::new(),
            figures: Vec::new(),
            distributions: Vec::new(),
            samples: Vec::new(),
            violations: Vec::new(),
            harness_limited: Vec::new(),
            notes: Vec::new(),
            ..self.clone()
        }
    }

    /// Keeps the rule of this module: violations and throughput never stand together.
    fn withhold(&mut self) {
        if self.violations.is_empty() {
            return;
        }
        let is_withheld = |figure: &mut Figure| figure.kind() == Kind::Throughput;
        let withheld = self.figures.extract_if(.., is_withheld);
        self.withheld.extend(withheld.map(|figure| figure.name().to_owned()));
        self.samples.iter_mut().for_each(|sample| sample.deliveries = None);
    }
}

/// Reading it.
impl Report {
    /// Which run this was.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// What it is called: its label, or else its scenario.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.scenario)
    }

    /// The command line that made it.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// The load that was asked for.
    #[must_use]
    pub const fn planned(&self) -> &Value {
        &self.plan
    }

    /// Which server it was, and how it was reached.
    #[must_use]
    pub const fn subjects(&self) -> &BTreeMap<String, String> {
        &self.subject
    }

    /// Where it ran.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// When it began, in UTC.
    #[must_use]
    pub fn started(&self) -> &str {
        &self.started
    }

    /// Whether the run came to its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Its parts.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Its numbers; none of them is a throughput if there are violations.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// The number with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name() == name)
    }

    /// Names of the figures that violations took away.
    #[must_use]
    pub fn withheld(&self) -> &[String] {
        &self.withheld
    }

    /// How long things took.
    #[must_use]
    pub fn distributions(&self) -> &[Distribution] {
        &self.distributions
    }

    /// How it went.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Promises that were broken.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Numbers that do not keep their limits.
    pub fn missed(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.is_missed())
    }

    /// Whether all promises and limits were kept.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.violations.is_empty() && self.missed().next().is_none()
    }

    /// Why the harness was the limit, if it was.
    #[must_use]
    pub fn harness_limits(&self) -> &[String] {
        &self.harness_limited
    }

    /// What a reader should know.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

#[cfg(test)]
mod tests;
