//! `storm`: very many connections are lost at once, and come back without hurting the others.
//!
//! Messages flow as in `fan`, twice: first nothing happens, then all sessions are cut except some
//! that stay. Only the deliveries to these are timed, since the others get theirs late because they
//! were away. The time of a return counts from the end of the session's wait: its own back-off, or
//! the time that the server gave it. Where sessions are resumed nothing may be lost; elsewhere a
//! cut session is owed nothing until it is open again.

use std::time::Duration;

use super::RunError;
use super::course::{Course, real};
use super::flow::{HEADSTART, Measured, flow, timed_figures};
use crate::audience::Comebacks;
use crate::clock;
use crate::plan::{Flow, Storm};
use crate::report::{Figure, Findings};
use crate::run::{Measurement, Pace, WaitResult};

/// Limit of the wait for cut sessions.
const PATIENCE: Duration = Duration::from_secs(60);
/// The least time over which the sessions that stay are watched after the cut.
const WATCH: Duration = Duration::from_secs(3);
/// The longest time that messages flow before the cut, after a pause.
const LEAD: Duration = Duration::from_secs(1);

/// Sessions whose deliveries are timed.
const WHOSE: &str = "those who stay";

/// Runs it.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub(super) fn run(course: &mut Course<'_>) -> Result<(), RunError> {
    let plan = course.plan;
    if course.ramp()?
        && let (Flow::Open(rate), Some(storm)) = (plan.flow, plan.disturbances.storm)
    {
        let pace = Pace::Open(rate);
        let before = calm(course, pace)?;
        if course.watch.is_interrupted() {
            course.findings.note("the run ended before anything was cut");
        } else {
            strike(course, pace, storm, &before)?;
        }
    }
    Ok(())
}

/// Messages flow, and nothing happens.
fn calm(course: &mut Course<'_>, pace: Pace) -> Result<Measurement, RunError> {
    let times = course.plan.times;
    let mut measured = flow(course, pace, times.warm_up, ("measure", times.measure))?;
    measured.measurement = course.settle()?;
    timed_figures((WHOSE, "before the cut"), pace, &measured, &mut course.findings);
    Ok(measured.measurement)
}

/// Messages flow, and the connections are cut.
fn strike(
    course: &mut Course<'_>,
    pace: Pace,
    storm: Storm,
    before: &Measurement,
) -> Result<(), RunError> {
    let memory_before = course.watch.server_memory();
    let mut measured = storm_window(course, pace)?;
    measured.measurement = course.settle()?;
    let is_partial = course.watch.is_interrupted();
    let (findings, measurement) = (&mut course.findings, &measured.measurement);
    comebacks(&measurement.comebacks, storm, is_partial, findings);
    timed_figures((WHOSE, "in the storm"), pace, &measured, findings);
    if !is_partial {
        let ratio = measurement.latency.ms(0.99) / before.latency.ms(0.99);
        let name = "p99 of those who stay, storm to before";
        findings.at_most(name, ratio, storm.slower, "times");
    }
    if let Some((before, after)) = memory_before.zip(course.watch.server_memory()) {
        let mib = |bytes: u64| real(bytes) / f64::from(1 << 20);
        course.findings.figure("server memory before the cut", mib(before), "MiB");
        course.findings.figure("server memory after the storm", mib(after), "MiB");
    }
    Ok(())
}

/// The window that begins with the cut, and ends when all are back, but not too soon.
fn storm_window(course: &mut Course<'_>, pace: Pace) -> Result<Measured, RunError> {
    let Course { threads, watch, plan, .. } = course;
    let from = clock::now() + HEADSTART;
    let cut = from + plan.times.warm_up.min(LEAD);
    let deadline = cut + PATIENCE;
    threads.start_sending(pace, from, cut..deadline)?;
    threads.storm(cut)?;
    watch.phase("before the cut", Some(cut.since(from)));
    let mut outcome = watch.pass(threads, cut)?;
    let cpu = watch.server_cpu();
    watch.phase("storm", None);
    if outcome != WaitResult::Interrupted {
        outcome = watch.wait_for(threads, deadline, |threads| threads.are_back())?;
    }
    if outcome == WaitResult::Done {
        outcome = watch.pass(threads, cut + plan.times.measure.min(WATCH))?;
    }
    threads.cut()?;
    let cpu = cpu.zip(watch.server_cpu()).map(|(from, to)| to.saturating_sub(from));
    if outcome == WaitResult::Interrupted {
        // Cut sessions must be back before anything can be judged.
        threads.stop_sending()?;
        let since = clock::now();
        let _outcome =
            watch.wait_regardless(threads, PATIENCE, |threads| threads.is_nobody_away(since))?;
    }
    Ok(Measured { measurement: Measurement::default(), cpu })
}

fn comebacks(comebacks: &Comebacks, storm: Storm, is_partial: bool, findings: &mut Findings) {
    let Comebacks { cut, back, waits, began, ended, took, .. } = comebacks;
    findings.count("sessions cut", *cut);
    findings.count("sessions back", *back);
    findings.count("attempts that had to wait again", waits.saturating_sub(*cut));
    if back < cut {
        findings.violation(format!("{} sessions did not come back", cut - back));
    }
    if let Some(began) = began.filter(|_| *back > 0) {
        let all =
            Figure::new("from the cut to the last session back", ms(ended.since(began)), "ms");
        findings.add(all.lower_is_better());
        findings.distribution("from free to come back to open", took);
    }
    if !is_partial {
        let name = "from free to come back to open, last";
        findings.at_most(name, took.ms(1.0), ms(storm.back_within), "ms");
    }
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
