//! The client library and its program, over lines that are cut and gateways that end.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use comet_client::{Address, Client, Closed, Config, Event, Transport as Way};
use comet_testkit::client::Transport;
use comet_testkit::clock::{self, PATIENCE};
use comet_testkit::program::Signal;
use comet_testkit::proxy::Proxy;

use crate::example::Example;

/// Limit on a chatter's unanswered messages.
const AHEAD: u32 = 16;

fn address(transport: Transport, at: SocketAddr) -> Address {
    let scheme = match transport {
        Transport::Tcp => "tcp",
        Transport::WebSocket => "ws",
    };
    format!("{scheme}://{at}").parse().unwrap()
}

fn config(name: &str, rooms: &str) -> Config {
    let mut config = Config {
        backoff: Duration::from_millis(20),
        max_backoff: Duration::from_millis(100),
        ..Config::default()
    };
    config.auth.token = name.to_owned();
    config.auth.ext = rooms.to_owned().into();
    config
}

/// Sends numbers to the lobby, and records events.
struct Chatter {
    name: &'static str,
    client: Client,
    said: u32,
    answered: u32,
    heard: Vec<String>,
    /// Session id, epoch and transport, each time that the session was opened.
    opened: Vec<(u64, u32, Way)>,
    /// Number of times that it was a new session.
    lost: u32,
}

impl Chatter {
    fn new(name: &'static str, address: Address) -> Self {
        let client = Client::new(config(name, "lobby"), address);
        let (heard, opened) = (Vec::new(), Vec::new());
        Self { name, client, said: 0, answered: 0, heard, opened, lost: 0 }
    }

    fn say_up_to(&mut self, last: u32) {
        while self.said < last && self.said - self.answered < AHEAD {
            self.said += 1;
            self.client.send(format!("{} {}", self.name, self.said)).unwrap();
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Delivery { body, .. } => {
                self.heard.push(String::from_utf8(body.to_vec()).unwrap());
            }
            Event::Replied { body, .. } => {
                assert_eq!(body, "");
                self.answered += 1;
            }
            Event::Opened { resumed, welcome } => {
                self.lost += u32::from(!resumed && !self.opened.is_empty());
                let way = self.client.address().transport();
                self.opened.push((welcome.session, welcome.epoch, way));
            }
            Event::Waiting { .. } => {}
            other => panic!("{} did not expect {other:?}", self.name),
        }
    }

    fn heard_of(&self, name: &str) -> Vec<String> {
        self.heard.iter().filter(|said| said.starts_with(name)).cloned().collect()
    }

    /// All messages of all chatters were received once and in order, in one session.
    fn is_content(&self, last: u32, names: &[&str]) {
        for name in names {
            let all: Vec<String> = (1..=last).map(|number| format!("{name} {number}")).collect();
            assert_eq!(self.heard_of(name), all, "{} of {name}", self.name);
        }
        assert_eq!(self.lost, 0, "{}: {:?}", self.name, self.opened);
        assert!(self.opened.iter().all(|opened| opened.0 == self.opened[0].0), "one session");
        assert!(self.opened.windows(2).all(|pair| pair[0].1 < pair[1].1), "newer and newer");
    }
}

#[tokio::test]
async fn a_line_that_is_cut_again_and_again_loses_nothing_and_brings_nothing_twice() {
    const LAST: u32 = 300;
    let relay = Example::relay(&["--resume-ttl", "60", "--shards", "2"]);
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let at = relay.address(transport);
        let line = Proxy::start(at);
        let mut alice = Chatter::new("alice", address(transport, line.address));
        let mut bob = Chatter::new("bob", address(transport, at));
        let (deadline, mut cuts) = (clock::deadline(), 0);
        // Bob sends nothing before both are connected.
        while alice.opened.is_empty() || bob.opened.is_empty() {
            tokio::select! {
                event = alice.client.next() => alice.note(event),
                event = bob.client.next() => bob.note(event),
            }
        }
        while [&alice, &bob]
            .iter()
            .any(|it| it.heard.len() < 2 * LAST as usize || it.answered < LAST)
        {
            alice.say_up_to(LAST);
            bob.say_up_to(LAST);
            tokio::select! {
                event = alice.client.next() => alice.note(event),
                event = bob.client.next() => bob.note(event),
                () = tokio::time::sleep(clock::left(deadline)) => {
                    panic!("heard {} and {}", alice.heard.len(), bob.heard.len());
                }
            }
            if alice.heard.len() > cuts * 60 + 30 {
                cuts += 1;
                assert!(line.cut() <= 1);
            }
        }
        alice.is_content(LAST, &["alice", "bob"]);
        bob.is_content(LAST, &["alice", "bob"]);
        assert_eq!(alice.heard, bob.heard, "a room has one order");
        assert!(alice.opened.len() > 5, "{} connections", alice.opened.len());
        assert_eq!(bob.opened.len(), 1);
    }
}

