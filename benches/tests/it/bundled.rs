//! Loads on the bundled server, whose program lies beside this one; without it they are skipped.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use comet_bench::host::Interrupt;
use comet_bench::plan::{Options, Plan};
use comet_bench::report::Report;
use comet_bench::scenario;
use comet_bench::terminal::Progress;
use comet_testkit::program::{self, Program};
use tempfile::TempDir;

use crate::planned::{figure, run};

/// A server that ends with the test, and so does what it kept.
struct Server {
    // Declared before its files, so that it is killed before they are removed.
    _process: Program,
    tcp: String,
    ws: String,
    http: String,
    folder: TempDir,
}

impl Server {
    /// On free ports; `None` if the program has not been built.
    fn start(settings: &[&str]) -> Option<Self> {
        let program = program::built("comet-server");
        if !program.exists() {
            writeln!(io::stderr(), "skipped: {} is not there", program.display()).expect("told");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program);
        command.arg(format!("--data-dir={}", folder.path().join("data").display()));
        let ports = ["--tcp", "--ws", "--tls", "--http", "--admin", "--quic"];
        command.args(ports.map(|it| format!("{it}=127.0.0.1:0")));
        command.args(settings.iter().map(|setting| format!("--set={setting}")));
        let process = Program::start(command.stderr(Stdio::null()));
        let listening = process.listening();
        let at = |name: &str| listening.at(name);
        let (tcp, ws) = (format!("tcp://{}", at("tcp")), format!("ws://{}/sub", at("ws")));
        let http = format!("http://{}", at("http"));
        Some(Self { _process: process, tcp, ws, http, folder })
    }
}

const CHAT: &str = "scenario = \"chat\"\nsessions = 20\nrate = 100\nwarmup = \"200ms\"\n\
                    duration = \"1s\"\ninterval = \"100ms\"\n";

/// Nothing was wrong, and each message came to all sessions that were to have it.
#[track_caller]
fn assert_chatted(report: &Report, readers: f64) {
    assert!(report.findings.passed(), "{report}");
    let sent = figure(report, "messages sent");
    assert!(sent >= 100.0, "{report}");
    assert_eq!(figure(report, "deliveries received"), readers * sent, "{report}");
}

#[test]
fn users_with_made_up_keys_talk_to_each_other_and_every_message_comes_to_both() {
    let Some(server) = Server::start(&[]) else { return };
    for (addr, dialect) in [
        (&server.tcp, "dtalk"),
        (&server.ws, "dtalk"),
        (&server.tcp, "comet"),
        (&server.ws, "comet"),
    ] {
        let text = format!("{CHAT}sign = true\nthreads = 2\ndialect = \"{dialect}\"");
        assert_chatted(&run(&text, addr, Interrupt::never()), 2.0);
    }
    let churn = format!("{CHAT}sign = true\nchurn = 20\naway = \"100ms\"");
    let report = run(&churn, &server.tcp, Interrupt::never());
    assert!(report.findings.passed(), "{report}");
    assert!(figure(&report, "sessions that left and returned") >= 10.0, "{report}");
}

#[test]
fn users_with_made_up_keys_talk_in_groups_and_every_message_comes_to_all_members() {
    let Some(server) = Server::start(&[]) else { return };
    let groups = "groups = \"uniform:10..10\"\nrooms = 4\npublishers = 3\nfriends = 2\n";
    for (addr, dialect) in [(&server.tcp, "dtalk"), (&server.ws, "comet")] {
        for (private, readers) in [(0.0, 10.0), (1.0, 2.0)] {
            let text = format!(
                "{CHAT}{groups}sign = true\nhttp = \"{}\"\nprivate = {private}\n\
                 dialect = \"{dialect}\"",
                server.http
            );
            assert_chatted(&run(&text, addr, Interrupt::never()), readers);
        }
    }
}

#[test]
fn users_with_made_up_keys_log_in_again_and_again_and_stay_and_hear_themselves() {
    let Some(server) = Server::start(&[]) else { return };
    let times = "warmup = \"100ms\"\nduration = \"300ms\"\ninterval = \"100ms\"\nsign = true\n";
    for addr in [&server.tcp, &server.ws] {
        let load = |kind: &str| {
            let text = format!("scenario = \"{kind}\"\nsessions = 100\n{times}");
            let report = run(&text, addr, Interrupt::never());
            assert!(report.findings.passed(), "{report}");
            report
        };
        assert!(figure(&load("connect"), "handshakes") > 10.0);
        assert!(figure(&load("echo"), "echoes") > 10.0);
        load("idle");
    }
}

#[test]
fn the_demos_users_have_several_sessions_when_it_takes_no_more_of_them() {
    let Some(server) = Server::start(&["demo.new_names_per_minute=4"]) else { return };
    let text = format!("{CHAT}friends = 1\ndemo = \"{}\"", server.http);
    let report = run(&text, &server.tcp, Interrupt::never());
    let users = report.findings.notes().iter().find_map(|note| {
        let rest = note.strip_prefix("the demo signed in ")?;
        let (count, _) = rest.split_once(" of 20 names and refused \"load ")?;
        count.parse::<u32>().ok()
    });
    // A few at once, and one now and then while the others come.
    let users = users.unwrap_or_else(|| panic!("{report}"));
    assert!((4..=8).contains(&users), "{report}");
    assert!(report.findings.passed(), "{report}");
    let (sent, received) =
        (figure(&report, "messages sent"), figure(&report, "deliveries received"));
    assert!(received > 4.0 * sent, "each of two users has several sessions: {report}");
}

#[test]
fn users_of_a_file_log_in_with_its_tokens_and_others_are_refused() {
    let Some(server) = Server::start(&["gateway.held_refusals=0"]) else { return };
    let key = |number| comet_identity::Key::from_bytes(&[number; 32]).expect("a key");
    let now = comet_bench::clock::unix_ms().cast_signed();
    let lines = (1..=20).map(|number| key(number).token(now, "dtalk") + "\n");
    let file = server.folder.path().join("tokens");
    std::fs::write(&file, lines.collect::<String>()).expect("written");
    let text = format!("{CHAT}token-file = {file:?}");
    assert_chatted(&run(&text, &server.ws, Interrupt::never()), 2.0);

    std::fs::write(&file, "not-a-token anna\n").expect("written");
    let text = format!("scenario = \"idle\"\nsessions = 1\ntoken-file = {file:?}");
    let text = format!("{text}\naddr = [{:?}]", server.tcp);
    let plan = Plan::new(Options::read(&text).expect(&text)).expect(&text);
    let refused = scenario::run(&plan, Interrupt::never(), Progress::new(true));
    let why = refused.expect_err("nobody is let in").to_string();
    assert!(why.starts_with("0 of 1 sessions opened"), "{why}");
}
