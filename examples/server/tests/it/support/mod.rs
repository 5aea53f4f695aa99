//! Building blocks of the tests: the server as a process, and clients that share no code with it.
//!
//! Heads, WebSocket frames and HTTP are written and parsed here byte by byte, from the documents.
//! Only the protobuf messages and the keys that sign tokens are taken from the server's own crates.

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

/// Timeout for anything that a healthy server does at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
