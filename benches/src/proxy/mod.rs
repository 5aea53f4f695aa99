//! A proxy that breaks connections, as a process of its own.
//!
//! It forwards bytes between clients and gateway, and now and then ends a connection by a reset, in
//! the middle of whatever it carries, or closes one direction of it. Its parent can stop the whole
//! process by a signal, so that its connections fall silent without a word.
//!
//! Not here: the meaning of the bytes.

mod child;
mod fault;
mod forward;
mod pair;

use std::net::SocketAddr;
use std::time::Duration;

pub use child::{ProxyError, ProxyProcess};
pub use forward::run;

/// Settings of a proxy.
#[derive(Clone, Debug)]
pub struct Options {
    /// Targets of connections: one listener for each.
    pub to: Vec<SocketAddr>,
    /// Average lifetime of a connection; zero breaks none.
    pub every: Duration,
    /// After this time nothing is broken any more.
    pub lasting: Duration,
    /// Decides which connections, when and how.
    pub seed: u64,
}

/// Counts of a proxy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProxyCounts {
    /// Connections that it took.
    pub accepted: u64,
    /// Connections ended by a reset.
    pub resets: u64,
    /// Connections closed in one direction.
    pub half_closes: u64,
}
