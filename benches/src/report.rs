//! What a run found: figures, and what was not as promised.

use std::fmt;

use serde_json::{Value, json};

use crate::oracle::{Faults, Verdict};

/// One number with its name.
#[derive(Clone, Debug)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

/// Figures and violations of one run.
#[derive(Clone, Debug)]
pub struct Report {
    scenario: &'static str,
    figures: Vec<Figure>,
    violations: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// A report without contents.
    #[must_use]
    pub const fn new(scenario: &'static str) -> Self {
        Self { scenario, figures: Vec::new(), violations: Vec::new(), notes: Vec::new() }
    }

    /// Adds a number.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit });
    }

    /// Adds a count.
    pub fn count(&mut self, name: impl Into<String>, value: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
        self.figure(name, value as f64, "");
    }

    /// Adds a number that must not be above another.
    pub fn at_most(&mut self, name: &str, value: f64, most: f64, unit: &'static str) {
        self.figure(name, value, unit);
        if value.is_nan() || value > most {
            self.violation(format!("{name} is {value:.2} {unit}, more than {most:.2} {unit}"));
        }
    }

    /// Something was not as promised.
    pub fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
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
            let evidence: Vec<String> = of_kind
                .map(|fault| format!("  session {}: {}", fault.session, fault.evidence))
                .collect();
            self.violations.push(format!("{count} x {kind}\n{}", evidence.join("\n")));
        }
    }

    /// What was not as promised.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The report for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|Figure { name, value, unit }| json!({"name": name, "value": value, "unit": unit}))
            .collect();
        json!({
            "scenario": self.scenario,
            "figures": figures,
            "notes": self.notes,
            "violations": self.violations,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for Figure { name, value, unit } in &self.figures {
            let digits = if value.fract() == 0.0 { 0 } else { 3 };
            writeln!(f, "  {name:<48} {value:>14.digits$} {unit}")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        for violation in &self.violations {
            writeln!(f, "  VIOLATION: {violation}")?;
        }
        write!(f, "  {} violations", self.violations.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_above_its_limit_is_a_violation_and_so_is_none_at_all() {
        let mut report = Report::new("test");
        report.at_most("ratio", 1.2, 1.2, "");
        assert!(report.violations().is_empty());
        report.at_most("ratio", 1.21, 1.2, "");
        report.at_most("ratio", f64::NAN, 1.2, "");
        assert_eq!(report.violations().len(), 2);
        assert_eq!(report.json()["figures"][1]["value"], 1.21);
    }
}
