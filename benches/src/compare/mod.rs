//! Comparison of reports with the first one.
//!
//! A difference counts if it is beyond the noise: for medians of several runs, their ranges must
//! not overlap; for single runs, a share is taken for noise.
//!
//! Not here: the runs that the reports are of.

mod command;
mod likeness;
mod row;

use std::collections::BTreeSet;

pub use command::{CommandError, Compare, CompareOutput, run};
pub use row::{ComparedFigure, Difference, Row};
use serde_json::Value;

use crate::report::{Better, Figure, Report, Table, shown};

/// Reports that were compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    names: Vec<String>,
    rows: Vec<Row>,
    unlike: Vec<String>,
}

/// Errors of reports that cannot be compared.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// There must be something to compare with.
    #[error("one report alone cannot be compared")]
    TooFew,
    /// Figures of different scenarios share nothing but names.
    #[error("{name} is of the scenario {is}, the first report of {first}")]
    Scenario {
        /// The report that differs.
        name: String,
        /// Its scenario.
        is: String,
        /// That of the first.
        first: String,
    },
    /// The load was another one.
    #[error("{name} and the first report have different plans: {}", keys.join(", "))]
    Plan {
        /// The report that differs.
        name: String,
        /// The differences.
        keys: Vec<String>,
    },
}

/// Quantiles that are compared; the most of all is chance.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

impl Comparison {
    /// Checks that the reports are of the same load.
    ///
    /// # Errors
    ///
    /// [`CompareError`] with the differences.
    pub fn check(reports: &[Report]) -> Result<(), CompareError> {
        let [first, others @ ..] = reports else { return Err(CompareError::TooFew) };
        for other in others {
            let name = other.about.name().to_owned();
            if other.about.scenario() != first.about.scenario() {
                let (is, first) =
                    (other.about.scenario().to_owned(), first.about.scenario().to_owned());
                return Err(CompareError::Scenario { name, is, first });
            }
            let keys = differences(first.about.plan(), other.about.plan());
            if !keys.is_empty() {
                return Err(CompareError::Plan { name, keys });
            }
        }
        Ok(())
    }

    /// Compares all with the first; `noise` is the share by which single runs differ.
    ///
    /// # Errors
    ///
    /// [`CompareError::TooFew`] without two reports.
    pub fn new(reports: &[Report], noise: f64) -> Result<Self, CompareError> {
        match reports {
            [] | [_] => Err(CompareError::TooFew),
            [first, others @ ..] => Ok(Self::with(first, others, noise)),
        }
    }

    /// Compares others, if there are any, with a baseline.
    pub(crate) fn with(first: &Report, others: &[Report], noise: f64) -> Self {
        let reasons: Vec<Vec<String>> =
            others.iter().map(|other| likeness::unlike(first, other)).collect();
        let likes: Vec<bool> = reasons.iter().map(Vec::is_empty).collect();
        let quantiles: Vec<Vec<Figure>> = others.iter().map(quantiles_of).collect();
        let figures = first.findings.figures().iter().map(|base| {
            let found = others.iter().map(|other| other.findings.find(base.name()));
            Row::new(base, found.zip(likes.iter().copied()), noise)
        });
        let of_first = quantiles_of(first);
        let latencies = of_first.iter().map(|base| {
            let same = |of: &'_ Figure| of.name() == base.name();
            let found = quantiles.iter().map(|figures| figures.iter().find(|of| same(of)));
            Row::new(base, found.zip(likes.iter().copied()), noise)
        });
        let rows = figures.chain(latencies).collect();
        let names = std::iter::once(first).chain(others);
        let names = names.map(|it| it.about.name().to_owned()).collect();
        Self { names, rows, unlike: reasons.into_iter().flatten().collect() }
    }

    /// Names of the reports, the baseline first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Reasons why figures of some reports are neither better nor worse than the baseline's.
    #[must_use]
    pub fn unlike(&self) -> &[String] {
        &self.unlike
    }

    /// One row for each figure of the baseline.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Figures that are worse by more than this factor, and not by noise.
    pub fn worse_than(&self, factor: f64) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| {
            let is_worse =
                |it: &ComparedFigure| it.verdict == Difference::Worse && it.loss > factor;
            row.others.iter().any(is_worse)
        })
    }

    /// Figures of the baseline that are absent from a report, among those with a better direction;
    /// the baseline itself may have them without a number.
    pub fn absent(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rows.iter().flat_map(|row| {
            let others = row.others.iter().zip(&self.names[1..]);
            let absent = others.filter(|(it, _)| it.verdict == Difference::Absent);
            let is_baseless = row.others.iter().any(|it| it.verdict == Difference::Baseless);
            let reports = absent.map(|(_, report)| report);
            let reports = reports.chain(is_baseless.then_some(&self.names[0]));
            reports.map(|report| (row.name.as_str(), report.as_str()))
        })
    }

    /// Values and ratios.
    #[must_use]
    pub fn table(&self) -> Table {
        let others = self.names[1..].iter().flat_map(|name| [name.clone(), "ratio".to_owned()]);
        let first = ["figure".to_owned(), self.names[0].clone()];
        let mut table = Table::new(first.into_iter().chain(others));
        for row in &self.rows {
            let others = row.others.iter().flat_map(|it| {
                let value = it.value.map_or_else(|| "absent".to_owned(), |v| shown(v, &row.unit));
                [value, it.to_string()]
            });
            let first = [row.name.clone(), shown(row.base, &row.unit)];
            table.row(first.into_iter().chain(others));
        }
        table
    }
}

fn quantiles_of(report: &Report) -> Vec<Figure> {
    let known = report.findings.distributions().iter().filter(|it| !it.latency().is_empty());
    let figures = known.flat_map(|it| {
        QUANTILES.map(|(name, share)| {
            let name = format!("{}, {name}", it.name());
            Figure::new(name, it.latency().ms(share), "ms").lower_is_better()
        })
    });
    figures.collect()
}

/// The names under which two plans have different values.
fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (Some(a), Some(b)) = (one.as_object(), other.as_object()) else {
        return if one == other { Vec::new() } else { vec!["all".to_owned()] };
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let value = |of: Option<&Value>| of.filter(|value| !value.is_null()).cloned();
    let differ = keys.into_iter().filter(|key| value(a.get(*key)) != value(b.get(*key)));
    differ.cloned().collect()
}

/// By which factor a ratio is a loss.
fn loss(ratio: f64, better: Better) -> f64 {
    match better {
        Better::Lower => ratio,
        Better::Higher => 1.0 / ratio,
    }
}

#[cfg(test)]
mod tests;
