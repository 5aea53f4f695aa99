//! Comparisons as a whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::latency::Latency;

fn report(label: &str, rate: f64, cost: &[f64], latency_us: u64) -> Report {
    let mut report = Report::new("fan");
    report.about.set_label(label);
    report.about.set_plan(json!({"sessions": 100, "rate": 50}));
    report.findings.throughput("deliveries", rate, "/s");
    report.findings.add(Figure::cost("CPU", 0.0, "us").of_runs(cost));
    report.findings.count("gaps", 0);
    let mut latency = Latency::new();
    latency.record(Duration::from_micros(latency_us));
    report.findings.distribution("delivery", &latency);
    report
}

fn verdicts(comparison: &Comparison) -> Vec<(&str, Difference)> {
    comparison.rows().iter().map(|row| (row.name.as_str(), row.others[0].verdict)).collect()
}

#[test]
fn a_difference_counts_beyond_the_noise_and_in_the_direction_of_the_figure() {
    let base = report("a", 1_000.0, &[1.0], 1_000);
    let against = |other: Report| Comparison::new(&[base.clone(), other], 0.05).unwrap();
    let within = against(report("b", 953.0, &[1.05], 1_049));
    assert!(
        within.rows().iter().all(|row| {
            matches!(row.others[0].verdict, Difference::Same | Difference::Unjudged)
        })
    );
    let beyond = against(report("c", 1_200.0, &[1.06], 500));
    let expected = [
        ("deliveries", Difference::Better),
        ("CPU", Difference::Worse),
        ("gaps", Difference::Unjudged),
        ("delivery, p50", Difference::Better),
        ("delivery, p99", Difference::Better),
        ("delivery, p99.9", Difference::Better),
    ];
    assert_eq!(verdicts(&beyond), expected);
    let slower = against(report("d", 900.0, &[1.0], 1_000));
    assert_eq!(verdicts(&slower)[0], ("deliveries", Difference::Worse));
}

#[test]
fn where_runs_have_a_spread_it_decides_and_not_the_noise() {
    let base = report("a", 1.0, &[1.0, 1.1, 1.3], 1);
    let cpu = |cost: &[f64]| {
        let all = [base.clone(), report("b", 1.0, cost, 1)];
        verdicts(&Comparison::new(&all, 0.5).unwrap())[1].1
    };
    assert_eq!(cpu(&[1.3, 1.5, 1.6]), Difference::Same);
    assert_eq!(cpu(&[1.31, 1.5, 1.6]), Difference::Worse);
    assert_eq!(cpu(&[0.8, 0.9, 0.99]), Difference::Better);
    assert_eq!(cpu(&[1.31]), Difference::Worse);
}

#[test]
fn what_was_nothing_and_is_something_is_worse_or_better_by_more_than_any_factor() {
    let of = |label: &str, rate: f64, cost: &[f64]| report(label, rate, cost, 1);
    let all = [of("a", 0.0, &[0.0]), of("b", 1.0, &[0.01])];
    let comparison = Comparison::new(&all, 0.5).unwrap();
    let found = verdicts(&comparison);
    assert_eq!(found[..2], [("deliveries", Difference::Better), ("CPU", Difference::Worse)]);
    let worse: Vec<&str> = comparison.worse_than(1e9).map(|row| row.name.as_str()).collect();
    assert_eq!(worse, ["CPU"]);
    let text = comparison.table().to_string();
    assert!(text.contains("from 0 better") && text.contains("from 0 WORSE"), "{text}");
    assert_eq!(found[2], ("gaps", Difference::Unjudged));
}

#[test]
fn what_is_nothing_in_some_runs_is_worse_only_beyond_their_range() {
    let cpu = |base: &[f64], other: &[f64]| {
        let all = [report("a", 1.0, base, 1), report("b", 1.0, other, 1)];
        verdicts(&Comparison::new(&all, 0.05).unwrap())[1].1
    };
    assert_eq!(cpu(&[0.0, 0.0, 0.2], &[0.1, 0.1, 0.1]), Difference::Same);
    assert_eq!(cpu(&[0.0, 0.0, 0.0], &[0.0, 0.1, 0.1]), Difference::Same);
    assert_eq!(cpu(&[0.0, 0.0, 0.2], &[0.3, 0.4, 0.5]), Difference::Worse);
}

#[test]
fn reports_of_different_loads_are_told_apart_by_what_differs() {
    let base = report("a", 1.0, &[1.0], 1);
    let mut other = report("b", 1.0, &[1.0], 1);
    other.about.set_plan(json!({"sessions": 200, "rate": 50, "size": 128, "seed": null}));
    let error = Comparison::check(&[base.clone(), other]).unwrap_err();
    let text = "b and the first report have different plans: sessions, size";
    assert_eq!(error.to_string(), text);
    let error = Comparison::check(&[base.clone(), Report::new("echo")]).unwrap_err();
    assert_eq!(error.to_string(), "echo is of the scenario echo, the first report of fan");
    assert_eq!(Comparison::new(&[base], 0.0).unwrap_err(), CompareError::TooFew);
}

