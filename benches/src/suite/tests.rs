//! Results and their presentation.

use std::time::Duration;

use super::*;
use crate::latency::Latency;
use crate::report::{Report, Violation};

const SUITE: &str = r#"
    name = "peers"
    baseline = "floor"
    runs = 3
    [[server]]
    name = "relay"
    addr = "ws://127.0.0.1:2"
    [[server]]
    name = "floor"
    addr = "ws://127.0.0.1:1"
    [[server]]
    name = "absent"
    command = ["no-such-program"]
    addr = "ws://127.0.0.1:3"
    [[load]]
    name = "flat out"
    figures = ["cost", "delivery, p99"]
    plan = { scenario = "fan", sessions = 100 }
"#;

fn report(server: &str, cost: f64) -> Report {
    let mut report = Report::new("fan");
    report.about.set_label(server);
    report.about.set_plan(serde_json::json!({"sessions": 100}));
    report.findings.cost("cost", cost, "us");
    report.findings.throughput("deliveries", 1e6 / cost, "/s");
    let mut latency = Latency::new();
    latency.record(Duration::from_millis(2));
    report.findings.distribution("delivery", &latency);
    report
}

fn measured(report: Report, others: f64) -> Measured {
    Measured { report, others: Some(others), disturbed: others > 0.1 }
}

/// The relay at twice the floor's cost, and one run of it disturbed.
fn results() -> Results {
    let suite = Suite::parse(SUITE).unwrap();
    let why = "no-such-program is not installed".to_owned();
    let mut results = Results::new(&suite, vec![Skipped { server: "absent".into(), why }]);
    let [relay, floor] = &mut results.cells[..] else { panic!("two cells") };
    relay.runs.extend([2.0, 2.2, 2.1].map(|cost| measured(report("relay", cost), 0.0)));
    relay.runs.push(measured(report("relay", 9.0), 0.5));
    floor.runs.extend([1.0, 1.1].map(|cost| measured(report("floor", cost), 0.01)));
    results.complete = true;
    results
}

#[test]
fn medians_are_of_the_runs_that_nobody_disturbed() {
    let results = results();
    let medians = results.medians("flat out");
    let names: Vec<&str> = medians.iter().map(|it| it.about.name()).collect();
    assert_eq!(names, ["floor", "relay"]);
    let cost = medians[1].findings.find("cost").unwrap();
    assert_eq!((cost.value(), cost.spread().unwrap().runs), (2.1, 3));
    assert!(results.passed());
}

#[test]
fn a_cell_of_which_all_runs_were_disturbed_has_their_median() {
    let mut results = results();
    results.cells[0].runs.retain(|run| run.disturbed);
    assert_eq!(results.medians("flat out")[1].findings.find("cost").unwrap().value(), 9.0);
}