#[tokio::test]
async fn a_session_roams_between_tcp_and_websocket() {
    const LAST: u32 = 200;
    let relay = Example::relay(&["--resume-ttl", "60", "--shards", "2"]);
    let [tcp, ws] = [Transport::Tcp, Transport::WebSocket]
        .map(|transport| address(transport, relay.address(transport)));
    let mut alice = Chatter::new("alice", tcp);
    alice.client = alice.client.or(ws);
    let deadline = clock::deadline();
    while alice.heard.len() < LAST as usize || alice.answered < LAST {
        alice.say_up_to(LAST);
        let event = tokio::time::timeout(clock::left(deadline), alice.client.next()).await;
        alice.note(event.expect("something before the deadline"));
        if alice.heard.len() > alice.opened.len() * 25 {
            alice.client.roam();
        }
    }
    alice.is_content(LAST, &["alice"]);
    let ways: Vec<Way> = alice.opened.iter().map(|opened| opened.2).collect();
    assert!(ways.len() > 4, "{ways:?}");
    assert!(ways.windows(2).all(|pair| pair[0] != pair[1]), "{ways:?}");
}

#[tokio::test]
async fn after_a_relay_was_drained_its_client_comes_to_the_next_one_and_not_too_early() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let relay = Example::relay(&["--resume-ttl", "60", "--drain", "2"]);
        let (tcp, ws) = (relay.address(Transport::Tcp), relay.address(Transport::WebSocket));
        let at = address(transport, relay.address(transport));
        let mut client = Client::new(config("alice", "lobby"), at);
        assert!(matches!(client.next().await, Event::Opened { resumed: false, .. }));
        relay.signal(Signal::TERM);
        let Event::Waiting { until } = client.next().await else { panic!("nothing said") };
        let asked = client.now();
        // No other client returns.
        let after = until.since(asked);
        assert!(after <= Duration::from_millis(500), "{after:?}");
        assert!(relay.ended().success());

        let again = ["--tcp", &tcp.to_string(), "--ws", &ws.to_string(), "--resume-ttl", "60"];
        let _next = Example::start(Command::new(env!("CARGO_BIN_EXE_relay")).args(again));
        let event = loop {
            // It may have tried before the gateway was running.
            match tokio::time::timeout(PATIENCE, client.next()).await.unwrap() {
                Event::Waiting { .. } => {}
                event => break event,
            }
        };
        assert!(client.now() >= until, "came back too early");
        let Event::Opened { resumed: false, welcome } = event else { panic!("{event:?}") };
        assert_eq!(welcome.epoch, 1);
        client.leave();
        assert_eq!(client.next().await, Event::Closed(Closed::Left));
    }
}

#[test]
fn the_program_sends_what_is_typed_and_leaves_at_the_end() {
    let relay = Example::relay(&["--resume-ttl", "60"]);
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let at = address(transport, relay.address(transport)).to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_client"))
            .args(["--addr", &at, "--token", "me", "--rooms", "lobby", "--device", "terminal"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"hello\nworld\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        for line in ["-- 1 taken", "-- 2 taken"] {
            assert!(said.lines().any(|it| it == line), "{line} in:\n{said}");
        }
        assert!(said.contains(&format!("connection 1 over {at}\n")), "{said}");
    }
}
