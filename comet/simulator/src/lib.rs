//! The gateway, many clients and a hostile network in one process, on one clock, from one seed.
//!
//! [`run`] simulates one world: the real gateway over virtual sockets, the real client of the comet
//! dialect and a model of dtalk's, and between them connections that are cut at any byte, stall,
//! fall silent, are read slowly or not at all; a router that answers late, in any order or not at
//! all; drains, replays of clients' bytes, stolen tickets, clock steps, and memory shortage. In
//! some worlds the router stores letters, and pushes again those that are given up; in others lanes
//! have streams of their own, and there are datagrams. The events of all parties form a
//! [`History`], and [`check`] judges it by the delivery contract alone.
//!
//! ```
//! let run = comet_simulator::run(7)?;
//! assert_eq!(run.violations, []);
//! # Ok::<(), comet::StartError>(())
//! ```
//!
//! The same seed gives the same history, so every violation is reproducible.
//!
//! Not here: threads, real sockets and real time, which the load harness covers.

mod body;
pub mod checker;
mod client;
pub mod history;
mod mapping;
mod names;
mod network;
mod plan;
mod random;
mod router;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use comet::StartError;
use parking_lot::Mutex;

pub use checker::{Rule, Violation, check};
pub use history::History;
pub use plan::Mistake;

/// A run and its violations.
#[derive(Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The events.
    pub history: History,
    /// The violations found.
    pub violations: Vec<Violation>,
}

/// Simulates and checks the world of a seed.
///
/// # Errors
///
/// [`StartError`] when the gateway rejects the limits drawn from the seed.
pub fn run(seed: u64) -> Result<Run, StartError> {
    live(seed, Setup::default())
}

/// Like [`run`], with letters as all messages, as in one of twelve seeds: the router stores them,
/// and pushes them again when they are given up. The router may have a defect.
///
/// # Errors
///
/// As for [`run`].
pub fn run_letters(seed: u64, mistake: Option<Mistake>) -> Result<Run, StartError> {
    live(seed, Setup { mistake, has_letters: true, ..Setup::default() })
}

/// Like [`run`], with lanes on streams of their own and datagrams, as in one of six seeds.
///
/// # Errors
///
/// As for [`run`].
pub fn run_lanes(seed: u64) -> Result<Run, StartError> {
    live(seed, Setup { has_lanes: true, ..Setup::default() })
}

/// Calls for each seed below `seeds`, on all cores, until a call returns `Some`.
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

/// Parameters of a run besides the seed.
#[derive(Clone, Copy, Debug, Default)]
struct Setup {
    mistake: Option<Mistake>,
    /// Whether there are letters, for any seed.
    has_letters: bool,
    /// Whether there are lanes, for any seed.
    has_lanes: bool,
}

fn live(seed: u64, setup: Setup) -> Result<Run, StartError> {
    let history = world::World::new(seed, setup)?.run()?;
    let violations = check(&history);
    Ok(Run { seed, history, violations })
}
