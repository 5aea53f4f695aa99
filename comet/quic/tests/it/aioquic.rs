//! An independent client: aioquic, where Python has it.

use std::process::Command;
use std::time::Duration;

use comet::{Closed, Config};

use crate::support::gateway::{Server, certificate, config};

#[expect(clippy::print_stderr, reason = "shown with the test")]
fn has_aioquic() -> bool {
    let probe = Command::new("python3").args(["-c", "import aioquic"]).output();
    let is_there = probe.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: no aioquic (pip install aioquic==1.7.2)");
    }
    is_there
}

fn resuming() -> Config {
    config(2).resume(|it| it.ttl = Duration::from_secs(60))
}

/// The lines that a script prints, after its errors if it fails.
fn run(script: &str, server: &Server) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("cert.pem");
    std::fs::write(&authority, &certificate().0).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", script, &server.quic.address().port().to_string()]).arg(&authority);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    said.lines().map(str::to_owned).collect()
}

/// It signs in, chats, is cut, and comes back with its ticket.
#[test]
fn aioquic_chats_is_cut_and_comes_back() {
    if !has_aioquic() {
        return;
    }
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
    assert_eq!(run(include_str!("aioquic.py"), &server), expected);
}

#[test]
fn aioquic_chats_over_webtransport() {
    if !has_aioquic() {
        return;
    }
    let (server, log) = Server::default();
    let expected = [
        "status 404",
        "status 200",
        "packet 2 1 ",
        "packet 8 2 echo hello",
        "packet 9 1 echo hello",
        "closed 0x100",
    ];
    assert_eq!(run(include_str!("webtransport.py"), &server), expected);
    assert_eq!(log.closed("bob"), Closed::ByPeer);
}
