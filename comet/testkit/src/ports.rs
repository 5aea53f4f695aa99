//! Ports of this machine.

use std::net::{SocketAddr, TcpListener};

/// A port of the system's choice, for programs that say which one it is.
pub const ANYWHERE: &str = "127.0.0.1:0";

/// An address that is free at the moment. Another process may take it, so whoever starts a program
/// there tries again.
pub fn free() -> SocketAddr {
    let listener = TcpListener::bind(ANYWHERE).expect("a free port");
    listener.local_addr().expect("an address")
}
