//! An independent client: aioquic. It comes from its registry, once; where it cannot be had its
//! tests are skipped, and say so.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use comet::{Closed, Config};
use comet_testkit::clock;

use crate::support::gateway::{Server, certificate, config};

const PACKAGE: &str = "aioquic==1.7.2";

/// The folder with the package, fetched if need be.
fn aioquic() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let fetch = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aioquic");
        let has_it = || {
            let mut probe = Command::new("python3");
            probe.args(["-c", "import aioquic.asyncio"]).env("PYTHONPATH", &folder);
            probe.output().is_ok_and(|output| output.status.success())
        };
        if has_it() {
            return Some(folder);
        }
        let mut pip = Command::new("timeout");
        pip.args(["120", "python3", "-m", "pip", "install", "--quiet"]);
        pip.args(["--disable-pip-version-check", "--target"]).arg(&folder).arg(PACKAGE);
        let _fetched = pip.output();
        has_it().then_some(folder)
    };
    let folder = FOLDER.get_or_init(fetch).as_deref();
    if folder.is_none() {
        // Past the test harness, which hides the output of tests that pass.
        let said = format!("skipped: Python has no {PACKAGE}\n");
        std::io::stderr().write_all(said.as_bytes()).expect("stderr takes it");
    }
    folder
}

fn resuming() -> Config {
    config(2).resume(|it| it.ttl = Duration::from_secs(60))
}

/// The lines that a script prints, after its errors if it fails.
fn run(script: &str, packages: &Path, server: &Server) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("cert.pem");
    std::fs::write(&authority, &certificate().0).unwrap();
    // One that waits for ever must not hold up the tests.
    let mut command = Command::new("timeout");
    command.args(["60", "python3", "-c", script, &server.quic.address().port().to_string()]);
    command.arg(&authority).env("PYTHONPATH", packages);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    said.lines().map(str::to_owned).collect()
}

/// It signs in, chats, is cut, and comes back with its ticket.
#[test]
fn aioquic_chats_is_cut_and_comes_back() {
    let Some(packages) = aioquic() else { return };
    let (server, _) = Server::start(resuming(), comet_quic::Config::default());
    let expected = [
        "alpn comet",
        "welcome",
        "reply echo one",
        "delivery 1 echo one",
        "cut",
        "alpn comet",
        "welcome",
        "reply echo two",
        "reply three",
        "delivery 2 echo two",
    ];
    assert_eq!(run(include_str!("aioquic.py"), packages, &server), expected);
}

#[test]
fn aioquic_chats_over_webtransport() {
    let Some(packages) = aioquic() else { return };
    let (server, log) = Server::default();
    let expected = [
        "status 404",
        "status 200",
        "packet 2 1 ",
        "packet 8 2 echo hello",
        "packet 9 1 echo hello",
        "closed 0x100",
    ];
    assert_eq!(run(include_str!("webtransport.py"), packages, &server), expected);
    assert_eq!(log.closed("bob"), Closed::ByPeer);
}

#[test]
fn aioquic_reads_lanes_and_datagrams() {
    let Some(packages) = aioquic() else { return };
    let (server, _) = Server::start(resuming(), comet_quic::Config::default());
    let expected = [
        "welcome",
        "lane 0 signal",
        "lane 1 normal",
        "lane 2 bulk",
        "datagram best effort 1 b'b'",
        "datagram latest 2 b'l'",
        "reply",
    ];
    assert_eq!(run(include_str!("lanes.py"), packages, &server), expected);
    clock::eventually("all are acked", || server.gateway.stats().acks == 3);
}
