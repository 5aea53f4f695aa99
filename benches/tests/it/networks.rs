//! Bad networks: a link between two network namespaces that loses, delays and blocks. Skipped where
//! there cannot be any, which takes root and TUN devices.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Identity, Route, Trust, Tuning};
use comet_testkit::program::{self, Listening, Program};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::party::Party;
use crate::tls::Authority;

/// The relay in one namespace, and the link to the other.
struct Network {
    name: String,
    link: Program,
    input: Option<ChildStdin>,
    _relay: Program,
    listening: Listening,
}

impl Network {
    /// A link with these options; `None`, with a line, where there cannot be one.
    fn start(test: &str, options: &[&str]) -> Option<Self> {
        let relay = program::built("relay");
        if !relay.exists() {
            return skip(&format!("{} is not there", relay.display()));
        }
        let name = format!("comet-{}-{test}", std::process::id());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/link");
        let mut command = Command::new("python3");
        command.arg(script).arg(&name).args(options).stderr(Stdio::null());
        let (link, input) = Program::start_with_input(command.stdin(Stdio::piped()));
        if link.line(|line| (line == "ready").then_some(())).is_none() {
            return skip("network namespaces and TUN devices cannot be made here");
        }
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{name}-a")]).arg(relay);
        for listener in ["--tcp", "--wss", "--quic", "--sse"] {
            command.args([listener, "10.77.0.1:0"]);
        }
        let [cert, key] = files(test);
        command.arg("--cert").arg(cert).arg("--key").arg(key);
        command.args(["--resume-ttl=60", "--plain-after-tls"]);
        let relay = Program::start(command.stderr(Stdio::null()));
        let listening = relay.listening();
        Some(Self { name, link, input: Some(input), _relay: relay, listening })
    }

    /// Changes the link.
    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it runs");
        writeln!(input, "{line}").expect("it reads");
        self.link.says("ok");
    }

    /// Runs `ip` in the namespace of the clients.
    fn ip(&self, words: &str) {
        let mut command = Command::new("ip");
        command.args(["-n", &format!("{}-b", self.name)]).args(words.split(' '));
        assert!(command.status().expect("ip runs").success(), "{words}");
    }

    fn route(&self, scheme: &str) -> Route {
        let listener = if scheme == "wt" { "quic" } else { scheme };
        let url = format!("{scheme}://{}", self.listening.at(listener));
        Route::parse(&url, &Trust::Anybody).expect("a way")
    }

    /// Clients on a thread in the other namespace.
    fn within(&mut self, clients: impl FnOnce(&mut Self) + Send) {
        let other = File::open(format!("/run/netns/{}-b", self.name)).expect("a namespace");
        let run = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(other.as_fd(), kind).expect("root may");
            clients(self);
        };
        thread::scope(|scope| scope.spawn(run).join().expect("what was to be shown"));
    }
}

impl Drop for Network {
    /// Its namespaces go with the link, which ends with its input.
    fn drop(&mut self) {
        drop(self.input.take());
        self.link.ended();
    }
}

fn skip<T>(why: &str) -> Option<T> {
    writeln!(io::stderr(), "skipped: {why}").expect("told");
    None
}

fn files(test: &str) -> [PathBuf; 2] {
    let authority = Authority::new(test);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let files = ["cert", "key"].map(|kind| folder.join(format!("{test}.{kind}.pem")));
    for (path, pem) in files.iter().zip(&authority.pem) {
        std::fs::write(path, pem).expect("written");
    }
    files
}

/// One member of a room by each of these ways, the first of its routes at first.
fn gather(party: &mut Party, ways: &[Arc<[Route]>]) {
    for (number, routes) in ways.iter().enumerate() {
        let me = Identity::new(format!("member-{number}"), ["room".to_owned()]);
        let member = party.join_by(Dialect::Comet, me, Arc::clone(routes));
        party.driver.prefer(member, 0);
    }
    party.until("all are open", |heard| heard.iter().all(|heard| heard.opened > 0));
}

/// The first member says so many things, which all hear once and in order.
#[track_caller]
fn assert_heard(party: &mut Party, count: usize) {
    let before = party.heard(0).bodies.len();
    for number in 0..count {
        party.say(0, &Destination::Rooms, (before + number).to_string());
    }
    let all = before + count;
    party.until("all have heard", |heard| heard.iter().all(|it| it.bodies.len() >= all));
    assert_same(party, all);
}

#[track_caller]
fn assert_same(party: &Party, all: usize) {
    let expected: Vec<Vec<u8>> = (0..all).map(|number| number.to_string().into()).collect();
    for member in 0..party.driver.sessions() {
        assert_eq!(party.heard(member).bodies, expected, "{member}");
    }
}

#[test]
fn sessions_of_every_transport_live_with_loss_and_delay() {
    let options = ["--loss", "0.05", "--delay", "50", "--jitter", "10"];
    let Some(mut network) = Network::start("loss", &options) else { return };
    network.within(|network| {
        let ways = ["quic", "wt", "tcp", "wss", "sse"].map(|scheme| [network.route(scheme)].into());
        let mut party = Party::new(Tuning::default());
        gather(&mut party, &ways);
        assert_heard(&mut party, 50);
        for member in 0..ways.len() {
            party.driver.cut(member);
        }
        assert_heard(&mut party, 50);
    });
}

#[test]
fn sessions_over_udp_go_on_over_tcp_when_udp_is_blocked() {
    let Some(mut network) = Network::start("udp", &["--delay", "5"]) else { return };
    network.within(|network| {
        let ways = ["quic", "wt"].map(|scheme| [network.route(scheme), network.route("wss")]);
        let ways = ways.map(Arc::from);
        let mut tuning = Tuning { dial_timeout: Duration::from_secs(1), ..Tuning::default() };
        tuning.timing.comet.heartbeat = Duration::from_secs(1);
        let mut party = Party::new(tuning);
        gather(&mut party, &ways);
        assert_heard(&mut party, 5);
        network.say("udp off");
        party.until("all came back", |heard| heard.iter().all(|heard| heard.opened > 1));
        assert_heard(&mut party, 5);
        // And those who come now.
        let me = Identity::new("newcomer", ["room".to_owned()]);
        let newcomer = party.join_by(Dialect::Comet, me, Arc::clone(&ways[0]));
        party.driver.prefer(newcomer, 0);
        party.until("it came in", |heard| heard[newcomer].opened > 0);
    });
}

#[test]
fn sessions_over_udp_keep_their_connections_when_the_address_of_the_machine_changes() {
    let Some(mut network) = Network::start("address", &["--delay", "5"]) else { return };
    network.within(|network| {
        let ways = ["quic", "wt", "quic", "wt"].map(|scheme| [network.route(scheme)].into());
        let mut tuning = Tuning::default();
        // The server learns of the address from what a session sends by itself.
        tuning.timing.comet.heartbeat = Duration::from_secs(1);
        let mut party = Party::new(tuning);
        gather(&mut party, &ways);
        assert_heard(&mut party, 5);
        for address in ["10.77.0.9", "10.77.0.10"] {
            network.ip("addr flush dev net0");
            network.ip(&format!("addr add {address}/24 dev net0"));
            assert_heard(&mut party, 5);
        }
        let tally = party.driver.tally();
        assert_eq!((tally.dials, tally.failed_dials, tally.lost), (4, 0, 0));
    });
}