#[test]
fn the_table_shows_values_and_ratios() {
    let mut broken = report("broken", 900.0, &[1.0], 1_000);
    broken.findings.violation("1 x lost");
    let all = [report("a", 1_000.0, &[1.0], 1_000), report("b", 500.0, &[1.0], 1_000), broken];
    let text = Comparison::new(&all, 0.05).unwrap().table().to_string();
    let lines: Vec<&str> = text.lines().take(4).collect();
    let expected = [
        "  figure                  a       b       ratio  broken  ratio",
        "  ---------------  --------  ------  ----------  ------  -----",
        "  deliveries       1,000 /s  500 /s  0.50 WORSE  absent",
        "  CPU                  1 us    1 us        1.00  absent",
    ];
    assert_eq!(lines, expected);
}

fn kept(report: &Report, dir: &Path) -> PathBuf {
    let path = dir.join(format!("{}.json", report.about.name()));
    report.write(&path).unwrap();
    path
}

#[test]
fn the_command_fails_only_for_what_is_worse_than_allowed() {
    let dir = std::env::temp_dir().join(format!("comet-bench-compare-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let base = kept(&report("a", 1_000.0, &[1.0], 1_000), &dir);
    let slower = kept(&report("b", 880.0, &[1.0], 1_000), &dir);
    let html = dir.join("page.html");
    let options = |fail_above| Compare {
        files: vec![base.clone(), slower.clone()],
        force: false,
        noise: 0.05,
        fail_above,
        html: Some(html.clone()),
    };
    assert!(run(&options(None)).unwrap().passed);
    assert!(run(&options(Some(1.2))).unwrap().passed);
    let outcome = run(&options(Some(1.1))).unwrap();
    assert!(!outcome.passed && outcome.text.contains("deliveries is more than 1.1 times worse"));
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("<svg") && page.contains("0.88 WORSE"), "{page}");
    std::fs::remove_dir_all(&dir).unwrap();
}

/// The outcome of two reports where a figure may be nine times worse.
fn judged(name: &str, base: &Report, other: &Report) -> CompareOutput {
    let dir = std::env::temp_dir().join(format!("comet-bench-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let files = vec![kept(base, &dir), kept(other, &dir)];
    let options = Compare { files, force: false, noise: 0.05, fail_above: Some(9.0), html: None };
    let outcome = run(&options).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    outcome
}

#[test]
fn a_report_with_violations_fails_where_failing_is_asked_for() {
    let (base, mut broken) = (report("a", 1_000.0, &[1.0], 1), report("b", 1_000.0, &[1.0], 1));
    broken.findings.violation("1 x lost");
    let outcome = judged("broken", &base, &broken);
    assert!(!outcome.passed && outcome.text.contains("b has 1 violations, and no throughput"));
    assert!(!judged("baseline", &broken, &base).passed, "nothing was compared");
}

#[test]
fn what_cannot_be_judged_does_not_pass() {
    let base = report("a", 1_000.0, &[1.0], 1);
    let other = || report("b", 1_000.0, &[1.0], 1);
    assert!(judged("same", &base, &other()).passed);
    let (mut partial, mut limited) = (other(), other());
    partial.about.set_interrupted();
    limited.findings.harness_limited("a thread used 99 % of a core");
    assert!(!judged("partial", &base, &partial).passed);
    assert!(!judged("limited", &base, &limited).passed);
    let mut fewer = Report::new("fan");
    fewer.about.set_label("b");
    fewer.about.set_plan(base.about.plan().clone());
    let outcome = judged("fewer", &base, &fewer);
    assert!(!outcome.passed && outcome.text.contains("b has no deliveries"), "{}", outcome.text);
    assert!(!outcome.text.contains("b has no gaps"), "nobody knows which way is better");
}

#[test]
fn what_is_no_number_in_the_first_report_does_not_pass() {
    let base = report("a", f64::NAN, &[1.0], 1);
    let outcome = judged("no-number", &base, &report("b", 1_000.0, &[1.0], 1));
    assert!(!outcome.passed && outcome.text.contains("a has no deliveries"), "{}", outcome.text);
    assert!(!outcome.text.contains("b has no"), "{}", outcome.text);
}

#[test]
fn unlike_things_are_neither_better_nor_worse_and_do_not_pass() {
    let of = |label: &str, promise: &str, pinning: &str| {
        let mut report = report(label, 1_000.0, &[1.0], 1_000);
        report.about.set_subject("delivery", promise);
        report
            .about
            .set_subject("pinning", format!("server on {pinning}, harness on core 1, of 2"));
        report
    };
    let acked = of("acked", "acked", "core 0");
    let mut once = of("mqtt", "once, without an ack", "core 0");
    once.findings.count("gaps", 0);
    let against = |other: &Report| {
        Comparison::new(&[acked.clone(), other.clone()], 0.05).expect("two reports")
    };
    let unlike = against(&once);
    assert_eq!(unlike.unlike(), ["deliveries are acknowledged in acked, sent once in mqtt"]);
    let judged = verdicts(&unlike);
    let is_judged =
        |it: &&(&str, Difference)| matches!(it.1, Difference::Better | Difference::Worse);
    assert_eq!(judged.iter().filter(is_judged).count(), 0, "{judged:?}");
    assert_eq!(judged[0], ("deliveries", Difference::Unlike));
    assert!(unlike.table().to_string().contains("1.00 unlike"), "{}", unlike.table());

    let moves = against(&of("moves", "acked", "any core"));
    assert_eq!(moves.unlike(), ["the run is pinned to cores in acked, not pinned in moves"]);
    // An unknown pinning is no difference, and another core is the same.
    assert!(against(&of("told", "as the server decides", "unknown")).unlike().is_empty());
    assert!(against(&of("other", "acked", "core 1")).unlike().is_empty());
}
