//! What the tests are made of: the server as a process, and clients that share no code with it.
//!
//! Heads, WebSocket frames and HTTP are written and read here byte by byte, from the documents.
//! Taken from the server's own crates are the protobuf messages and the keys that sign tokens.

pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod comet;
pub(crate) mod common;
pub(crate) mod deployed;
pub(crate) mod frame;
pub(crate) mod http;
pub(crate) mod nginx;
pub(crate) mod person;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod socket;
pub(crate) mod websocket;

use std::time::Duration;

/// Longest wait for anything that a healthy server does at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
