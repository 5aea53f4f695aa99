//! Plots of reports.

use super::{Line, Plot, Spacing, file_name};
use crate::report::{Distribution, Report, Sample};

/// Latencies of all reports in one plot.
#[must_use]
pub fn latency_plot(reports: &[&Report]) -> Plot {
    let known = |report: &Report| -> Vec<Distribution> {
        let all = report.findings.distributions().iter();
        all.filter(|it| !it.latency().is_empty()).cloned().collect()
    };
    let known: Vec<(&str, Vec<Distribution>)> =
        reports.iter().map(|report| (report.about.name(), known(report))).collect();
    let is_one_each = known.iter().all(|(_, distributions)| distributions.len() <= 1);
    let lines = known.iter().flat_map(|(report, distributions)| {
        distributions.iter().map(move |it| {
            let name = match (reports.len(), is_one_each) {
                (1, _) => it.name().to_owned(),
                (_, true) => (*report).to_owned(),
                (_, false) => format!("{report}: {}", it.name()),
            };
            Line { name, points: it.curve().collect() }
        })
    });
    Plot {
        title: "latency by percentile, ms".into(),
        across: (Spacing::Percentile, "share of all"),
        up: Spacing::Logarithmic,
        lines: lines.collect(),
        window: None,
    }
}

/// A value of a sample: one line for each that a report has.
type Value = fn(&Sample) -> Option<f64>;

const RATE: &[(&str, Value)] = &[("deliveries", |sample| sample.deliveries)];
const LATENCY: &[(&str, Value)] = &[("p50", |sample| sample.p50), ("p99", |sample| sample.p99)];
const CPU: &[(&str, Value)] = &[
    ("server", |sample| sample.server_cpu.map(|cores| 100.0 * cores)),
    ("harness", |sample| sample.own_cpu.map(|cores| 100.0 * cores)),
];
#[expect(clippy::cast_precision_loss, reason = "memory and sessions are far below 2^53")]
const MEMORY: &[(&str, Value)] =
    &[("server", |sample| sample.server_memory.map(|bytes| bytes as f64 / 1_048_576.0))];
#[expect(clippy::cast_precision_loss, reason = "memory and sessions are far below 2^53")]
const SESSIONS: &[(&str, Value)] = &[("open", |sample| sample.sessions.map(|count| count as f64))];

/// All plots of a report, also those without a line.
#[must_use]
pub fn plots(report: &Report) -> Vec<Plot> {
    let over_time = [
        ("deliveries a second", RATE),
        ("latency of each interval, ms", LATENCY),
        ("CPU, % of a core", CPU),
        ("memory of the server, MiB", MEMORY),
        ("sessions", SESSIONS),
    ];
    let over_time = over_time.iter().map(|(title, values)| timeline(report, title, values));
    [latency_plot(&[report])].into_iter().chain(over_time).collect()
}

/// The plots of a report as images for a document: file names and contents.
#[must_use]
pub fn images(report: &Report) -> Vec<(String, String)> {
    let seen = plots(report).into_iter().filter(|plot| !plot.is_empty());
    let image = |plot: Plot| {
        let title = format!("{}: {}", report.about.name(), plot.title);
        (format!("{}.svg", file_name(&title)), plot.image(&title))
    };
    seen.map(image).collect()
}

fn timeline(report: &Report, title: &str, values: &[(&str, Value)]) -> Plot {
    let lines = values.iter().map(|(name, value)| {
        let points = report.findings.samples().iter();
        // A sample without the value leaves a gap in the line.
        let points = points.map(|sample| (sample.at, value(sample).unwrap_or(f64::NAN)));
        Line { name: (*name).to_owned(), points: points.collect() }
    });
    let is_known = |line: &Line| line.points.iter().filter(|(_, y)| y.is_finite()).count() > 1;
    let measured = report.findings.windows().iter().find(|window| window.name == "measure");
    Plot {
        title: title.to_owned(),
        across: (Spacing::Linear, "seconds since the run began"),
        up: Spacing::Linear,
        lines: lines.filter(is_known).collect(),
        window: measured.map(|window| (window.from, window.to)),
    }
}
