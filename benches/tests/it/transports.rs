//! Every transport of comet itself: TLS, QUIC and WebTransport, as the relay serves them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Identity, Route, Trust, Tuning};
use comet_bench::host::Interrupt;
use comet_bench::scenario::{ScenarioSettings, roam};
use comet_testkit::program::{self, Listening, Program};

use crate::party::{Party, assert_fan_and_echo};
use crate::planned::figure;
use crate::tls::Authority;

/// The relay as a process, with every listener that it has.
struct Relay {
    _process: Program,
    listening: Listening,
    trust: Trust,
}

impl Relay {
    /// On free ports; `None` if the program has not been built.
    fn start(test: &str, more: &[&str]) -> Option<Self> {
        let program = program::built("relay");
        if !program.exists() {
            writeln!(io::stderr(), "skipped: {} is not there", program.display()).expect("told");
            return None;
        }
        let authority = Authority::new(test);
        let file = |kind: &str| {
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.{kind}.pem"))
        };
        let files = ["cert", "key"].map(file);
        for (path, pem) in files.iter().zip(&authority.pem) {
            std::fs::write(path, pem).expect("written");
        }
        let mut command = Command::new(program);
        for listener in ["--tls", "--wss", "--quic"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(more).arg("--cert").arg(&files[0]).arg("--key").arg(&files[1]);
        let process = Program::start(command.stderr(Stdio::null()));
        let listening = process.listening();
        Some(Self { _process: process, listening, trust: authority.trust() })
    }

    /// The way by this transport, to `localhost`, which the certificate names.
    fn route(&self, scheme: &str) -> Route {
        let listener = if scheme == "wt" { "quic" } else { scheme };
        let port = self.listening.at(listener).port();
        Route::parse(&format!("{scheme}://localhost:{port}"), &self.trust).expect("a way")
    }
}

#[test]
fn every_message_reaches_every_member_once_and_in_order_by_each_transport() {
    let Some(relay) = Relay::start("each", &[]) else { return };
    for scheme in ["tls", "wss", "quic", "wt"] {
        for dialect in [Dialect::Comet, Dialect::Dtalk] {
            assert_fan_and_echo(dialect, &relay.route(scheme));
        }
    }
}

#[test]
fn much_at_once_comes_whole_over_quic() {
    let Some(relay) = Relay::start("whole", &["--queue-bytes=67108864"]) else { return };
    for scheme in ["quic", "wt"] {
        let tuning = Tuning { unsent: 64 << 20, ..Tuning::default() };
        let mut party = Party::new(tuning);
        let first = party.gather(Dialect::Dtalk, scheme, 2, &relay.route(scheme));
        let bodies: Vec<Vec<u8>> = (1..=20).map(|number| vec![number; 500_000]).collect();
        for body in &bodies {
            party.say(first, &Destination::Rooms, body.clone());
        }
        party.until("all have come", |heard| {
            heard.iter().all(|heard| heard.bodies.len() == bodies.len())
        });
        assert!([first, first + 1].iter().all(|at| party.heard(*at).bodies == bodies));
    }
}

#[test]
fn sessions_over_udp_keep_their_connections_when_their_address_changes() {
    let Some(relay) = Relay::start("moves", &[]) else { return };
    for scheme in ["quic", "wt"] {
        let mut party = Party::new(Tuning::default());
        let first = party.gather(Dialect::Comet, scheme, 6, &relay.route(scheme));
        for round in 1..=3 {
            party.driver.move_udp().expect("sockets");
            party.say(first, &Destination::Rooms, vec![round]);
            party.until("all have heard", |heard| {
                heard.iter().all(|heard| heard.bodies.len() == usize::from(round))
            });
        }
        let tally = party.driver.tally();
        assert_eq!((tally.dials, tally.failed_dials, tally.lost), (6, 0, 0), "{scheme}");
    }
}

#[test]
fn a_session_over_udp_comes_back_when_it_is_cut() {
    let Some(relay) = Relay::start("back", &["--resume-ttl=60"]) else { return };
    for scheme in ["quic", "wt"] {
        let mut party = Party::new(Tuning::default());
        let first = party.gather(Dialect::Comet, scheme, 2, &relay.route(scheme));
        party.driver.cut(first + 1);
        party.say(first, &Destination::Rooms, "while it was away");
        party.until("both have heard", |heard| heard.iter().all(|heard| heard.bodies.len() == 1));
        assert_eq!(party.heard(first + 1).opened, 2);
    }
}

#[test]
fn a_stranger_and_a_port_without_a_server_are_reported() {
    let Some(relay) = Relay::start("strange", &[]) else { return };
    let stranger = Authority::new("stranger-of-quic");
    let port = relay.listening.at("quic").port();
    let mut party = Party::new(Tuning::default());
    for scheme in ["quic", "wt"] {
        let url = format!("{scheme}://localhost:{port}");
        let route = Route::parse(&url, &stranger.trust()).expect("a way");
        let me = Identity::new("al", []);
        party.join(Dialect::Dtalk, me, &route);
    }
    let path = format!("wt://localhost:{port}/elsewhere");
    let route = Route::parse(&path, &relay.trust).expect("a way");
    party.join(Dialect::Dtalk, Identity::new("al", []), &route);
    party.until("all are over", |heard| heard.iter().all(|heard| !heard.closed.is_empty()));
    for session in [0, 1] {
        let why = &party.heard(session).closed[0];
        assert!(why.contains("UnknownIssuer"), "{why}");
    }
    assert_eq!(party.heard(2).closed, ["WebTransport: status is 404"]);
}

#[test]
fn sessions_change_their_transport_and_nothing_is_lost_or_comes_twice() {
    let relay = program::built("relay");
    if !relay.exists() {
        writeln!(io::stderr(), "skipped: {} is not there", relay.display()).expect("told");
        return;
    }
    let settings = ScenarioSettings {
        relay,
        flags: Vec::new(),
        program: env!("CARGO_BIN_EXE_comet-bench").into(),
        interrupt: Interrupt::never(),
        is_quiet: true,
    };
    let plan = roam::Plan {
        seconds: 6.0,
        sessions: 60,
        members: 10,
        rate: 3_000,
        body: 128,
        shortest: 0.3,
        longest: 1.0,
        make_first: 0.5,
        ports: 1.5,
        by: roam::By::value_variants().to_vec(),
        settle: 30,
        seed: 5,
    };
    let report = roam::run(&plan, &settings).expect("a result");
    assert!(report.findings.passed(), "{report}");
    let count = |name| figure(&report, name);
    assert!(count("deliveries received") >= 12_000.0, "{report}");
    assert!(count("moves that made the new connection first") >= 60.0, "{report}");
    assert!(count("moves that broke the older connection first") >= 60.0, "{report}");
    assert!(count("changes of all UDP ports") >= 2.0, "{report}");
}
