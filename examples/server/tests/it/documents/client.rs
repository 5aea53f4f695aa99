//! The Python client built from the documents talks to itself through the server.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use super::{file, protoc};
use crate::support::clock;
use crate::support::server::Server;

/// Debian's interpreter, with Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// A run of the program; killed on drop.
struct Chat {
    child: Child,
    lines: Receiver<String>,
}

impl Chat {
    fn start(server: &Server, modules: &Path, name: &str, friend: &str) -> Self {
        let mut child = Command::new(PYTHON)
            .arg(file("examples/client/chat.py"))
            .args([name, friend])
            .env("PYTHONPATH", modules)
            .env("COMET_HTTP", server.addresses.http.to_string())
            .env("COMET_TCP", server.addresses.tcp.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = sync_channel(100);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Output after the test is discarded.
                let _ = sender.try_send(line);
            }
        });
        Self { child, lines }
    }

    fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    /// Waits for a line that satisfies the condition.
    fn says(&self, expected: impl Fn(&str) -> bool) {
        let deadline = clock::deadline();
        while let Ok(line) = self.lines.recv_timeout(clock::left(deadline)) {
            if expected(&line) {
                return;
            }
        }
        panic!("the client never said it");
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
    let mut bob = Chat::start(&server, modules.path(), "bob", "alice");
    // Stays, as its input does not end.
    let _reading_on = bob.input();
    bob.says(|line| line == "signed in as bob");
    let mut alice = Chat::start(&server, modules.path(), "alice", "bob");
    let mut input = alice.input();
    writeln!(input, "hello from Python").expect("taken");
    drop(input);
    alice.says(|line| line.starts_with("stored as "));
    bob.says(|line| line.ends_with(": hello from Python"));
    let ended = clock::until("the client ends", || alice.child.try_wait().expect("a child"));
    assert!(ended.success());
}
