//! The gateway, many clients and a hostile network in one process, on one clock, from one seed.
//!
//! [`run`] lives through one world: the real gateway over virtual sockets, the real client of the
//! comet dialect and a model of dtalk's, and between them connections that are cut at any byte,
//! stall, fall silent, are read slowly or not at all; a router that answers late, out of order or
//! not; drains, ghosts that repeat what a client wrote, thieves of tickets, clocks that jump, and
//! little memory. In some worlds the router stores letters, and pushes again what is given up. What
//! all parties saw becomes a [`History`], and [`check`] judges it by the delivery contract alone.
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
mod letters;
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
pub use letters::Mistake;

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
    live(seed, Setup { plant, ..Setup::default() })
}

/// The same where all messages are letters, which [`run`] has for one seed of twelve: the router
/// stores them, and pushes them again when they are given up. The gateways may have a defect, and
/// so may the router.
///
/// # Errors
///
/// As for [`run`].
pub fn run_letters(
    seed: u64,
    plant: Option<Plant>,
    mistake: Option<Mistake>,
) -> Result<Run, StartError> {
    live(seed, Setup { plant, mistake, has_letters: true })
}

/// What a seed does not decide.
#[derive(Clone, Copy, Debug, Default)]
struct Setup {
    plant: Option<Plant>,
    mistake: Option<Mistake>,
    /// Whether there are letters, whatever the seed says.
    has_letters: bool,
}

fn live(seed: u64, setup: Setup) -> Result<Run, StartError> {
    let history = world::World::new(seed, setup)?.run()?;
    let violations = check(&history);
    Ok(Run { seed, history, violations })
}
