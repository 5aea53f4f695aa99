//! Scenarios that follow a plan, short, against comet in this process and against a gateway that
//! lies.

use std::time::Duration;

use comet_bench::host::Interrupt;
use comet_bench::plan::{Options, Plan};
use comet_bench::report::Report;
use comet_bench::scenario;
use comet_bench::terminal::Progress;

use crate::liar::{Liar, Lie};
use crate::rooms::Relay;

/// A gateway of two shards, and `addr` of its listeners for plain TCP and WebSocket.
fn gateway() -> (Relay, [String; 2]) {
    at(Relay::start(true))
}

fn at(relay: Relay) -> (Relay, [String; 2]) {
    let addresses = [format!("tcp://{}", relay.tcp), format!("ws://{}/sub", relay.ws)];
    (relay, addresses)
}

pub(crate) fn run(text: &str, addr: &str, interrupt: Interrupt) -> Report {
    run_with(text, addr, interrupt, Progress::new(true))
}

pub(crate) fn run_with(text: &str, addr: &str, interrupt: Interrupt, progress: Progress) -> Report {
    let text = format!("{text}\naddr = [\"{addr}\"]");
    let plan = Plan::new(Options::read(&text).expect(&text)).expect(&text);
    scenario::run(&plan, interrupt, progress).expect("a result")
}

pub(crate) fn figure(report: &Report, name: &str) -> f64 {
    report.findings.find(name).unwrap_or_else(|| panic!("no {name} in {report}")).value()
}

