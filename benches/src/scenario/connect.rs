//! `connect`: sessions that open: TCP, the upgrade, the authentication and the rooms.
//!
//! All sessions open, then all close, and again until the time is over. The opening is measured,
//! from the first attempt to the last open session. Closing is not: sessions say that they leave
//! and end their connections by a reset, since a port in TIME_WAIT would not be there for the next
//! opening.

use std::time::Duration;

use super::RunError;
use super::execution::{Execution, real};
use super::flow::thresholds;
use crate::clock;
use crate::driver::Time;
use crate::latency::Latency;
use crate::plan::Plan;
use crate::report::Findings;
use crate::run::{Threads, WaitResult};

/// Cost of the openings together.
#[derive(Clone, Debug, Default)]
struct Openings {
    sessions: u64,
    took: Duration,
    server: Option<Duration>,
    own: Duration,
}

/// Limit of the time for all to open, and for the server to see that they are gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// A server that uses less than this in [`LOOK`] has seen it.
const QUIET: Duration = Duration::from_micros(500);
const LOOK: Duration = Duration::from_millis(30);
/// CPU of the harness, as a share of its threads, beyond which it was the limit.
const BUSY: f64 = 0.9;

/// Opens sessions, again and again.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub(super) fn run(execution: &mut Execution<'_>) -> Result<(), RunError> {
    let plan = execution.plan;
    execution.watch.phase("warm-up", Some(plan.times.warm_up));
    let mut goes_on = true;
    let warm = clock::now() + plan.times.warm_up;
    // The first opening is never measured: the server has not seen a session yet.
    while goes_on {
        goes_on = open(execution, &mut Openings::default())?;
        if clock::now() >= warm {
            break;
        }
    }
    let _times_of_the_warm_up = execution.threads.take_opens()?;
    execution.watch.phase("measure", Some(plan.times.measure));
    let (mut openings, until) = (Openings::default(), clock::now() + plan.times.measure);
    while goes_on {
        goes_on = open(execution, &mut openings)?;
        if clock::now() >= until {
            break;
        }
    }
    let opens = execution.threads.take_opens()?;
    figures(plan, &openings, &opens, &mut execution.findings);
    execution.watch.phase("settle", None);
    Ok(())
}

/// All sessions open and close; returns whether the run goes on.
fn open(execution: &mut Execution<'_>, openings: &mut Openings) -> Result<bool, RunError> {
    let (server, own) = (execution.watch.server_cpu(), clock::process_cpu());
    if !execution.open_sessions(execution.plan.connections.connect_rate, PATIENCE)? {
        return Ok(false);
    }
    // Up to the last opening, not to the next look: that includes the harness's own sleep.
    openings.took += execution.threads.opening();
    openings.own += clock::process_cpu().saturating_sub(own);
    openings.sessions += execution.plan.sessions as u64;
    let used = server.zip(execution.watch.server_cpu()).map(|(from, to)| to.saturating_sub(from));
    openings.server = used.map(|used| openings.server.unwrap_or_default() + used);
    execution.threads.close_all()?;
    quiet(execution)
}

/// Waits until the server has handled the closed connections.
fn quiet(execution: &mut Execution<'_>) -> Result<bool, RunError> {
    let Execution { threads, watch, .. } = execution;
    let deadline = clock::now() + PATIENCE;
    let gone = |threads: &Threads| threads.status().open == 0;
    if watch.wait_for(threads, deadline, gone)? == WaitResult::Interrupted {
        return Ok(false);
    }
    let mut before = watch.server_cpu();
    while clock::now() < deadline {
        if watch.pass(threads, next_look())? == WaitResult::Interrupted {
            return Ok(false);
        }
        let now = watch.server_cpu();
        if before.zip(now).is_none_or(|(before, now)| now.saturating_sub(before) < QUIET) {
            break;
        }
        before = now;
    }
    Ok(true)
}

fn next_look() -> Time {
    clock::now() + LOOK
}

fn figures(plan: &Plan, openings: &Openings, opens: &Latency, findings: &mut Findings) {
    if openings.sessions == 0 {
        return findings.note("the run ended before anything was measured");
    }
    let (sessions, took) = (real(openings.sessions), openings.took.as_secs_f64());
    findings.throughput("handshakes", sessions / took, "/s");
    if let Some(server) = openings.server {
        let each = server.as_secs_f64() * 1e6 / sessions;
        findings.cost("server CPU for each handshake", each, "us");
        findings.figure("server CPU", server.as_secs_f64() / took, "cores");
    }
    let own = openings.own.as_secs_f64() / took;
    findings.figure("harness CPU", own, "cores");
    findings.distribution("handshake", opens);
    thresholds(plan, "handshakes", opens, findings);
    // With a rate, time is burnt in order to be punctual.
    if plan.connections.connect_rate.is_none() {
        if own > BUSY * real(plan.threads as u64) {
            findings
                .harness_limited(format!("it used {own:.2} cores with {} threads", plan.threads));
        }
        findings.note(format!(
            "closed loop, {} connections at a time: the times say how long the queue was",
            plan.connections.concurrency
        ));
    }
}
