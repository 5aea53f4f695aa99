//! Sessions on streams of HTTP/2 (RFC 8441), seen by Python's `h2`. It comes from its registry,
//! once; where it cannot be had these tests are skipped, and say so.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use comet_server_testkit::client::auth;
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::frame::{Frame, HEARTBEAT, SEND, ack, frame};

const PACKAGE: &str = "h2==4.4.1";

/// The folder with the package, fetched if need be.
fn package() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("h2");
    let has_it = || {
        let mut probe = Command::new("python3");
        probe.args(["-c", "import h2.connection"]).env("PYTHONPATH", &folder);
        probe.output().is_ok_and(|output| output.status.success())
    };
    if has_it() {
        return Some(folder);
    }
    let mut pip = Command::new("timeout");
    pip.args(["120", "python3", "-m", "pip", "install", "--quiet", "--upgrade"]);
    pip.args(["--disable-pip-version-check", "--target"]).arg(&folder).arg(PACKAGE);
    let _fetched = pip.output();
    let found = has_it();
    if !found {
        // Past the test harness, which hides the output of tests that pass.
        let said = format!("skipped: Python has no {PACKAGE}\n");
        std::io::stderr().write_all(said.as_bytes()).expect("stderr takes it");
    }
    found.then_some(folder)
}

/// The last word of the script, run against a port; `None` where its package is missing.
fn run(server: &Server, port: u16, what: &str, frames: &[Frame]) -> Option<String> {
    let package = package()?;
    let certificate = server.data_dir().join("development.cert.pem");
    let frames = frames
        .iter()
        .map(|frame| frame.encode().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let output = Command::new("timeout")
        .args(["60", "python3", "-c", include_str!("http2.py"), &port.to_string()])
        .arg(certificate)
        .arg(what)
        .args(frames)
        .env("PYTHONPATH", package)
        .output()
        .expect("python3");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    Some(printed.trim().to_owned())
}

#[test]
fn streams_of_one_connection_are_sessions_beside_requests() {
    let server = Setup::default().flag("https", &"127.0.0.1:0").set("http.idle_seconds=1").start();
    let https = server.addresses.https.expect("a port");
    for (n, port) in [server.addresses.http, https].into_iter().enumerate() {
        let [alice, bob] = ["alice", "bob"].map(|name| Person::new(&format!("{name}-{n}")));
        let message = to_user(&bob.uid, "m-1", "over http/2");
        let frames = [
            auth(1, &alice.token(), None),
            auth(1, &bob.token(), None),
            frame(SEND, 2, body_of(&message)),
            Frame { seq: 2, ..ack(1) },
            frame(HEARTBEAT, 3, ""),
        ];
        let said = run(&server, port.port(), "chat", &frames);
        assert_eq!(said.as_deref().unwrap_or("chatted"), "chatted");
    }
}

#[test]
fn what_is_no_session_is_refused_and_sessions_are_counted_for_their_address() {
    let setup = Setup::default().set("gateway.connections_per_address=2");
    let server = setup.set("origins.sub=same-origin").start();
    let said = run(&server, server.addresses.http.port(), "refusals", &[]);
    assert_eq!(said.as_deref().unwrap_or("refused"), "refused");
}
