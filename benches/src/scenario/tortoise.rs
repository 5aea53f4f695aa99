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
use super::execution::{Execution, real};
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
pub(super) fn run(execution: &mut Execution<'_>) -> Result<(), RunError> {
    let plan = execution.plan;
    if let (true, Flow::Open(rate), Some(stall)) =
        (execution.ramp()?, plan.flow, plan.disturbances.stall)
    {
        let _first_logins = execution.threads.take_opens()?;
        measure(execution, Pace::Open(rate), stall)?;
    }
    Ok(())
}

fn measure(execution: &mut Execution<'_>, pace: Pace, stall: Stall) -> Result<(), RunError> {
    let all = part(execution, pace, "measure")?;
    timed_figures(("readers", "all reading"), pace, &all, &mut execution.findings);
    logins(execution, "all reading", &all)?;
    if execution.watch.is_interrupted() {
        return Ok(());
    }
    let mut memory = Memory { before: execution.watch.server_resident(), ..Memory::default() };
    let _of_the_first_part = execution.watch.take_peak();
    execution.threads.stall(true)?;
    let some = part(execution, pace, "stalled")?;
    memory.most = execution.watch.take_peak();
    timed_figures(("readers", "others stalled"), pace, &some, &mut execution.findings);
    logins(execution, "others stalled", &some)?;
    go_on(execution)?;
    memory.after = execution.watch.server_resident();
    let findings = &mut execution.findings;
    findings.count("sessions stalled", stall.sessions as u64);
    if !execution.watch.is_interrupted() {
        judge_times(&all, &some, stall, findings);
    }
    judge_memory(memory, stall, findings);
    Ok(())
}

/// A warm-up and a window; ends when all reading sessions are there and have everything.
fn part(
    execution: &mut Execution<'_>,
    pace: Pace,
    name: &'static str,
) -> Result<Measured, RunError> {
    let times = execution.plan.times;
    let mut measured = flow(execution, pace, times.warm_up, (name, times.measure))?;
    measured.measurement = execution.settle()?;
    if !are_there(&execution.threads) && !execution.watch.is_interrupted() {
        let most = execution.plan.times.settle;
        let _outcome = execution.watch.wait_regardless(&execution.threads, most, are_there)?;
        measured.measurement.losses.merge(execution.threads.collect()?.losses);
    }
    Ok(measured)
}

/// Whether no session is on the way or gone. Stalled sessions notice nothing, and count as there.
fn are_there(threads: &Threads) -> bool {
    threads.status().open >= threads.sessions() as u64
}

/// Logins of a window, and sessions that were turned away or cut off.
fn logins(execution: &mut Execution<'_>, when: &str, measured: &Measured) -> Result<(), RunError> {
    let logins = execution.threads.take_opens()?;
    let is_interrupted = execution.watch.is_interrupted();
    let status = execution.threads.status();
    let findings = &mut execution.findings;
    findings.count(format!("logins, {when}"), logins.len());
    if !logins.is_empty() {
        findings.distribution(format!("login, {when}"), &logins);
    }
    let Losses { cut_off, turned_away } = measured.measurement.losses;
    let absent = (execution.plan.sessions as u64).saturating_sub(status.open);
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
fn go_on(execution: &mut Execution<'_>) -> Result<(), RunError> {
    execution.watch.phase("catch up", None);
    let since = clock::now();
    execution.threads.stall(false)?;
    let (mut last, mut changed): (u64, Time) = (0, since);
    let is_over = |threads: &Threads| {
        let (arrived, now) = (threads.status().arrived, clock::now());
        if arrived != last {
            (last, changed) = (arrived, now);
        }
        now.since(changed) > QUIET && threads.is_settled(since)
    };
    let outcome = execution.watch.wait_regardless(
        &execution.threads,
        execution.plan.times.settle,
        is_over,
    )?;
    if outcome == WaitResult::TimedOut {
        execution.findings.note("the stalled were still catching up when the wait was over");
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
