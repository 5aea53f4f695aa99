//! Sockets, a poll and a clock that live in memory, for runs that one seed decides.
//!
//! They do what the system's do on Linux, as far as a shard can see: which edges are reported, when
//! a write is short, what a reset destroys. What is between the two ends of a connection is up to
//! whoever holds the other one.
//!
//! Not here: who runs the shards ([`simulation`](crate::simulation)).

mod backlog;
#[cfg(test)]
mod tests;
mod time;
mod wire;

pub(crate) use backlog::{Backlog, Door};
pub(crate) use time::VirtualTime;
pub(crate) use wire::{End, Wire};