#[test]
fn a_room_of_two_threads_gets_every_message_at_the_rate_asked_for() {
    let (_gateway, [_, ws]) = gateway();
    let text = "scenario = \"fan\"\nsessions = 30\nrooms = 3\npublishers = 2\nrate = 200\n\
                threads = 2\nwarmup = \"300ms\"\nduration = \"1s\"\ninterval = \"100ms\"";
    let report = run(text, &ws, Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    // What a busy machine makes late at the edges of the window counts in another one.
    let messages = figure(&report, "messages");
    assert!((150.0..=200.0).contains(&messages), "{report}");
    let rate = figure(&report, "deliveries");
    assert!((1_500.0..=2_000.0).contains(&rate), "{report}");
    assert_eq!(figure(&report, "deliveries received"), 10.0 * figure(&report, "messages sent"));
    let names: Vec<&str> =
        report.findings.windows().iter().map(|window| window.name.as_str()).collect();
    assert_eq!(names, ["ramp", "warm-up", "measure", "settle"]);
    assert!(report.findings.samples().len() >= 8, "{:?}", report.findings.samples());
    assert!(
        report.findings.samples().iter().any(|sample| sample.server_memory.is_some()),
        "found by port"
    );
}

#[test]
fn a_closed_loop_keeps_its_window_and_says_what_it_is() {
    let (_gateway, [tcp, ws]) = gateway();
    for (addr, threads) in [(tcp, 1), (ws, 2)] {
        let text = format!(
            "scenario = \"fan\"\nsessions = 20\nwindow = 4\nthreads = {threads}\n\
             dialect = \"dtalk\"\nwarmup = \"200ms\"\nduration = \"500ms\""
        );
        let report = run(&text, &addr, Interrupt::never());
        assert!(report.findings.passed(), "{report}");
        assert!(figure(&report, "deliveries") > 2_000.0, "{report}");
        assert!(
            report.findings.notes().iter().any(|note| note.contains("window of 4")),
            "{report}"
        );
    }
}

#[test]
fn an_echo_comes_to_its_sender_alone() {
    let (_gateway, [_, ws]) = gateway();
    let text = "scenario = \"echo\"\nsessions = 10\nsize = 10\nwarmup = \"200ms\"\n\
                duration = \"500ms\"\ndialect = \"dtalk\"";
    let report = run(text, &ws, Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    assert!(figure(&report, "echoes") > 500.0, "{report}");
    assert_eq!(report.findings.distributions()[0].name(), "echo");
}

#[test]
fn sessions_that_open_and_close_again_are_handshakes() {
    let (_gateway, [_, ws]) = gateway();
    // Enough for the ticks in which the system tells what a process used.
    let text = "scenario = \"connect\"\nsessions = 500\nwarmup = \"100ms\"\nduration = \"400ms\"";
    let report = run(text, &ws, Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    assert!(figure(&report, "handshakes") > 50.0, "{report}");
    assert!(figure(&report, "server CPU for each handshake") > 1.0, "{report}");
}

#[test]
fn connections_that_opened_and_closed_keep_no_port() {
    let (gateway, [tcp, ws]) = gateway();
    let text = "scenario = \"connect\"\nsessions = 50\nwarmup = \"50ms\"\nduration = \"200ms\"";
    for (addr, port) in [(tcp, gateway.tcp.port()), (ws, gateway.ws.port())] {
        for dialect in ["comet", "dtalk"] {
            let text = format!("{text}\ndialect = \"{dialect}\"");
            assert!(run(&text, &addr, Interrupt::never()).findings.passed());
            // Each of hundreds would wait; one that the gateway was the first to close may.
            let waiting = waiting(port);
            assert!(waiting <= 5, "{waiting}: {addr}, {dialect}");
        }
    }
}

/// Connections of a port that have ended and wait, by the kernel's table.
fn waiting(port: u16) -> usize {
    const TIME_WAIT: &str = "06";
    let table = std::fs::read_to_string("/proc/net/tcp").expect("a table");
    let port = format!(":{port:04X}");
    let is_of = |fields: &[&str]| fields[1].ends_with(&port) || fields[2].ends_with(&port);
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|fields| fields[3] == TIME_WAIT && is_of(fields)).count()
}

#[test]
fn a_handshake_lasts_from_its_dial_to_when_it_is_open() {
    let (_gateway, [tcp, _]) = gateway();
    let text = "scenario = \"connect\"\nsessions = 1\nwarmup = \"50ms\"\nduration = \"200ms\"";
    let report = run(text, &tcp, Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    let slowest = report.findings.distributions()[0].latency().ms(1.0) * 1e-3;
    // One after the other, none is slower than the slowest.
    assert!(figure(&report, "handshakes") >= 0.95 / slowest, "{report}");
}

#[test]
fn sessions_that_idle_cost_memory_and_send_heartbeats() {
    let (_gateway, [tcp, _]) = gateway();
    let text = "scenario = \"idle\"\nsessions = 200\ndialect = \"dtalk\"\nheartbeat = \"300ms\"\n\
                warmup = \"100ms\"\nduration = \"1s\"\nrooms = 20\nmemberships = 3";
    let report = run(text, &tcp, Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    assert!(figure(&report, "idle CPU of a session") > 0.0, "{report}");
    assert!(figure(&report, "memory of an idle session") > 0.0, "{report}");
}

#[test]
fn people_who_chat_come_and_go_and_miss_nothing_that_is_theirs() {
    let (_gateway, [tcp, ws]) = at(Relay::addressed());
    for (addr, threads) in [(tcp, 1), (ws, 2)] {
        let text = format!(
            "scenario = \"chat\"\nsessions = 40\nrooms = 12\ngroups = \"uniform:2..9\"\n\
             friends = 2\nprivate = 0.5\nrate = 400\nchurn = 20\naway = \"200ms\"\nbreaks = 20\n\
             dialect = \"dtalk\"\nwarmup = \"200ms\"\nduration = \"1500ms\"\nthreads = {threads}"
        );
        let report = run(&text, &addr, Interrupt::never());
        assert!(report.findings.passed(), "{report}");
        assert!(figure(&report, "sessions that left and returned") >= 10.0, "{report}");
        assert!(figure(&report, "connections broken") >= 10.0, "{report}");
        assert!(figure(&report, "deliveries") > 400.0, "{report}");
    }
}

#[test]
fn the_rate_that_a_server_bears_is_found() {
    let (_gateway, [_, ws]) = gateway();
    let text = "scenario = \"echo\"\nsessions = 2\nrate = \"find\"\nlimit = \"1us\"\n\
                dialect = \"dtalk\"\nwarmup = \"100ms\"\nduration = \"300ms\"";
    let report = run(text, &ws, Interrupt::never());
    assert!(
        report.findings.notes().iter().any(|note| note.contains("no rate is low enough")),
        "{report}"
    );
    assert!(report.findings.find("saturating rate: echoes").is_none(), "{report}");
}

/// Pulls an interrupt some time after it reads that a part of the run has begun.
pub(crate) struct PullsLater {
    interrupt: Option<Interrupt>,
    part: &'static str,
    after: Duration,
}

impl PullsLater {
    pub(crate) fn new(interrupt: Interrupt, part: &'static str, after: Duration) -> Self {
        Self { interrupt: Some(interrupt), part, after }
    }
}

impl std::io::Write for PullsLater {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let part = self.part.as_bytes();
        let has_begun = text.windows(part.len()).any(|words| words == part);
        if let Some(interrupt) = self.interrupt.take_if(|_| has_begun) {
            let after = self.after;
            std::thread::spawn(move || {
                let _pulled = Interrupt::never().wait(after);
                interrupt.pull()
            });
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_interrupted_run_ends_with_a_partial_report() {
    let (_gateway, [tcp, _]) = gateway();
    let interrupt = Interrupt::never();
    let progress = Progress::lines_into(Box::new(PullsLater::new(
        interrupt.clone(),
        "measure",
        Duration::from_millis(600),
    )));
    let began = std::time::Instant::now();
    let text = "scenario = \"fan\"\nsessions = 10\nrate = 100\nwarmup = \"100ms\"\n\
                duration = \"1h\"";
    let report = run_with(text, &tcp, interrupt, progress);
    assert!(began.elapsed() < Duration::from_secs(20), "{report}");
    assert!(!report.about.is_complete() && report.findings.passed(), "{report}");
    assert_eq!(figure(&report, "deliveries received"), 10.0 * figure(&report, "messages sent"));
    assert!(figure(&report, "messages") > 20.0, "{report}");
}

#[test]
fn every_lie_takes_the_throughput_away() {
    for lie in [Lie::Omit, Lie::Repeat, Lie::Swap, Lie::Damage, Lie::Gap(2)] {
        let liar = Liar::start(lie);
        let text = "scenario = \"fan\"\nsessions = 5\nrate = 100\nwarmup = \"100ms\"\n\
                    duration = \"300ms\"\nsettle = \"200ms\"";
        let report = run(text, &format!("tcp://{}", liar.address), Interrupt::never());
        assert!(!report.findings.violations().is_empty(), "{lie:?}: {report}");
        assert!(report.findings.find("deliveries").is_none(), "{lie:?}: {report}");
        assert!(
            report.findings.withheld().iter().any(|name| name == "deliveries"),
            "{lie:?}: {report}"
        );
    }
}

#[test]
fn a_server_that_stands_still_is_charged_for_all_who_wait() {
    let liar = Liar::start(Lie::Stall(Duration::from_millis(300)));
    let text = "scenario = \"fan\"\nsessions = 3\nrate = 200\nwarmup = \"100ms\"\n\
                duration = \"1s\"";
    let report = run(text, &format!("tcp://{}", liar.address), Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    let p99 = report.findings.distributions()[0].latency().ms(0.99);
    // Of the second's messages three in ten were due while it stood still, evenly spread.
    assert!((200.0..2_000.0).contains(&p99), "{report}");
    let p75 = report.findings.distributions()[0].latency().ms(0.75);
    assert!(p75 > 30.0, "{report}");
}

#[test]
fn a_run_that_cannot_be_is_refused_before_it_begins() {
    let plan = |text: &str| Plan::new(Options::read(text).expect(text)).expect(text);
    let outcome = |plan: &Plan| {
        scenario::run(plan, Interrupt::never(), Progress::new(true)).map(drop).unwrap_err()
    };
    let many = plan("scenario = \"fan\"\nsessions = 9000000\naddr = [\"tcp://127.0.0.1:1\"]");
    assert!(outcome(&many).to_string().contains("ulimit -n"), "{}", outcome(&many));
    let nobody = plan(
        "scenario = \"fan\"\nsessions = 2\ndialect = \"dtalk\"\n\
                       addr = [\"tcp://127.0.0.1:1\"]",
    );
    let told = outcome(&nobody).to_string();
    assert!(told.contains("nobody answers at 127.0.0.1:1") && told.contains("refused"), "{told}");
}
