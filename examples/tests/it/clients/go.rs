//! Clients in Go: gorilla/websocket, coder/websocket, quic-go and webtransport-go, in one program,
//! which the Go toolchain builds where there is one and the modules can be had.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::{chat, skip};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients/go");

/// The toolchain, for as long as it may need on a busy machine.
fn go(arguments: &[&str]) -> Result<Output, String> {
    let mut command = Command::new("timeout");
    command.args(["300", "go"]).args(arguments).current_dir(SOURCES);
    // What C would do, the standard library does as well, and is built sooner.
    command.env("CGO_ENABLED", "0");
    command.output().map_err(|error| error.to_string())
}

/// The program, built if need be; why not otherwise.
fn program() -> &'static Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        for needed in [&["version"][..], &["mod", "download"]] {
            let output = go(needed)?;
            if !output.status.success() {
                let errors = String::from_utf8_lossy(&output.stderr);
                return Err(format!("go {}: {errors}", needed.join(" ")));
            }
        }
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-clients");
        let to = program.to_str().expect("a path in UTF-8");
        // Without optimisation, which would take longer than the test.
        let output = go(&["build", "-gcflags=all=-N -l", "-o", to, "."])?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(program)
    })
}

fn client(kind: &str) -> Option<Command> {
    match program() {
        Ok(program) => {
            let mut command = Command::new(program);
            command.arg(kind);
            Some(command)
        }
        Err(reason) => {
            skip(&format!("Go's {kind}"), reason);
            None
        }
    }
}

fn check(kind: &str, listener: &str) {
    if let Some(mut client) = client(kind) {
        chat::check_chat(&mut client, listener);
    }
}

#[test]
fn gorilla_chats_is_cut_and_comes_back() {
    check("gorilla", "ws");
    check("gorilla-tls", "wss");
}

#[test]
fn coder_chats_is_cut_and_comes_back() {
    check("coder", "ws");
    check("coder-tls", "wss");
}

#[test]
fn webtransport_go_chats_is_cut_and_comes_back() {
    check("webtransport", "quic");
}

/// It asks for its session again in early data.
#[test]
fn quic_go_chats_is_cut_comes_back_and_moves() {
    if let Some(mut client) = client("quic") {
        chat::check_moving_chat(&mut client, "quic");
    }
}
