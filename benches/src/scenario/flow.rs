//! Messages that flow through a window, and the figures of it.
//!
//! With an open flow messages are due at an even rate, and times count from then. With a closed
//! one a publisher sends when fewer than its window of messages are under way: that finds the
//! maximum throughput of a server, and its times are queueing times.

use std::time::Duration;

use super::RunError;
use super::course::{Course, real};
use crate::clock;
use crate::latency::Latency;
use crate::plan::{Kind, Plan};
use crate::report::{Figure, Findings};
use crate::run::{Finding, Outcome, Talk};

/// What the window cost the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub(super) finding: Finding,
    pub(super) cpu: Option<Duration>,
}

/// From the talk's first message to the first that may be due.
pub(super) const HEADSTART: Duration = Duration::from_millis(20);

/// Lets messages flow, for the warm-up and then for the window, which has a name. What came is to
/// be collected later; what the server used in the window is known.
pub(super) fn flow(
    course: &mut Course<'_>,
    talk: Talk,
    warm_up: Duration,
    (name, lasting): (&'static str, Duration),
) -> Result<Measured, RunError> {
    let Course { crew, watch, .. } = course;
    let from = clock::now() + HEADSTART;
    let window = from + warm_up..from + warm_up + lasting;
    crew.talk(talk, from, window.clone())?;
    watch.phase("warm-up", Some(warm_up));
    let mut outcome = watch.pass(crew, window.start)?;
    let before = watch.server_cpu();
    watch.phase(name, Some(lasting));
    if outcome == Outcome::TimedOut {
        outcome = watch.pass(crew, window.end)?;
    }
    if outcome == Outcome::Interrupted {
        crew.cut()?;
    }
    let after = watch.server_cpu();
    let cpu = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    Ok(Measured { finding: Finding::default(), cpu })
}

/// What a delivery is called.
pub(super) const fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Echo => ("echo", "echoes"),
        _ => ("delivery", "deliveries"),
    }
}

/// Deliveries a second: with an open flow only of messages that were due in the window.
pub(super) fn rate(talk: Talk, finding: &Finding) -> f64 {
    let count = if matches!(talk, Talk::Open(_)) { finding.due } else { finding.arrived };
    real(count) / finding.window.as_secs_f64()
}

pub(super) fn figures(plan: &Plan, talk: Talk, measured: &Measured, findings: &mut Findings) {
    let Measured { finding, cpu } = measured;
    let (one, many) = names(plan.kind);
    if finding.window.is_zero() {
        return findings.note("the run ended before anything was measured");
    }
    let window = finding.window.as_secs_f64();
    findings.throughput(many, rate(talk, finding), "/s");
    findings.throughput("messages", real(finding.sent) / window, "/s");
    if let Some(cpu) = cpu.filter(|_| finding.arrived > 0) {
        let each = cpu.as_secs_f64() * 1e6 / real(finding.arrived);
        findings.cost(format!("server CPU for each {one}"), each, "us");
        let cores = Figure::new("server CPU", cpu.as_secs_f64() / window, "cores");
        findings.add(cores.lower_is_better());
    }
    findings.figure("harness CPU", finding.cpu(), "cores");
    findings.distribution(one, &finding.latency);
    thresholds(plan, many, &finding.latency, findings);
    finding.limits().into_iter().for_each(|why| findings.harness_limited(why));
    remarks(talk, finding, findings);
}

/// Holds the times against what they must keep.
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

/// What there was for those who are timed in one of several windows.
pub(super) fn timed_figures(
    (whose, when): (&str, &str),
    talk: Talk,
    measured: &Measured,
    findings: &mut Findings,
) {
    let Measured { finding, cpu } = measured;
    if finding.window.is_zero() {
        return findings.note(format!("{when}: the run ended before anything was measured"));
    }
    findings.throughput(format!("deliveries to {whose}, {when}"), rate(talk, finding), "/s");
    if let Some(cpu) = cpu {
        let cores = cpu.as_secs_f64() / finding.window.as_secs_f64();
        findings.add(Figure::new(format!("server CPU, {when}"), cores, "cores").lower_is_better());
    }
    findings.figure(format!("harness CPU, {when}"), finding.cpu(), "cores");
    findings.distribution(format!("delivery, {when}"), &finding.latency);
    for why in finding.limits() {
        findings.harness_limited(format!("{when}: {why}"));
    }
    remarks(talk, finding, findings);
}

pub(super) fn remarks(talk: Talk, finding: &Finding, findings: &mut Findings) {
    let came = finding.latency.len();
    if matches!(talk, Talk::Open(_)) && real(finding.due) < 0.99 * real(came) {
        let late = came - finding.due;
        findings.note(format!("the server fell behind: {late} of {came} came after the window"));
    }
    if let Talk::Closed(window) = talk {
        findings.note(format!(
            "closed loop with a window of {window}: the rate is what the server can do, and the \
             times say how long its queue was"
        ));
    }
    if finding.held_back > 0 {
        let held = finding.held_back;
        findings.note(format!("{held} messages waited because their session took no more"));
    }
    if finding.untimed > 0 {
        let untimed = finding.untimed;
        findings.note(format!(
            "{untimed} deliveries are in no times and no rate: bodies as short as these do not say \
             when they were due, and they came when it was not known any more"
        ));
    }
    if finding.unsent > 0 {
        let unsent = finding.unsent;
        findings.violation(format!(
            "{unsent} messages were never sent: their sessions did not take them to the end"
        ));
    }
    if finding.stalls > 0 {
        let stalls = finding.stalls;
        findings.note(format!("nothing came for a second, {stalls} times: the window began anew"));
    }
}
