//! `tortoise`: a share of the readers stops, with their connections open, and reads on later.
//!
//! Messages flow twice, each time with a warm-up and a window: first while all read, then while
//! some have stopped. The times of the others must stay within a factor, and the server's memory
//! within a limit. Then the stalled sessions read again, and everything that is owed to them comes,
//! or a gap counts it.
//!
//! All the while some of the reading sessions leave, and log in again as sessions that are new to
//! the server. None of them may be turned away, and no reading session may be cut off: if memory is
//! short, there are stalled connections to take it from.

use std::time::Duration;

use super::RunError;
use super::course::{Course, real};
use super::flow::{Measured, flow, timed_figures};
use crate::audience::Losses;
use crate::clock;
use crate::driver::Time;
use crate::plan::{Flow, Stall};
use crate::report::{Figure, Findings};
use crate::run::{Pace, Threads, WaitResult};

/// The server's memory, if it is known.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    before: Option<u64>,
    /// The most while some did not read.
    most: Option<u64>,
    /// Memory when all had read.
    after: Option<u64>,
}

/// Nothing has come for so long: nothing more will.
const QUIET: Duration = Duration::from_secs(1);

/// Runs it.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub(super) fn run(course: &mut Course<'_>) -> Result<(), RunError> {
    let plan = course.plan;
    if let (true, Flow::Open(rate), Some(stall)) =
        (course.ramp()?, plan.flow, plan.disturbances.stall)
    {
        let _first_logins = course.threads.take_opens()?;
        measure(course, Pace::Open(rate), stall)?;
    }
    Ok(())
}

fn measure(course: &mut Course<'_>, pace: Pace, stall: Stall) -> Result<(), RunError> {
    let all = part(course, pace, "measure")?;
    timed_figures(("readers", "all reading"), pace, &all, &mut course.findings);
    logins(course, "all reading", &all)?;
    if course.watch.is_interrupted() {
        return Ok(());
    }
    let mut memory = Memory { before: course.watch.server_resident(), ..Memory::default() };
    let _of_the_first_part = course.watch.take_peak();
    course.threads.stall(true)?;
    let some = part(course, pace, "stalled")?;
    memory.most = course.watch.take_peak();
    timed_figures(("readers", "others stalled"), pace, &some, &mut course.findings);
    logins(course, "others stalled", &some)?;
    go_on(course)?;
    memory.after = course.watch.server_resident();
    let findings = &mut course.findings;
    findings.count("sessions stalled", stall.sessions as u64);
    if !course.watch.is_interrupted() {
        judge_times(&all, &some, stall, findings);
    }
    judge_memory(memory, stall, findings);
    Ok(())
}

/// A warm-up and a window; ends when all reading sessions are there and have everything.
fn part(course: &mut Course<'_>, pace: Pace, name: &'static str) -> Result<Measured, RunError> {
    let times = course.plan.times;
    let mut measured = flow(course, pace, times.warm_up, (name, times.measure))?;
    measured.measurement = course.settle()?;
    if !are_there(&course.threads) && !course.watch.is_interrupted() {
        let most = course.plan.times.settle;
        let _outcome = course.watch.wait_regardless(&course.threads, most, are_there)?;
        measured.measurement.losses.merge(course.threads.collect()?.losses);
    }
    Ok(measured)
}

/// Whether no session is on the way or gone. Stalled sessions notice nothing, and count as there.
fn are_there(threads: &Threads) -> bool {
    threads.status().open >= threads.sessions() as u64
}

/// Logins of a window, and sessions that were turned away or cut off.
fn logins(course: &mut Course<'_>, when: &str, measured: &Measured) -> Result<(), RunError> {
    let logins = course.threads.take_opens()?;
    let is_interrupted = course.watch.is_interrupted();
    let status = course.threads.status();
    let findings = &mut course.findings;
    findings.count(format!("logins, {when}"), logins.len());
    if !logins.is_empty() {
        findings.distribution(format!("login, {when}"), &logins);
    }
    let Losses { cut_off, turned_away } = measured.measurement.losses;
    let absent = (course.plan.sessions as u64).saturating_sub(status.open);
    for (count, what) in [
        (turned_away, "logins of sessions that read were turned away"),
        (cut_off, "sessions that read were cut off"),
        (if is_interrupted { 0 } else { absent }, "sessions that read were not there at the end"),
    ] {
        if count > 0 {
            findings.violation(format!("{when}: {count} {what}"));
        }
    }
    Ok(())
}

/// Lets the stalled sessions read again, until they have everything that is owed to them.
fn go_on(course: &mut Course<'_>) -> Result<(), RunError> {
    course.watch.phase("catch up", None);
    let since = clock::now();
    course.threads.stall(false)?;
    let (mut last, mut changed): (u64, Time) = (0, since);
    let is_over = |threads: &Threads| {
        let (arrived, now) = (threads.status().arrived, clock::now());
        if arrived != last {
            (last, changed) = (arrived, now);
        }
        now.since(changed) > QUIET && threads.is_settled(since)
    };
    let outcome =
        course.watch.wait_regardless(&course.threads, course.plan.times.settle, is_over)?;
    if outcome == WaitResult::TimedOut {
        course.findings.note("the stalled were still catching up when the wait was over");
    }
    Ok(())
}

fn judge_times(all: &Measured, some: &Measured, stall: Stall, findings: &mut Findings) {
    let (before, meanwhile) = (&all.measurement.latency, &some.measurement.latency);
    if before.is_empty() || meanwhile.is_empty() {
        return findings.note("no times to compare: too few messages in the windows");
    }
    let ratio = meanwhile.ms(0.99) / before.ms(0.99);
    findings.at_most("p99, others stalled to all reading", ratio, stall.slower, "times");
}

fn judge_memory(memory: Memory, stall: Stall, findings: &mut Findings) {
    let Memory { before: Some(before), most: Some(most), after } = memory else { return };
    let grown = most.saturating_sub(before);
    findings.figure("memory before", mib(before), "MiB");
    let figure = Figure::new("memory grown, others stalled", mib(grown), "MiB").lower_is_better();
    findings.add(match stall.growth {
        Some(growth) => figure.at_most(mib(growth)),
        None => figure,
    });
    if stall.sessions > 0 {
        let each = real(grown) / real(stall.sessions as u64);
        findings.add(Figure::new("memory of a stalled session", each, "bytes").lower_is_better());
    }
    if let Some(after) = after {
        let left = mib(after) - mib(before);
        findings.figure("memory grown, when all had read", left, "MiB");
    }
}

fn mib(bytes: u64) -> f64 {
    real(bytes) / f64::from(1 << 20)
}
