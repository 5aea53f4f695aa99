//! Messages that flow through a window, and the figures of it.
//!
//! With an open flow messages are due at an even rate, and times count from then. With a closed
//! one a publisher sends when fewer than its window of messages are under way: that finds the
//! maximum throughput of a server, and its times are queueing times.

use std::time::Duration;

use super::RunError;
use super::execution::{Execution, real};
use crate::clock;
use crate::latency::Latency;
use crate::plan::{Kind, Plan};
use crate::report::{Figure, Findings};
use crate::run::{Measurement, Pace, WaitResult};

/// Measurement of a window, and the server's CPU in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub(super) measurement: Measurement,
    pub(super) cpu: Option<Duration>,
}

/// Time from the order to the first message.
pub(super) const HEADSTART: Duration = Duration::from_millis(20);

/// Lets messages flow, for the warm-up and then for the window, which has a name. The measurement
/// of the threads is to be collected later; the server's CPU in the window is known.
pub(super) fn flow(
    execution: &mut Execution<'_>,
    pace: Pace,
    warm_up: Duration,
    (name, lasting): (&'static str, Duration),
) -> Result<Measured, RunError> {
    let Execution { threads, watch, .. } = execution;
    let from = clock::now() + HEADSTART;
    let window = from + warm_up..from + warm_up + lasting;
    threads.start_sending(pace, from, window.clone())?;
    watch.phase("warm-up", Some(warm_up));
    let mut outcome = watch.pass(threads, window.start)?;
    let before = watch.server_cpu();
    watch.phase(name, Some(lasting));
    if outcome == WaitResult::TimedOut {
        outcome = watch.pass(threads, window.end)?;
    }
    if outcome == WaitResult::Interrupted {
        threads.cut()?;
    }
    let after = watch.server_cpu();
    let cpu = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    Ok(Measured { measurement: Measurement::default(), cpu })
}

/// Name of a delivery.
pub(super) const fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Echo => ("echo", "echoes"),
        _ => ("delivery", "deliveries"),
    }
}

/// Deliveries a second: with an open flow only of messages that were due in the window.
pub(super) fn rate(pace: Pace, measurement: &Measurement) -> f64 {
    let count = if matches!(pace, Pace::Open(_)) { measurement.due } else { measurement.arrived };
    real(count) / measurement.window.as_secs_f64()
}

pub(super) fn figures(plan: &Plan, pace: Pace, measured: &Measured, findings: &mut Findings) {
    let Measured { measurement, cpu } = measured;
    let (one, many) = names(plan.kind);
    if measurement.window.is_zero() {
        return findings.note("the run ended before anything was measured");
    }
    let window = measurement.window.as_secs_f64();
    findings.throughput(many, rate(pace, measurement), "/s");
    findings.throughput("messages", real(measurement.sent) / window, "/s");
    if let Some(cpu) = cpu.filter(|_| measurement.arrived > 0) {
        let each = cpu.as_secs_f64() * 1e6 / real(measurement.arrived);
        findings.cost(format!("server CPU for each {one}"), each, "us");
        let cores = Figure::new("server CPU", cpu.as_secs_f64() / window, "cores");
        findings.add(cores.lower_is_better());
    }
    findings.figure("harness CPU", measurement.cpu(), "cores");
    findings.distribution(one, &measurement.latency);
    thresholds(plan, many, &measurement.latency, findings);
    measurement.limits().into_iter().for_each(|why| findings.harness_limited(why));
    remarks(pace, measurement, findings);
}

/// Compares times with their thresholds.
pub(super) fn thresholds(plan: &Plan, many: &str, latency: &Latency, findings: &mut Findings) {
    for threshold in &plan.thresholds {
        if latency.is_empty() {
            findings.violation(format!("nothing came that could be held against {threshold}"));
            continue;
        }
        let name = format!("{} of {many}", threshold.name());
        let most = threshold.most.as_secs_f64() * 1e3;
        findings.at_most(name, latency.ms(threshold.share), most, "ms");
    }
}

/// Figures of the timed sessions in one of several windows.
pub(super) fn timed_figures(
    (whose, when): (&str, &str),
    pace: Pace,
    measured: &Measured,
    findings: &mut Findings,
) {
    let Measured { measurement, cpu } = measured;
    if measurement.window.is_zero() {
        return findings.note(format!("{when}: the run ended before anything was measured"));
    }
    findings.throughput(format!("deliveries to {whose}, {when}"), rate(pace, measurement), "/s");
    if let Some(cpu) = cpu {
        let cores = cpu.as_secs_f64() / measurement.window.as_secs_f64();
        findings.add(Figure::new(format!("server CPU, {when}"), cores, "cores").lower_is_better());
    }
    findings.figure(format!("harness CPU, {when}"), measurement.cpu(), "cores");
    findings.distribution(format!("delivery, {when}"), &measurement.latency);
    for why in measurement.limits() {
        findings.harness_limited(format!("{when}: {why}"));
    }
    remarks(pace, measurement, findings);
}

pub(super) fn remarks(pace: Pace, measurement: &Measurement, findings: &mut Findings) {
    let came = measurement.latency.len();
    if matches!(pace, Pace::Open(_)) && real(measurement.due) < 0.99 * real(came) {
        let late = came - measurement.due;
        findings.note(format!("the server fell behind: {late} of {came} came after the window"));
    }
    if let Pace::Closed(window) = pace {
        findings.note(format!(
            "closed loop with a window of {window}: the rate is what the server can do, and the \
             times say how long its queue was"
        ));
    }
    if measurement.held_back > 0 {
        let held = measurement.held_back;
        findings.note(format!("{held} messages waited because their session took no more"));
    }
    if measurement.untimed > 0 {
        let untimed = measurement.untimed;
        findings.note(format!(
            "{untimed} deliveries are in no times and no rate: bodies as short as these do not say \
             when they were due, and they came when it was not known any more"
        ));
    }
    if measurement.unsent > 0 {
        let unsent = measurement.unsent;
        findings.violation(format!(
            "{unsent} messages were never sent: their sessions did not take them to the end"
        ));
    }
    if measurement.stalls > 0 {
        let stalls = measurement.stalls;
        findings.note(format!("nothing came for a second, {stalls} times: the window began anew"));
    }
}
