//! The gateway under test: a child process, and its CPU and memory.

mod certificate;
mod listener;
mod relay;
mod usage;

use std::net::SocketAddr;

pub use certificate::certificate;
pub use listener::{Network, listener};
pub use relay::{Relay, StartError, beside};
pub use usage::{Usage, UsageError};

/// Addresses of a gateway.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Plain TCP.
    pub tcp: SocketAddr,
    /// WebSocket.
    pub ws: SocketAddr,
}
