//! The page of one report.

use super::{Page, Tone, plots};
use crate::report::{Kind, Report, Violation, shown};

/// The number of figures at the top in large letters.
const CARDS: usize = 5;

/// Subjects below the title; the rest stands at the end.
const SHOWN: [&str; 3] = ["address", "delivery", "dialect"];

/// The page of a report: problems first, then results, then the circumstances.
#[must_use]
pub fn page_of(report: &Report) -> Page {
    let mut page = Page::new(format!("comet-bench: {}", report.about.name()));
    let subjects = report.about.subject().iter().filter(|(what, _)| SHOWN.contains(&what.as_str()));
    let subjects: Vec<&str> = subjects.map(|(_, value)| value.as_str()).collect();
    let title = match report.about.name() {
        name if name == report.about.scenario() => name.to_owned(),
        name => format!("{}: {name}", report.about.scenario()),
    };
    page.head(&title, &subjects.join(" · "));
    banners(&mut page, report);
    page.cards(&cards(report));
    page.charts(&[], &plots(report));
    page.heading("Figures");
    page.table(&report.findings.figure_table());
    page.heading("Latency");
    page.table(&report.findings.latency_table());
    page.heading("The run");
    page.details(&details(report));
    page
}

fn banners(page: &mut Page, report: &Report) {
    let violations: Vec<String> =
        report.findings.violations().iter().map(Violation::to_string).collect();
    let missed: Vec<String> = report.findings.missed_lines().collect();
    if !violations.is_empty() {
        page.banner(Tone::Bad, "Violations: this run has no throughput", &violations);
    }
    if !missed.is_empty() {
        page.banner(Tone::Bad, "Limits missed", &missed);
    }
    if !report.about.is_complete() {
        page.banner(Tone::Warning, "Partial: the run was interrupted", &[]);
    }
    if !report.findings.harness_limits().is_empty() {
        page.banner(
            Tone::Warning,
            "The harness, not the server, was the limit",
            report.findings.harness_limits(),
        );
    }
    if report.findings.passed() {
        page.banner(Tone::Good, &capitalised(&report.conclusion()), &[]);
    }
    if !report.findings.notes().is_empty() {
        page.banner(Tone::Warning, "Notes", report.findings.notes());
    }
}

/// Throughput first, then the usual quantiles of the first distribution.
fn cards(report: &Report) -> Vec<(String, String)> {
    let figures =
        report.findings.figures().iter().filter(|figure| figure.kind() == Kind::Throughput);
    let figures =
        figures.map(|figure| (figure.name().to_owned(), shown(figure.value(), figure.unit())));
    let latency =
        report.findings.distributions().iter().filter(|it| !it.latency().is_empty()).take(1);
    let latency = latency.flat_map(|it| {
        let quantiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];
        quantiles.map(|(name, share)| {
            (format!("{}, {name}", it.name()), shown(it.latency().ms(share), "ms"))
        })
    });
    figures.take(CARDS - 2).chain(latency).take(CARDS).collect()
}

fn details(report: &Report) -> Vec<(String, String)> {
    let machine = report.about.machine();
    let windows = report
        .findings
        .windows()
        .iter()
        .map(|window| format!("{} {:.1} to {:.1} s", window.name, window.from, window.to));
    #[expect(clippy::cast_precision_loss, reason = "memory of a machine is below 2^53")]
    let memory = shown(machine.memory as f64, "bytes");
    let pairs = [
        ("plan", report.about.plan_line()),
        ("windows", windows.collect::<Vec<_>>().join(", ")),
        ("command", report.about.command().join(" ")),
        ("began", report.about.started().to_owned()),
        ("machine", format!("{}, {} cores, {memory}", machine.cpu, machine.cores)),
        ("kernel", machine.kernel.clone()),
    ];
    let subjects = report.about.subject().iter().map(|(what, value)| (what.clone(), value.clone()));
    subjects.chain(pairs.map(|(name, value)| (name.to_owned(), value))).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
