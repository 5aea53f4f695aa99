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

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use comet::StartError;
use parking_lot::Mutex;

pub use checker::{Rule, Violation, check};
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
    live(seed, Setup::default())
}

/// The same where all messages are letters, which [`run`] has for one seed of twelve: the router
/// stores them, and pushes them again when they are given up. The router may make a mistake.
///
/// # Errors
///
/// As for [`run`].
pub fn run_letters(seed: u64, mistake: Option<Mistake>) -> Result<Run, StartError> {
    live(seed, Setup { mistake, has_letters: true })
}

/// Calls for each seed below `seeds`, on all cores, until a call returns something.
///
/// # Panics
///
/// If a call panics.
pub fn search<T: Send>(seeds: u64, call: impl Fn(u64) -> Option<T> + Sync) -> Option<T> {
    let (next, found) = (AtomicU64::new(0), Mutex::new(None));
    let work = || {
        while found.lock().is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            if let Some(what) = call(seed) {
                *found.lock() = Some(what);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    found.into_inner()
}

/// What a seed does not decide.
#[derive(Clone, Copy, Debug, Default)]
struct Setup {
    mistake: Option<Mistake>,
    /// Whether there are letters, whatever the seed says.
    has_letters: bool,
}

fn live(seed: u64, setup: Setup) -> Result<Run, StartError> {
    let history = world::World::new(seed, setup)?.run()?;
    let violations = check(&history);
    Ok(Run { seed, history, violations })
}
