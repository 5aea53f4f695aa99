//! Storms, small, against comet in this process and against a gateway that lies.

use std::time::Duration;

use comet::Config;
use comet_bench::host::Interrupt;
use comet_bench::report::Report;
use comet_bench::terminal::Progress;

use crate::liar::{Liar, Lie};
use crate::planned::{PullsLater, figure, run, run_with};
use crate::rooms::Relay;

/// Two hundred sessions in rooms of twenty, of which 180 are cut.
const STORM: &str = "scenario = \"storm\"\nsessions = 200\nrooms = 10\nstay = 20\nrate = 100\n\
                     warmup = \"200ms\"\nduration = \"1s\"\ninterval = \"100ms\"\n\
                     back-within = \"20s\"\nslower = 100000.0\nsources = 2\n";

/// The same for a gateway of one thread, which writes every message to all: forty sessions, of
/// which 36 are cut, and a thousand writes a second.
const SMALL_STORM: &str = "scenario = \"storm\"\nsessions = 40\nrooms = 2\nstay = 4\nrate = 25\n\
                           warmup = \"200ms\"\nduration = \"1s\"\ninterval = \"100ms\"\n\
                           back-within = \"20s\"\nslower = 100000.0\nsources = 2\n";

/// The figure that a violation takes away.
const RATE: &str = "deliveries to those who stay, before the cut";

fn gateway() -> Relay {
    Relay::with(Config::default().shards(2).resume(|it| it.ttl = Duration::from_secs(60)), true)
}

fn storm(more: &str, addr: &str) -> Report {
    run(&format!("{STORM}{more}"), addr, Interrupt::never())
}

#[test]
fn who_is_cut_is_resumed_and_misses_nothing() {
    let gateway = gateway();
    let report = storm("", &format!("tcp://{}", gateway.tcp));
    assert!(report.findings.passed(), "{report}");
    for (name, count) in [("sessions cut", 180.0), ("sessions back", 180.0)] {
        assert_eq!(figure(&report, name), count, "{name}: {report}");
    }
    assert_eq!(figure(&report, "sessions resumed"), 180.0, "{report}");
    let everything = 20.0 * figure(&report, "messages sent");
    assert_eq!(figure(&report, "deliveries received"), everything, "{report}");
    let names: Vec<&str> =
        report.findings.windows().iter().map(|window| window.name.as_str()).collect();
    let parts = ["ramp", "warm-up", "measure", "settle", "before the cut", "storm", "settle"];
    assert_eq!(names, parts);
}

#[test]
fn deliveries_are_timed_for_who_stays_and_the_way_back_for_who_was_cut() {
    let gateway = gateway();
    for threads in [1, 2, 3] {
        let more = format!("threads = {threads}");
        let report = storm(&more, &format!("ws://{}/sub", gateway.ws));
        assert!(report.findings.passed(), "{report}");
        let times = |name: &str| {
            let mut all = report.findings.distributions().iter();
            all.find(|of| of.name() == name).unwrap_or_else(|| panic!("{report}")).latency()
        };
        let count = |name: &str| times(name).len();
        assert_eq!(count("from free to come back to open"), 180, "{report}");
        let last = times("from free to come back to open").ms(1.0);
        assert_eq!(figure(&report, "from free to come back to open, last"), last, "{report}");
        // A hundred messages in the second, each to the two in twenty that stay.
        assert_eq!(count("delivery, before the cut"), 200, "{report}");
        let rate = figure(&report, RATE);
        assert!((150.0..=200.0).contains(&rate), "{report}");
        let during = count("delivery, in the storm");
        assert!(during >= 190 && during % 2 == 0, "{report}");
    }
}

#[test]
fn where_nothing_is_resumed_who_was_cut_opens_again_and_is_owed_nothing_meanwhile() {
    let gateway = gateway();
    let addresses = [
        ("dtalk", format!("ws://{}/sub", gateway.ws)),
        ("goim", format!("tcp://{}", gateway.tcp)),
        ("raw", format!("ws://{}", gateway.raw)),
    ];
    for (dialect, addr) in addresses {
        let report = storm(&format!("dialect = \"{dialect}\""), &addr);
        assert!(report.findings.passed(), "{dialect}: {report}");
        assert_eq!(figure(&report, "sessions back"), 180.0, "{dialect}: {report}");
        assert!(report.findings.find("sessions resumed").is_none(), "{dialect}: {report}");
        let everything = 20.0 * figure(&report, "messages sent");
        assert!(figure(&report, "deliveries expected") < everything, "{dialect}: {report}");
    }
}

#[test]
fn what_a_server_loses_of_those_who_are_away_is_found() {
    let liar = Liar::start(Lie::Absent);
    let report = run(SMALL_STORM, &format!("tcp://{}", liar.address), Interrupt::never());
    let lost = report.findings.violations().iter().any(|violation| violation.what.contains("lost"));
    assert!(lost && report.findings.find(RATE).is_none(), "{report}");
    assert_eq!(figure(&report, "sessions back"), 36.0, "{report}");
}

#[test]
fn a_server_that_resumes_nobody_is_accused_for_each() {
    let liar = Liar::start(Lie::Forget);
    let report = run(SMALL_STORM, &format!("tcp://{}", liar.address), Interrupt::never());
    let accused =
        report.findings.violations().iter().any(|violation| violation.what.starts_with("36 x"));
    assert!(accused && report.findings.find(RATE).is_none(), "{report}");
}

#[test]
fn a_limit_that_is_missed_is_named() {
    let gateway = gateway();
    let report = run(
        &STORM.replace("back-within = \"20s\"", "back-within = \"0s\""),
        &format!("tcp://{}", gateway.tcp),
        Interrupt::never(),
    );
    assert!(report.findings.violations().is_empty(), "{report}");
    let missed: Vec<&str> =
        report.findings.missed().map(comet_bench::report::Figure::name).collect();
    assert_eq!(missed, ["from free to come back to open, last"], "{report}");
}

#[test]
fn an_interrupted_storm_waits_for_who_was_cut_and_has_no_limits() {
    let gateway = gateway();
    for (part, cut) in [("measure", None), ("storm", Some(180.0))] {
        let interrupt = Interrupt::never();
        let pulls = PullsLater::new(interrupt.clone(), part, Duration::from_millis(50));
        let progress = Progress::lines_into(Box::new(pulls));
        let addr = format!("tcp://{}", gateway.tcp);
        let report = run_with(STORM, &addr, interrupt, progress);
        assert!(!report.about.is_complete() && report.findings.passed(), "{part}: {report}");
        let known = report.findings.find("sessions cut").map(comet_bench::report::Figure::value);
        assert_eq!(known, cut, "{part}: {report}");
        assert!(report.findings.find("from free to come back to open, last").is_none(), "{report}");
    }
}
