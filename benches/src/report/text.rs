//! A report as text, for a terminal.

use std::fmt;

use super::{About, Distribution, Figure, Findings, Limit, Report, Table};
use crate::latency::QUANTILES;
use crate::number::shown;

impl Findings {
    /// The figures.
    #[must_use]
    pub fn figure_table(&self) -> Table {
        let mut table = Table::new(["figure", "value", "least", "most", "limit"]);
        for figure in self.figures() {
            let show = |value| shown(value, figure.unit());
            let (least, most) = figure
                .spread()
                .map_or_else(Default::default, |spread| (show(spread.least), show(spread.most)));
            table.row([figure.name(), &show(figure.value()), &least, &most, &limit(figure)]);
        }
        for name in self.withheld() {
            table.row([name, "withheld"]);
        }
        table.compact()
    }

    /// Latencies.
    #[must_use]
    pub fn latency_table(&self) -> Table {
        let heads = ["milliseconds", "count"].into_iter();
        let mut table = Table::new(heads.chain(QUANTILES.iter().map(|(name, _)| *name)));
        for distribution in self.distributions() {
            table.row(quantiles(distribution));
        }
        table
    }

    /// The numbers beyond their limits, each in a line.
    pub fn missed_lines(&self) -> impl Iterator<Item = String> {
        self.missed().map(missed)
    }
}

impl About {
    /// The load in a line: `sessions 1000, rate 50`.
    #[must_use]
    pub fn plan_line(&self) -> String {
        let Some(plan) = self.plan().as_object() else { return String::new() };
        let parts = plan.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{key} {text}")
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn quantiles(distribution: &Distribution) -> Vec<String> {
    let latency = distribution.latency();
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
    let count = shown(latency.len() as f64, "");
    let values = QUANTILES.iter().map(|(_, share)| match latency.is_empty() {
        true => "none".to_owned(),
        false => shown(latency.ms(*share), ""),
    });
    [distribution.name().to_owned(), count].into_iter().chain(values).collect()
}

fn limit(figure: &Figure) -> String {
    let text = match figure.limit() {
        None => return String::new(),
        Some(Limit::AtMost(most)) => format!("at most {}", shown(most, figure.unit())),
        Some(Limit::AtLeast(least)) => format!("at least {}", shown(least, figure.unit())),
    };
    if figure.is_missed() { format!("{text}: MISSED") } else { text }
}

impl fmt::Display for Report {
    /// Broken promises come last, where the eye is when a run ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { about, findings, .. } = self;
        write!(f, "{}", about.scenario())?;
        if let Some(label) = about.label() {
            write!(f, " ({label})")?;
        }
        for (what, value) in about.subject() {
            write!(f, "\n  {what}: {value}")?;
        }
        let plan = about.plan_line();
        if !plan.is_empty() {
            write!(f, "\n  {plan}")?;
        }
        for table in [findings.figure_table(), findings.latency_table()] {
            if !table.is_empty() {
                write!(f, "\n\n{table}")?;
            }
        }
        writeln!(f)?;
        if !about.is_complete() {
            write!(f, "\n  PARTIAL: the run was interrupted")?;
        }
        for why in findings.harness_limits() {
            write!(f, "\n  HARNESS LIMITED: {why}")?;
        }
        for note in findings.notes() {
            write!(f, "\n  note: {note}")?;
        }
        for line in findings.missed_lines() {
            write!(f, "\n  MISSED: {line}")?;
        }
        for violation in findings.violations() {
            write!(f, "\n  VIOLATION: {violation}")?;
        }
        write!(f, "\n  {}", self.conclusion())
    }
}

impl Report {
    /// The verdict in a line.
    #[must_use]
    pub fn conclusion(&self) -> String {
        let findings = &self.findings;
        let (violations, missed) = (findings.violations().len(), findings.missed().count());
        let partly = if self.about.is_complete() { "" } else { ", as far as it went" };
        match (violations, missed) {
            (0, 0) => format!("no violations{partly}"),
            (0, missed) => format!("no violations, {missed} limits missed{partly}"),
            (violations, 0) => format!("{violations} violations: no throughput{partly}"),
            (violations, missed) => {
                format!("{violations} violations: no throughput; {missed} limits missed{partly}")
            }
        }
    }
}

/// A number and its limit.
fn missed(figure: &Figure) -> String {
    let bound = match figure.limit() {
        Some(Limit::AtMost(most)) => format!("more than {}", shown(most, figure.unit())),
        Some(Limit::AtLeast(least)) => format!("less than {}", shown(least, figure.unit())),
        None => String::new(),
    };
    format!("{} is {}, {bound}", figure.name(), shown(figure.value(), figure.unit()))
}
