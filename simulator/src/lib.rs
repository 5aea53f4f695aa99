//! The gateway, many clients and a hostile network in one process, on one clock, from one seed.
//!
//! [`run`] lives through one world: the real gateway over virtual sockets, the real client of the
//! comet dialect and a model of dtalk's, and between them connections that are cut at any byte,
//! stall, fall silent, are read slowly or not at all; a router that answers late, out of order or
//! not; drains, ghosts that repeat what a client wrote, thieves of tickets, clocks that jump, and
//! little memory. What all parties saw becomes a [`History`], and [`check`] judges it by the
//! delivery contract alone.
//!
//! ```
//! let run = comet_simulator::run(7)?;
//! assert_eq!(run.violations, []);
//! # Ok::<(), comet::StartError>(())
//! ```
//!
//! The same seed gives the same history, so a violation can be looked at as often as it takes.
//!
//! Not here: threads, real sockets and real time. The load harness has those.

mod body;
pub mod checker;
mod client;
mod contract;
pub mod history;
mod network;
mod plan;
mod random;
mod router;
mod shortage;
mod world;

use comet::StartError;

pub use checker::{Rule, Violation, check};
pub use comet::simulation::Plant;
pub use history::History;

/// One run and what is wrong with it.
#[derive(Debug)]
pub struct Run {
    /// What decided it.
    pub seed: u64,
    /// What happened.
    pub history: History,
    /// What must not have.
    pub violations: Vec<Violation>,
}

/// Lives through the world of a seed, and judges it.
///
/// # Errors
///
/// [`StartError`] when the gateway does not start with the limits that the seed draws.
pub fn run(seed: u64) -> Result<Run, StartError> {
    run_planted(seed, None)
}

/// The same with a defect in the gateways, to see whether it is found.
///
/// # Errors
///
/// As for [`run`].
pub fn run_planted(seed: u64, plant: Option<Plant>) -> Result<Run, StartError> {
    let history = world::World::new(seed, plant)?.run()?;
    let violations = check(&history);
    Ok(Run { seed, history, violations })
}
