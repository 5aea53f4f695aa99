//! `idle`: cost of sessions that do nothing, in memory and in heartbeats.

use super::RunError;
use super::execution::{Execution, real};
use crate::clock;
use crate::dialect::Dialect;
use crate::report::Figure;
use crate::run::{Pace, WaitResult};

/// Opens sessions and looks at the server: after the warm-up, in which it may tidy up, and at the
/// end of the window.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub(super) fn run(execution: &mut Execution<'_>) -> Result<(), RunError> {
    if execution.ramp()? {
        measure(execution)?;
    }
    Ok(())
}

fn measure(execution: &mut Execution<'_>) -> Result<(), RunError> {
    let (times, sessions) = (execution.plan.times, real(execution.plan.sessions as u64));
    let Execution { threads, watch, findings, memory_before, .. } = execution;
    let opened = watch.server_memory();
    watch.phase("warm-up", Some(times.warm_up));
    let outcome = watch.pass(threads, clock::now() + times.warm_up)?;
    let rested = watch.server_memory();
    let (from, cpu) = (clock::now(), watch.server_cpu());
    watch.phase("measure", Some(times.measure));
    threads.start_sending(Pace::Silent, from, from..from + times.measure)?;
    if outcome != WaitResult::Interrupted {
        let _outcome = watch.pass(threads, from + times.measure)?;
    }
    let (cpu_after, until) = (watch.server_cpu(), clock::now());
    threads.cut()?;
    let measurement = threads.collect()?;
    findings.figure("harness CPU", measurement.cpu(), "cores");
    measurement.limits().into_iter().for_each(|why| findings.harness_limited(why));
    watch.phase("settle", None);
    let each = |memory: u64, before: u64| real(memory.saturating_sub(before)) / sessions;
    let mut memory = |name: &str, at: Option<u64>| {
        if let Some((at, before)) = at.zip(*memory_before) {
            findings.add(Figure::new(name, each(at, before), "bytes").lower_is_better());
        }
    };
    memory("memory of an idle session", rested);
    memory("memory of a session that has just opened", opened);
    let at_end = watch.server_memory();
    memory("memory of a session at the end", at_end);
    let took = until.since(from).as_secs_f64();
    if let Some((before, after)) = cpu.zip(cpu_after).filter(|_| took > 0.0) {
        let micros = after.saturating_sub(before).as_secs_f64() * 1e6;
        let each = micros / sessions / took;
        findings.add(Figure::new("idle CPU of a session", each, "us/s").lower_is_better());
    }
    if execution.plan.dialect == Dialect::Comet {
        findings.note("in the comet dialect the server says how often hearts beat");
    }
    if took < execution.plan.connections.heartbeat.as_secs_f64() {
        findings.note("the window is shorter than the time between two heartbeats");
    }
    Ok(())
}
