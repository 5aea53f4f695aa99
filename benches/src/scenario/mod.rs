//! The runs that the binary offers: each starts from a server or a relay, and ends in a report.
//!
//! `idle`, `connect`, `echo`, `fan`, `chat`, `storm` and `tortoise` follow a [`Plan`]; `classes`
//! and `cuts` have settings of their own, and need sessions that are resumed.

mod capacity;
pub mod classes;
mod connect;
mod course;
mod crowd;
pub mod cuts;
mod idle;
mod storm;
mod tortoise;
mod traffic;

use std::io;
use std::path::PathBuf;

pub use capacity::SEARCH;
use course::Course;
pub use crowd::{Crowd, Rooms};
use serde::Serialize;

use crate::account::AccountError;
use crate::driver::Time;
use crate::plan::{Kind, Plan, PlanError};
use crate::proxy::ProxyError;
use crate::report::Report;
use crate::run::{DescriptorError, Interrupt, PlaceError};
use crate::schedule::Schedule;
use crate::server::{StartError, UsageError};
use crate::terminal::Progress;

/// What all scenarios are told.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The relay to run.
    pub relay: PathBuf,
    /// Flags for it, after those of the scenario.
    pub flags: Vec<String>,
    /// This program, for the processes that help it.
    pub program: PathBuf,
    /// Ends a run before its time.
    pub interrupt: Interrupt,
}

/// A report of a scenario with settings of its own.
fn report_of(scenario: &str, plan: &impl Serialize) -> Report {
    let mut report = Report::new(scenario);
    // Without it reports of different loads could be compared.
    report.plan(serde_json::to_value(plan).unwrap_or_default());
    report
}

/// Checks a setting by its bounds.
fn within_bounds(
    key: &'static str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), PlanError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
    let (least, most) = (least as f64, most as f64);
    Err(PlanError::OutOfBounds { key, least, most })
}

/// Checks rooms that are filled with sessions, and the deliveries to them.
fn check_rooms(
    (sessions, members): (usize, usize),
    (rate, key): (u64, &'static str),
) -> Result<(), PlanError> {
    within_bounds("members", members, 1, sessions)?;
    within_bounds(key, usize::try_from(rate).unwrap_or(usize::MAX), 1, 1_000_000_000)
}

/// So many deliveries a second, to all members of a room each: when messages are due.
fn deliveries(from: Time, rate: u64, members: usize) -> Schedule {
    #[expect(clippy::cast_precision_loss, reason = "rates and rooms are far below 2^53")]
    let messages = rate as f64 / members as f64;
    Schedule::at(from, messages)
}

/// Carries a plan out.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, interrupt: Interrupt, progress: Progress) -> Result<Report, RunError> {
    let mut course = Course::start(plan, interrupt, progress)?;
    match plan.kind {
        Kind::Idle => idle::run(&mut course)?,
        Kind::Connect => connect::run(&mut course)?,
        Kind::Echo | Kind::Fan | Kind::Chat => traffic::run(&mut course)?,
        Kind::Tortoise => tortoise::run(&mut course)?,
        Kind::Storm => storm::run(&mut course)?,
    }
    course.finish()
}

/// Why a run came to no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The driver's poll or sockets failed.
    #[error("driver: {0}")]
    Driver(#[from] io::Error),
    /// There is no relay.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The relay is gone.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A proxy failed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The sessions did not open.
    #[error("{open} of {wanted} sessions opened after {waits} waits; last trouble: {trouble}")]
    NotOpen {
        /// How many did.
        open: usize,
        /// How many should have.
        wanted: usize,
        /// How often sessions had to wait and try again.
        waits: u64,
        /// Why a connection was lost, or could not be made, the last time.
        trouble: String,
    },
    /// What was asked for makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server cannot be reached as it was said.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// There are no accounts.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// There are not enough descriptors.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// A thread of the harness ended early.
    #[error("a thread of the harness ended early")]
    Thread,
}

/// A line about how a run goes on, for whoever watches.
pub(crate) fn tell(line: &str) {
    #[expect(clippy::print_stderr, reason = "a program talks to its user")]
    {
        eprintln!("{line}");
    }
}

fn flags(pairs: &[(&str, String)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_larger_than_the_crowd_and_rates_of_nothing_are_refused() {
        assert_eq!(check_rooms((40, 20), (1, "rate")), Ok(()));
        let key = |outcome: Result<(), PlanError>| match outcome {
            Err(PlanError::OutOfBounds { key, .. }) => key,
            other => panic!("{other:?}"),
        };
        assert_eq!(key(check_rooms((10, 20), (1, "rate"))), "members");
        assert_eq!(key(check_rooms((10, 0), (1, "rate"))), "members");
        assert_eq!(key(check_rooms((10, 5), (0, "crowd-rate"))), "crowd-rate");
    }

    #[test]
    fn a_rate_below_one_message_a_second_is_no_silence() {
        let mut schedule = deliveries(Time::default(), 10, 20);
        let taken = std::iter::from_fn(|| schedule.take(Time::from_micros(4_000_000)));
        assert_eq!(taken.count(), 3, "at 0, 2 and 4 s");
    }

    #[test]
    fn the_load_is_part_of_a_report() {
        let report = report_of("cuts", &vec![15_000]);
        assert_eq!(report.planned(), &serde_json::json!([15_000]));
    }
}
