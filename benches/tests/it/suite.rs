//! Suites at a small scale: the floor as a process that is started, and comet in this one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use comet_bench::host::Interrupt;
use comet_bench::suite::{Options, Results, SuiteError, run};
use comet_bench::terminal::Progress;

use crate::comet::gateway;

/// One second of everything that is said of a load.
const SUITE: &str = r#"
name = "small"
runs = 2
patience = 0
quiet = 64.0
baseline = "floor"

[overview]
title = "what a delivery costs"
figure = "server CPU for each delivery"
loads = ["rooms"]

[[server]]
name = "floor"
role = "floor"
command = ["{bench}", "floor", "--write", "--ws", "127.0.0.1:{port}"]
addr = "ws://127.0.0.1:{port}"
dialect = "raw"

[[server]]
name = "comet"
addr = "ws://GATEWAY"
dialect = "comet"

[[server]]
name = "elsewhere"
command = ["no-such-program"]
addr = "ws://127.0.0.1:1"

[[server]]
name = "broken"
command = ["sh", "-c", "echo there is no; exit 7"]
addr = "ws://127.0.0.1:{port}"
only = ["rooms"]

[[load]]
name = "rooms"
plan = { scenario = "fan", sessions = 20, rate = 20, warmup = "100ms", duration = "1s" }
"#;

fn suite(text: &str, out: &Path, interrupt: &Interrupt) -> Result<Results, SuiteError> {
    let file = out.join("suite.toml");
    fs::write(&file, text).expect("a folder to write to");
    let options = Options {
        file,
        runs: None,
        server: Vec::new(),
        load: Vec::new(),
        out: out.to_owned(),
        svg: Some(out.join("images")),
        bench: env!("CARGO_BIN_EXE_comet-bench").into(),
        relay: None,
    };
    run(&options, interrupt, &mut Progress::new(true))
}

#[test]
fn servers_that_are_here_get_medians_and_the_others_are_named() {
    let (gateway, target) = gateway();
    let dir = tempfile::tempdir().unwrap();
    let text = SUITE.replace("GATEWAY", &target.ws.to_string());
    let results = suite(&text, dir.path(), &Interrupt::never()).unwrap();
    assert!(results.complete && !results.passed(), "{}", results.text());
    assert_eq!(results.skipped[0].why, "no-such-program is not installed");
    let medians = results.medians("rooms");
    let names: Vec<&str> = medians.iter().map(|report| report.about.name()).collect();
    assert_eq!(names, ["floor", "comet"], "{}", results.text());
    for report in &medians {
        let deliveries = report.findings.find("deliveries").expect("a rate").value();
        assert!(report.findings.passed() && (deliveries - 400.0).abs() < 40.0, "{report}");
    }
    let floor =
        medians[0].findings.find("server CPU for each delivery").expect("what its process used");
    assert_eq!(floor.spread().map(|spread| spread.runs), Some(2));
    let broken = &results.cells[2].failures;
    assert!(broken.len() == 2 && broken[0].contains("there is no"), "{broken:?}");
    let kept = fs::read_to_string(dir.path().join("suite.json")).unwrap();
    let kept: Results = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept.text(), results.text());
    shown_again(dir.path(), &results);
    for (name, part) in [("suite.md", "| comet |"), ("suite.html", "<svg")] {
        let text = fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(text.contains(part), "{name}: {text}");
    }
    for name in ["rooms.svg", "rooms-latency.svg"] {
        let image = fs::read_to_string(dir.path().join("images").join(name)).unwrap();
        assert!(image.starts_with("<svg ") && image.contains(">comet</text>"), "{name}: {image}");
    }
    drop(gateway);
}

/// What the suite wrote can be had again from what it kept.
fn shown_again(dir: &Path, results: &Results) {
    let (page, again) = (dir.join("again.html"), dir.join("again"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_comet-bench"));
    command.arg("show").arg(dir.join("suite.json")).arg("--html").arg(&page);
    let shown = command.arg("--svg").arg(&again).output().expect("it runs");
    assert_eq!(shown.status.code(), Some(1), "a server was broken: {shown:?}");
    assert_eq!(String::from_utf8_lossy(&shown.stdout), results.text() + "\n");
    let read = |path: &Path| fs::read_to_string(path).expect("a file");
    assert_eq!(read(&page), read(&dir.join("suite.html")));
    for name in ["overview.svg", "rooms.svg", "rooms-latency.svg"] {
        assert_eq!(read(&again.join(name)), read(&dir.join("images").join(name)));
    }
}

#[test]
fn an_interrupt_ends_the_suite_with_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let text = SUITE.replace("GATEWAY", "127.0.0.1:1").replace("1s", "60s");
    let interrupt = Interrupt::never();
    let other = interrupt.clone();
    let pulled = thread::spawn(move || {
        let _never = Interrupt::never().wait(Duration::from_secs(1));
        other.pull()
    });
    let began = std::time::Instant::now();
    let results = suite(&text, dir.path(), &interrupt).unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(!pulled.join().unwrap() && !results.complete);
    assert!(results.text().contains("partial: the suite was interrupted"));
    assert!(dir.path().join("suite.json").exists());
}

#[test]
fn a_suite_of_which_nothing_is_here_has_no_result() {
    let dir = tempfile::tempdir().unwrap();
    let text = SUITE.replace("command = [\"{bench}\"", "command = [\"no-such-program\"");
    let servers = text.split("[[server]]").collect::<Vec<_>>();
    let only = format!(
        "{}[[server]]{}[[load]]\n{}",
        servers[0],
        servers[1],
        text.split("[[load]]").nth(1).unwrap()
    );
    let error = suite(&only, dir.path(), &Interrupt::never()).unwrap_err();
    let expected = "none of the servers is here: floor (no-such-program is not installed)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_suites_that_come_with_the_program_make_sense() {
    let suites = [
        include_str!("../../suites/peers.toml"),
        include_str!("../../suites/targets.toml"),
        include_str!("../../suites/tls.toml"),
    ];
    for text in suites {
        let suite = comet_bench::suite::Suite::parse(text).unwrap();
        for load in &suite.loads {
            for server in suite.servers.iter().filter(|server| server.takes(load)) {
                let mut plan = load.plan.clone();
                plan.server.dialect = Some(server.dialect);
                plan.server.addr = Some(vec![server.addr.clone()]);
                let plan = comet_bench::plan::Plan::new(plan);
                assert!(plan.is_ok(), "{}, {}: {:?}", load.name, server.name, plan.err());
            }
        }
    }
}
