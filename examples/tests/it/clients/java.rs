//! A client in Java, whose standard library has a WebSocket: one file, run from its source by a JDK
//! where there is one.

use std::process::Command;

use super::{chat, skip};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients/Chat.java");

#[test]
fn java_chats_is_cut_and_comes_back() {
    // A runtime alone cannot compile.
    let mut probe = Command::new("javac");
    match probe.arg("--version").output() {
        Ok(output) if output.status.success() => {}
        _ => return skip("Java", "no JDK"),
    }
    for scheme in ["ws", "wss"] {
        let mut java = Command::new("timeout");
        java.args(["120", "java", "-XX:TieredStopAtLevel=1", SOURCE, scheme]);
        chat::check_chat(&mut java, scheme);
    }
}
