//! A proxy that breaks connections, as a process of its own.
//!
//! It forwards bytes between clients and gateway, and now and then ends a connection by a reset,
//! in the middle of whatever it carries, or closes one direction of it. Whoever started it can
//! stop the whole process by a signal, so that its connections fall silent without a word.
//!
//! Not here: what the bytes mean.

mod child;
mod fault;
mod forward;
mod pair;

use std::net::SocketAddr;
use std::time::Duration;

pub use child::{ProxyError, ProxyProcess};
pub use forward::run;

/// What a proxy does.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where connections lead to: one listener for each.
    pub to: Vec<SocketAddr>,
    /// How long a connection lives on the average before it is broken; zero breaks none.
    pub every: Duration,
    /// After this time nothing is broken any more.
    pub lasting: Duration,
    /// Decides which connections, when and how.
    pub seed: u64,
}

/// What a proxy did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Connections that it took.
    pub accepted: u64,
    /// Those that it ended by a reset.
    pub resets: u64,
    /// Those of which it closed one direction.
    pub half_closes: u64,
}
