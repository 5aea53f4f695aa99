//! Results of a run: figures, durations, samples, broken promises, remarks.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Distribution, Figure, Kind, Violation};
use crate::latency::Latency;
use crate::timeline::{Sample, Window};

/// Results of a run. Violations and throughput never stand together: see the head of
/// [`report`](super).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Findings {
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

/// Adding results.
impl Findings {
    /// Adds a part of the run.
    pub fn window(&mut self, window: Window) {
        self.windows.push(window);
    }

    /// Adds a sample.
    pub fn sample(&mut self, sample: Sample) {
        self.samples.push(sample);
        self.withhold();
    }

    /// Adds a number with all its attributes.
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

    /// Adds the cost of a delivery, a message or a session.
    pub fn cost(&mut self, name: impl Into<String>, value: f64, unit: impl Into<String>) {
        self.add(Figure::cost(name, value, unit));
    }

    /// Adds a count.
    pub fn count(&mut self, name: impl Into<String>, value: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
        self.figure(name, value as f64, "");
    }

    /// Adds a number with an upper limit.
    pub fn at_most(
        &mut self,
        name: impl Into<String>,
        value: f64,
        most: f64,
        unit: impl Into<String>,
    ) {
        self.add(Figure::new(name, value, unit).at_most(most));
    }

    /// Adds durations.
    pub fn distribution(&mut self, name: impl Into<String>, latency: &Latency) {
        self.distributions.push(Distribution::new(name, latency.clone()));
    }

    /// Adds a broken promise: there is no throughput from here on.
    pub fn violation(&mut self, violation: impl Into<Violation>) {
        self.violations.push(violation.into());
        self.withhold();
    }

    /// Adds a reason why the harness, not the server, was the limit.
    pub fn harness_limited(&mut self, why: impl Into<String>) {
        self.harness_limited.push(why.into());
    }

    /// Adds a remark that is no violation.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Nothing found; withheld figures stay withheld.
    pub(super) fn cleared(&self) -> Self {
        Self { withheld: self.withheld.clone(), ..Self::default() }
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

/// Reading them.
impl Findings {
    /// Parts of the run.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Numbers; none of them is a throughput if there are violations.
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

    /// Durations.
    #[must_use]
    pub fn distributions(&self) -> &[Distribution] {
        &self.distributions
    }

    /// Samples over time.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Broken promises.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Numbers beyond their limits.
    pub fn missed(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.is_missed())
    }

    /// Whether all promises and limits were kept.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.violations.is_empty() && self.missed().next().is_none()
    }

    /// Reasons why the harness was the limit, if it was.
    #[must_use]
    pub fn harness_limits(&self) -> &[String] {
        &self.harness_limited
    }

    /// Remarks.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Findings {
    /// Applies the rule to files as well, which other programs may have written.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut findings = Self::deserialize(from)?;
        findings.withhold();
        Ok(findings)
    }
}
