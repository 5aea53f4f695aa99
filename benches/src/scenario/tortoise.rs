//! A share of the readers stops, with their connections open, and reads on later.
//!
//! Messages flow twice, each time with a warm-up and a window: first to readers who all read, then
//! while some do not. The times of the others must be what they were, and the server's memory may
//! grow so far and no further. Then the stalled read again, and whatever is owed to them comes, or
//! a gap tells of it.
//!
//! All the while some of those who read leave, and log in again as sessions that the server has
//! not seen. None of them is to be turned away, and nobody who reads is to be cut off: if
//! memory is short, there are stalled connections to take it from.

use std::time::Duration;

use super::RunError;
use super::course::{Course, real};
use super::flow::{Measured, flow, timed_figures};
use crate::audience::Losses;
use crate::clock;
use crate::driver::Time;
use crate::plan::{Flow, Stall};
use crate::report::{Figure, Findings};
use crate::run::{Crew, Outcome, Talk};

/// The server's memory, if it is known.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    before: Option<u64>,
    /// The most while some did not read.
    most: Option<u64>,
    /// When all had read.
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
        let _first_logins = course.crew.take_opens()?;
        measure(course, Talk::Open(rate), stall)?;
    }
    Ok(())
}

fn measure(course: &mut Course<'_>, talk: Talk, stall: Stall) -> Result<(), RunError> {
    let all = part(course, talk, "measure")?;
    timed_figures(("readers", "all reading"), talk, &all, &mut course.findings);
    logins(course, "all reading", &all)?;
    if course.watch.is_interrupted() {
        return Ok(());
    }
    let mut memory = Memory { before: course.watch.server_resident(), ..Memory::default() };
    let _of_the_first_part = course.watch.take_peak();
    course.crew.stall(true)?;
    let some = part(course, talk, "stalled")?;
    memory.most = course.watch.take_peak();
    timed_figures(("readers", "others stalled"), talk, &some, &mut course.findings);
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

/// A warm-up and a window; ends when those who read have everything, and are all there.
fn part(course: &mut Course<'_>, talk: Talk, name: &'static str) -> Result<Measured, RunError> {
    let times = course.plan.times;
    let mut measured = flow(course, talk, times.warm_up, (name, times.measure))?;
    measured.finding = course.settle()?;
    if !are_there(&course.crew) && !course.watch.is_interrupted() {
        let most = course.plan.times.settle;
        let _outcome = course.watch.insist(&course.crew, most, are_there)?;
        measured.finding.losses.merge(course.crew.collect()?.losses);
    }
    Ok(measured)
}

/// Nobody is on the way, or has gone. Who stalls notices nothing, and counts as there.
fn are_there(crew: &Crew) -> bool {
    crew.shown().open >= crew.sessions() as u64
}

/// How those fared who logged in, and whether anybody was sent away or cut off.
fn logins(course: &mut Course<'_>, when: &str, measured: &Measured) -> Result<(), RunError> {
    let logins = course.crew.take_opens()?;
    let is_interrupted = course.watch.is_interrupted();
    let shown = course.crew.shown();
    let findings = &mut course.findings;
    findings.count(format!("logins, {when}"), logins.len());
    if !logins.is_empty() {
        findings.distribution(format!("login, {when}"), &logins);
    }
    let Losses { cut_off, turned_away } = measured.finding.losses;
    let absent = (course.plan.sessions as u64).saturating_sub(shown.open);
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

/// The stalled read again, until they have what is owed to them and nothing more comes.
fn go_on(course: &mut Course<'_>) -> Result<(), RunError> {
    course.watch.phase("catch up", None);
    let since = clock::now();
    course.crew.stall(false)?;
    let (mut last, mut changed): (u64, Time) = (0, since);
    let is_over = |crew: &Crew| {
        let (arrived, now) = (crew.shown().arrived, clock::now());
        if arrived != last {
            (last, changed) = (arrived, now);
        }
        now.since(changed) > QUIET && crew.is_settled(since)
    };
    let outcome = course.watch.insist(&course.crew, course.plan.times.settle, is_over)?;
    if outcome == Outcome::TimedOut {
        course.findings.note("the stalled were still catching up when the wait was over");
    }
    Ok(())
}

fn judge_times(all: &Measured, some: &Measured, stall: Stall, findings: &mut Findings) {
    let (before, meanwhile) = (&all.finding.latency, &some.finding.latency);
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
