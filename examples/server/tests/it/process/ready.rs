//! `/health` reports liveness, `/ready` readiness with reasons.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Next, Transport, auth};
use comet_server_testkit::http;
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::{Person, browser};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::frame::{AUTH_REPLY, SEND, SEND_REPLY, frame};
use comet_testkit::program::Signal;
use serde_json::{Value, json};

/// The status of `/ready`, and its reasons.
fn ready(server: &Server) -> (u16, Vec<String>) {
    let answer = http::get(server.addresses.admin, "/ready");
    let value: Value = serde_json::from_str(answer.text()).expect("JSON");
    assert_eq!(value["ready"], json!(answer.status == 200));
    let reasons = value["reasons"].as_array().expect("a list").iter();
    let reasons = reasons.map(|reason| reason.as_str().expect("a word").to_owned());
    (answer.status, reasons.collect())
}

fn is_alive(server: &Server) -> bool {
    http::get(server.addresses.admin, "/health").status == 200
}

#[test]
fn a_server_is_ready_until_it_drains_and_alive_until_it_ends() {
    let mut server = Setup::default().variable("COMET_DRAIN_SECONDS", &4).start();
    assert_eq!(ready(&server), (200, vec![]));
    assert!(is_alive(&server));
    // A receiver that does not acknowledge its delivery prolongs the drain.
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut silent = server.client(Transport::Tcp, &bob, None);
    server.client(Transport::Tcp, &alice, None).ask(&to_user(&bob.uid, "m-1", "hi"));
    assert!(matches!(silent.next(clock::deadline()), Next::Frame(_)));
    server.process.signal(Signal::TERM);
    server.process.says("draining");
    clock::eventually("draining", || ready(&server) == (503, vec!["draining".to_owned()]));
    assert!(is_alive(&server));
    drop(silent);
    assert_eq!(server.process.ended().code(), Some(0));
}

#[test]
fn a_server_that_takes_no_more_connections_is_full() {
    let server = Setup::default().variable("COMET_GATEWAY__MAX_CONNECTIONS", &1).start();
    let client = server.client(Transport::Tcp, &Person::new("alice"), None);
    clock::eventually("full", || ready(&server) == (503, vec!["full".to_owned()]));
    drop(client);
    clock::eventually("ready", || ready(&server) == (200, vec![]));
}

/// A separate disk of a server, of 40 MiB.
struct Disk {
    seen_from_here: PathBuf,
}

impl Disk {
    /// The server on it, with a mount that no other process sees.
    fn with_server(at: &Path) -> (Self, Server) {
        let mount = "mount -t tmpfs -o size=40m tmpfs \"$0\" && exec \"$@\"";
        let at_text = at.to_str().expect("a path in UTF-8");
        let mut wrapper = vec!["unshare", "--mount", "sh", "-c", mount, at_text];
        if !rustix::process::getuid().is_root() {
            wrapper.insert(1, "--map-root-user");
        }
        let setup = Setup::default().through(&wrapper).flag("data-dir", &at.join("data").display());
        let server = setup.start();
        let root = PathBuf::from(format!("/proc/{}/root", server.process.id()));
        let inside = at.strip_prefix("/").expect("an absolute path");
        (Self { seen_from_here: root.join(inside) }, server)
    }

    fn filler(&self) -> PathBuf {
        self.seen_from_here.join("filler")
    }

    fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a file");
        for bytes in [1 << 20, 4096, 1] {
            while file.write_all(&vec![1; bytes]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).expect("no filler");
    }
}

/// Whether a login with a device is accepted.
fn logs_in(server: &Server, device: &str) -> bool {
    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    client.send(&auth(1, &Person::new("carol").token(), Some(&browser(device))));
    match client.next(clock::deadline()) {
        Next::Frame(reply) => reply == frame(AUTH_REPLY, 1, ""),
        Next::Ended(_) => false,
        Next::Nothing => panic!("no answer"),
    }
}

#[test]
fn after_a_full_disk_logins_and_messages_go_on_without_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let (disk, mut server) = Disk::with_server(dir.path());
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    sender.ask(&to_user(&bob.uid, "m-1", "hi"));
    assert!(logs_in(&server, "first"));
    assert_eq!(ready(&server), (200, vec![]));

    disk.fill();
    assert_eq!(ready(&server), (503, vec!["disk_full".to_owned()]));
    // Repeated: the connections of the pool are used in turn.
    for n in 0..8 {
        clock::eventually("a refusal", || !logs_in(&server, &format!("in vain {n}")));
    }
    sender.send(&frame(SEND, 77, body_of(&to_user(&bob.uid, "m-2", "x".repeat(9_000)))));
    let expected = ["disk_full", "messages_not_stored", "logins_failing"].map(str::to_owned);
    clock::eventually("all reasons", || ready(&server) == (503, expected.to_vec()));
    assert!(is_alive(&server));

    disk.free();
    clock::eventually("ready again", || ready(&server) == (200, vec![]));
    let began = Instant::now();
    assert!((0..8).all(|n| logs_in(&server, &format!("again {n}"))));
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut sender = server.client(Transport::Tcp, &alice, None);
    sender.send(&frame(SEND, 78, body_of(&to_user(&bob.uid, "m-2", "x".repeat(9_000)))));
    assert_eq!(sender.receive().op, SEND_REPLY);
    assert_eq!(server.stop().code(), Some(0));
}
