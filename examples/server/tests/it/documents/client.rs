//! The Python client built from the documents talks to itself through the server.

use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command};

use comet_server_testkit::server::Server;
use comet_testkit::program::Program;

use super::{file, protoc};

/// Debian's interpreter, with Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// Starts the program.
fn chat(server: &Server, modules: &Path, name: &str, friend: &str) -> (Program, ChildStdin) {
    let mut command = Command::new(PYTHON);
    command.arg(file("examples/client/chat.py")).args([name, friend]);
    command.env("PYTHONPATH", modules);
    command.env("COMET_HTTP", server.addresses.http.to_string());
    command.env("COMET_TCP", server.addresses.tcp.to_string());
    Program::start_with_input(&mut command)
}

/// Waits for a line that satisfies the condition.
fn says(program: &Program, expected: impl Fn(&str) -> bool) {
    let line = program.line(|line| expected(line).then_some(()));
    assert!(line.is_some(), "the client never said it");
}

#[test]
fn a_client_made_from_the_documents_chats() {
    let Some(mut protoc) = protoc() else { return };
    let probe = Command::new(PYTHON).args(["-c", "import google.protobuf"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("skipped: {PYTHON} has no protobuf (Debian: python3-protobuf)");
        return;
    }
    let modules = tempfile::tempdir().expect("a directory");
    let made = protoc.arg("--python_out").arg(modules.path()).status().expect("protoc runs");
    assert!(made.success());

    let server = Server::start();
    // Stays, as its input does not end.
    let (bob, _input) = chat(&server, modules.path(), "bob", "alice");
    bob.says("signed in as bob");
    let (mut alice, mut input) = chat(&server, modules.path(), "alice", "bob");
    writeln!(input, "hello from Python").expect("taken");
    drop(input);
    says(&alice, |line| line.starts_with("stored as "));
    says(&bob, |line| line.ends_with(": hello from Python"));
    assert!(alice.ended().success());
}
