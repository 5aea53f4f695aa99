//! `storm`: very many connections are lost at once, and come back without hurting the others.
//!
//! Messages flow as in `fan`, twice: first nothing happens, then all sessions are cut except some
//! that stay. Only the deliveries to these are timed, since the others get theirs late because they
//! were away. The time of a return counts from the end of the session's wait: its own back-off, or
//! the time that the server gave it. Where sessions are resumed nothing may be lost; elsewhere a
//! cut session is owed nothing until it is open again.

use std::time::Duration;

use super::RunError;
use super::execution::{Execution, real};
use super::flow::{HEADSTART, Measured, flow, timed_figures};
use crate::audience::Reconnects;
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
pub(super) fn run(execution: &mut Execution<'_>) -> Result<(), RunError> {
    let plan = execution.plan;
    if execution.ramp()?
        && let (Flow::Open(rate), Some(storm)) = (plan.flow, plan.disturbances.storm)
    {
        let pace = Pace::Open(rate);
        let before = calm(execution, pace)?;
        if execution.watch.is_interrupted() {
            execution.findings.note("the run ended before anything was cut");
        } else {
            strike(execution, pace, storm, &before)?;
        }
    }
    Ok(())
}

/// Messages flow, and nothing happens.
fn calm(execution: &mut Execution<'_>, pace: Pace) -> Result<Measurement, RunError> {
    let times = execution.plan.times;
    let mut measured = flow(execution, pace, times.warm_up, ("measure", times.measure))?;
    measured.measurement = execution.settle()?;
    timed_figures((WHOSE, "before the cut"), pace, &measured, &mut execution.findings);
    Ok(measured.measurement)
}

/// Messages flow, and the connections are cut.
fn strike(
    execution: &mut Execution<'_>,
    pace: Pace,
    storm: Storm,
    before: &Measurement,
) -> Result<(), RunError> {
    let memory_before = execution.watch.server_memory();
    let mut measured = storm_window(execution, pace)?;
    measured.measurement = execution.settle()?;
    let is_partial = execution.watch.is_interrupted();
    let (findings, measurement) = (&mut execution.findings, &measured.measurement);
    reconnects(&measurement.reconnects, storm, is_partial, findings);
    timed_figures((WHOSE, "in the storm"), pace, &measured, findings);
    if !is_partial {
        let ratio = measurement.latency.ms(0.99) / before.latency.ms(0.99);
        let name = "p99 of those who stay, storm to before";
        findings.at_most(name, ratio, storm.slower, "times");
    }
    if let Some((before, after)) = memory_before.zip(execution.watch.server_memory()) {
        let mib = |bytes: u64| real(bytes) / f64::from(1 << 20);
        execution.findings.figure("server memory before the cut", mib(before), "MiB");
        execution.findings.figure("server memory after the storm", mib(after), "MiB");
    }
    Ok(())
}

/// The window that begins with the cut, and ends when all are back, but not too soon.
fn storm_window(execution: &mut Execution<'_>, pace: Pace) -> Result<Measured, RunError> {
    let Execution { threads, watch, plan, .. } = execution;
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

fn reconnects(reconnects: &Reconnects, storm: Storm, is_partial: bool, findings: &mut Findings) {
    let Reconnects { cut, back, waits, began, ended, took, .. } = reconnects;
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