#[test]
fn the_table_has_ratios_to_the_baseline_and_says_what_to_know() {
    let expected = "\
peers
  absent: no-such-program is not installed

flat out

  server                             cost  ratio  delivery, p99  ratio
  ------  -------------------------------  -----  -------------  -----
  floor      1.050 us (1 to 1.100)      1       2 ms      1
  relay   2.100 us (2 to 2.200)      2.00       2 ms  ~1.00
  other processes took part of the machine: relay in 1 of 4 runs";
    let squeezed =
        |text: &str| text.replace('-', "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&results().text()), squeezed(expected));
    let markdown = results().markdown();
    let row = "| relay | 2.100 us (2 to 2.200) | 2.00 | 2 ms | ~1.00 |";
    assert!(markdown.contains(row) && markdown.contains("### flat out"), "{markdown}");
}

#[test]
fn a_run_with_a_violation_leaves_its_server_without_throughput() {
    let mut results = results();
    results.cells[0].runs[1].report.findings.violation("3 x lost");
    let text = results.text();
    assert!(!text.contains("2.100 us") && text.contains("violations: relay in 1 of 4 runs"));
    assert!(text.contains("relay: 3 x lost") && !results.passed());
    let page = results.page().html();
    assert!(page.contains("3 x lost") && page.contains(">none<"), "{page}");
}

#[test]
fn a_violation_of_a_run_that_others_disturbed_takes_the_throughput_too() {
    let mut results = results();
    results.cells[0].runs[3].report.findings.violation("3 x lost");
    let relay = &results.medians("flat out")[1];
    assert!(relay.findings.find("cost").is_none() && relay.findings.find("deliveries").is_none());
    assert_eq!(relay.findings.violations(), [Violation::from("3 x lost")]);
    assert!(!results.text().contains("2.100 us"), "{}", results.text());
}

#[test]
fn without_a_result_of_the_baseline_there_is_no_ratio() {
    let mut results = results();
    results.cells[1].runs.clear();
    let markdown = results.markdown();
    assert!(markdown.contains("| relay | 2.100 us (2 to 2.200) |  | 2 ms |  |"), "{markdown}");
    let told = "no ratios: floor has no figures here to measure by";
    assert!(markdown.contains(told), "{markdown}");
}

#[test]
fn a_baseline_that_broke_a_promise_measures_nobody_and_hides_no_figure_of_others() {
    let mut results = results();
    results.cells[1].runs[0].report.findings.violation("3 x lost");
    let names = results.medians("flat out");
    assert_eq!(names.iter().map(|it| it.about.name()).collect::<Vec<_>>(), ["relay", "floor"]);
    let markdown = results.markdown();
    assert!(markdown.contains("| relay | 2.100 us (2 to 2.200) |  |"), "{markdown}");
    assert!(markdown.contains("| floor | none |  |"), "{markdown}");
}

#[test]
fn what_is_so_in_all_runs_is_said_once() {
    let mut results = results();
    let runs = results.cells.iter_mut().flat_map(|cell| &mut cell.runs);
    runs.for_each(|run| run.disturbed = true);
    let expected = ["other processes took part of the machine: in all runs"];
    assert_eq!(results.remarks("flat out"), expected);
}

#[test]
fn a_server_that_has_no_figures_says_why() {
    let mut results = results();
    for run in &mut results.cells[0].runs {
        let mut empty = Report::new("fan");
        empty.about.set_label("relay");
        empty.findings.note("no rate is low enough for the limit");
        run.report = empty;
    }
    let remarks = results.remarks("flat out");
    let told = "relay: no rate is low enough for the limit".to_owned();
    assert_eq!(remarks.last(), Some(&told), "{remarks:?}");
}

#[test]
fn each_load_can_have_a_baseline_of_its_own() {
    let text = SUITE.replace("name = \"flat out\"", "name = \"flat out\"\nbaseline = \"relay\"");
    let mut results = results();
    results.loads = Suite::parse(&text).unwrap().loads;
    let names = results.medians("flat out");
    assert_eq!(names.iter().map(|it| it.about.name()).collect::<Vec<_>>(), ["relay", "floor"]);
    let markdown = results.markdown();
    assert!(markdown.contains("| floor | 1.050 us (1 to 1.100) | 0.50 |"), "{markdown}");
    assert!(markdown.contains("; 4 runs"), "{markdown}");
}

#[test]
fn a_suite_draws_the_loads_that_it_names_in_one_image() {
    let overview = "[overview]\ntitle = \"CPU\"\nfigure = \"cost\"\nloads = [\"flat out\"]\n";
    let text = SUITE.replacen("[[server]]", &format!("{overview}[[server]]"), 1);
    let floor = "name = \"floor\"\n    addr";
    let text = text.replace(floor, "name = \"floor\"\nrole = \"floor\"\n    addr");
    let suite = Suite::parse(&text).unwrap();
    let empty = Results::new(&suite, Vec::new());
    assert!(empty.overview().is_none() && results().overview().is_none());
    let mut full = empty;
    full.cells = results().cells;
    let image = full.overview().unwrap();
    assert_eq!(image.matches("class=\"bar floor\"").count(), 1);
    assert_eq!(image.matches("class=\"bar subject\"").count(), 1);
    assert!(image.contains(">flat out</text>") && image.contains(">2.100 us</text>"), "{image}");
    assert!(!image.contains(">others</text>"), "{image}");
    assert_eq!(full.drawings()[0].0, "overview.svg");
}

#[test]
fn results_come_back_from_their_file() {
    let json = serde_json::to_string(&results()).unwrap();
    let back: Results = serde_json::from_str(&json).unwrap();
    assert_eq!(back.text(), results().text());
}

#[test]
fn a_server_that_does_not_take_a_load_has_no_cell() {
    let text =
        SUITE.replace("addr = \"ws://127.0.0.1:2\"", "addr = \"ws://127.0.0.1:2\"\nonly = []");
    assert_eq!(Results::new(&Suite::parse(&text).unwrap(), Vec::new()).cells.len(), 3);
    let other = "[[load]]\nname = \"echo\"\nplan = { scenario = \"echo\" }";
    let text = format!("{}\n{other}", text.replace("only = []", "only = [\"echo\"]"));
    let results = Results::new(&Suite::parse(&text).unwrap(), Vec::new());
    let cells: Vec<_> = results.cells.iter().map(|it| (&*it.load, &*it.server)).collect();
    let expected = [
        ("flat out", "floor"),
        ("flat out", "absent"),
        ("echo", "relay"),
        ("echo", "floor"),
        ("echo", "absent"),
    ];
    assert_eq!(cells, expected);
}
