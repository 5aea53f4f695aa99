//! Median of several reports of the same load and server, with the violations of all.

use crate::report::{Figure, Report};

/// The medians of the reports, with their spread; `None` without a report.
pub(super) fn merged(reports: &[&Report]) -> Option<Report> {
    let [first, others @ ..] = reports else { return None };
    let mut merged = first.without_findings();
    for figure in first.findings.figures() {
        let find = |report: &&Report| report.findings.find(figure.name()).map(Figure::value);
        let values: Vec<f64> = reports.iter().filter_map(find).collect();
        merged.findings.add(figure.clone().of_runs(&values));
    }
    for of_first in first.findings.distributions() {
        let mut all = of_first.clone();
        for other in others {
            let same = other.findings.distributions().iter().find(|it| it.name() == all.name());
            same.into_iter().for_each(|it| all.merge(it));
        }
        merged.findings.distribution(all.name(), all.latency());
    }
    for report in reports {
        report.findings.violations().iter().for_each(|it| merged.findings.violation(it.clone()));
        report.findings.harness_limits().iter().for_each(|it| merged.findings.harness_limited(it));
        if !report.about.is_complete() {
            merged.about.set_interrupted();
        }
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::latency::Latency;
    use crate::report::{Spread, Violation};

    fn report(cost: f64, ms: u64) -> Report {
        let mut report = Report::new("fan");
        report.about.set_label("relay");
        report.findings.cost("cost", cost, "us");
        let mut latency = Latency::new();
        latency.record(Duration::from_millis(ms));
        report.findings.distribution("delivery", &latency);
        report
    }

    #[test]
    fn figures_become_medians_and_distributions_one() {
        let runs = [report(1.0, 1), report(5.0, 2), report(2.0, 3)];
        let merged = merged(&runs.each_ref()).unwrap();
        let cost = merged.findings.find("cost").unwrap();
        assert_eq!(cost.value(), 2.0);
        assert_eq!(cost.spread(), Some(Spread { least: 1.0, most: 5.0, runs: 3 }));
        let latency = merged.findings.distributions()[0].latency();
        assert_eq!((latency.len(), latency.ms(1.0).round()), (3, 3.0));
        assert_eq!(merged.about.name(), "relay");
    }

    #[test]
    fn one_run_with_a_violation_takes_the_throughput_of_all() {
        let mut runs = [report(1.0, 1), report(5.0, 2)];
        runs[1].findings.violation("1 x lost");
        let merged = merged(&runs.each_ref()).unwrap();
        assert!(merged.findings.find("cost").is_none());
        assert_eq!(merged.findings.violations(), [Violation::from("1 x lost")]);
    }

    #[test]
    fn nothing_of_nothing() {
        assert!(merged(&[]).is_none());
    }
}
