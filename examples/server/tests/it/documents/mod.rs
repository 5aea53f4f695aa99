//! The documents for client authors match the server.

mod client;
mod schema;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// `protoc` with the schema, or `None` with a note if it is not installed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn protoc() -> Option<Command> {
    if Command::new("protoc").arg("--version").output().is_err() {
        eprintln!("skipped: protoc is not installed");
        return None;
    }
    let mut protoc = Command::new("protoc");
    protoc.arg("-I").arg(file("backends/dtalk")).arg("dtalk.proto");
    Some(protoc)
}
