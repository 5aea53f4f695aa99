//! Reports as a whole.

use std::time::Duration;

use super::*;
use crate::latency::Latency;

fn sample() -> Report {
    let mut report = Report::new("fan");
    report.about.set_label("relay");
    report.about.set_plan(serde_json::json!({"sessions": 1_000, "rate": 50}));
    report.about.set_subject("address", "ws://127.0.0.1:3102/sub");
    report.findings.window(Window::new("measure", 2.5, 7.5));
    report.findings.throughput("deliveries", 50_000.0, "/s");
    report.findings.cost("server CPU for each delivery", 0.6951, "us");
    report.findings.count("deliveries received", 251_234);
    report.findings.at_most("p99", 1.5, 2.0, "ms");
    let mut latency = Latency::new();
    (1..=100).for_each(|ms| latency.record(Duration::from_millis(ms)));
    report.findings.distribution("delivery", &latency);
    let deliveries = Some(50_000.0);
    report.findings.sample(Sample { at: 1.0, deliveries, p99: Some(1.5), ..Sample::default() });
    report
}

fn throughput_of(report: &Report) -> (Vec<&str>, Vec<Option<f64>>) {
    let figures =
        report.findings.figures().iter().filter(|figure| figure.kind() == Kind::Throughput);
    let samples = report.findings.samples().iter().map(|sample| sample.deliveries);
    (figures.map(Figure::name).collect(), samples.collect())
}

#[test]
fn a_report_comes_back_from_json_as_it_was() {
    let report = sample();
    let json = report.json();
    let back: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(back.json(), json);
    assert_eq!(back.to_string(), report.to_string());
    assert_eq!(back.findings.distributions()[0].latency().len(), 100);
    assert_eq!(throughput_of(&back).1, [Some(50_000.0)]);
}

#[test]
fn a_violation_takes_the_throughput_that_was_and_that_comes() {
    let mut report = sample();
    report.findings.violation("something was lost");
    report.findings.sample(Sample { at: 2.0, deliveries: Some(1.0), ..Sample::default() });
    assert_eq!(throughput_of(&report), (vec![], vec![None, None]));
    report.findings.throughput("messages", 50.0, "/s");
    assert_eq!(throughput_of(&report), (vec![], vec![None, None]));
    let withheld = ["deliveries", "server CPU for each delivery", "messages"];
    assert_eq!(report.findings.withheld(), withheld);
    assert!(report.findings.find("p99").is_some());
    let everywhere = format!("{report}\n{}", report.json());
    assert!(!everywhere.contains("0.695") && !everywhere.contains("50000.0"), "{everywhere}");
}

#[test]
fn a_file_cannot_bring_throughput_and_violations_together() {
    let mut json = sample().json();
    json["violations"] = serde_json::json!([{"what": "1 x lost"}]);
    let report: Report = serde_json::from_value(json).unwrap();
    assert_eq!(throughput_of(&report), (vec![], vec![None]));
    assert!(!report.findings.passed());
}

#[test]
fn a_file_of_a_newer_format_is_refused_with_both_numbers() {
    let mut json = sample().json();
    json["version"] = 2.into();
    let error = serde_json::from_value::<Report>(json).unwrap_err();
    assert_eq!(error.to_string(), "format 2, and this program knows 1");
}

#[test]
fn a_limit_that_is_missed_is_no_violation_and_no_success() {
    let mut report = sample();
    assert!(report.findings.passed());
    report.findings.at_most("memory", f64::NAN, 1.0, "bytes");
    assert!(report.findings.violations().is_empty() && !report.findings.passed());
    assert_eq!(report.findings.missed().count(), 1);
    assert_eq!(throughput_of(&report).0.len(), 2);
    assert_eq!(report.conclusion(), "no violations, 1 limits missed");
}

#[test]
fn the_text_has_a_table_of_figures_one_of_latencies_and_a_conclusion() {
    let mut report = sample();
    report.about.set_interrupted();
    report.findings.harness_limited("its thread used 97 % of a core");
    let expected = "\
fan (relay)
  address: ws://127.0.0.1:3102/sub
  rate 50, sessions 1000

  figure                            value         limit
  ----------------------------  ---------  ------------
  deliveries                    50,000 /s
  server CPU for each delivery   0.695 us
  deliveries received             251,234
  p99                            1.500 ms  at most 2 ms

  milliseconds  count    p50    p90    p99  p99.9  p99.99    max
  ------------  -----  -----  -----  -----  -----  ------  -----
  delivery        100  50.02  90.05  99.01  100.0   100.0  100.0

  PARTIAL: the run was interrupted
  HARNESS LIMITED: its thread used 97 % of a core
  no violations, as far as it went";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn a_file_that_is_written_is_read_again() {
    let path = std::env::temp_dir().join(format!("comet-bench-{}.json", std::process::id()));
    sample().write(&path).unwrap();
    assert_eq!(Report::read(&path).unwrap().json()["figures"], sample().json()["figures"]);
    std::fs::remove_file(&path).unwrap();
    let error = Report::read(&path).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
}
