//! Very many connections are lost at once, and come back without hurting those that stayed.
//!
//! Messages flow as in `fan`, twice: first nothing happens, then all sessions are cut but those
//! that stay. Only the deliveries to these are timed, since what comes to the others late comes
//! late because they were away. How long a session took to come back counts from the moment when
//! it was free to: when its wait was over, by its own back-off or by the time that the server gave
//! it. Where sessions are resumed nothing may be lost; elsewhere who was cut is owed nothing until
//! it is open again.

use std::time::Duration;

use super::RunError;
use super::course::{Course, real};
use super::flow::{HEADSTART, Measured, flow, timed_figures};
use crate::audience::Comebacks;
use crate::clock;
use crate::plan::{Flow, Storm};
use crate::report::{Figure, Findings};
use crate::run::{Finding, Outcome, Talk};

/// How long who was cut is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The least time over which those who stay are watched after the cut.
const WATCH: Duration = Duration::from_secs(3);
/// The longest time that messages flow before the cut, after a pause.
const LEAD: Duration = Duration::from_secs(1);

/// Whose deliveries are timed.
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
        let talk = Talk::Open(rate);
        let before = calm(course, talk)?;
        if course.watch.is_interrupted() {
            course.findings.note("the run ended before anything was cut");
        } else {
            strike(course, talk, storm, &before)?;
        }
    }
    Ok(())
}

/// Messages flow, and nothing happens.
fn calm(course: &mut Course<'_>, talk: Talk) -> Result<Finding, RunError> {
    let times = course.plan.times;
    let mut measured = flow(course, talk, times.warm_up, ("measure", times.measure))?;
    measured.finding = course.settle()?;
    timed_figures((WHOSE, "before the cut"), talk, &measured, &mut course.findings);
    Ok(measured.finding)
}

/// Messages flow, and the connections are cut.
fn strike(
    course: &mut Course<'_>,
    talk: Talk,
    storm: Storm,
    before: &Finding,
) -> Result<(), RunError> {
    let memory_before = course.watch.server_memory();
    let mut measured = storm_window(course, talk)?;
    measured.finding = course.settle()?;
    let is_partial = course.watch.is_interrupted();
    let (findings, finding) = (&mut course.findings, &measured.finding);
    comebacks(&finding.comebacks, storm, is_partial, findings);
    timed_figures((WHOSE, "in the storm"), talk, &measured, findings);
    if !is_partial {
        let ratio = finding.latency.ms(0.99) / before.latency.ms(0.99);
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
fn storm_window(course: &mut Course<'_>, talk: Talk) -> Result<Measured, RunError> {
    let Course { crew, watch, plan, .. } = course;
    let from = clock::now() + HEADSTART;
    let cut = from + plan.times.warm_up.min(LEAD);
    let deadline = cut + PATIENCE;
    crew.talk(talk, from, cut..deadline)?;
    crew.storm(cut)?;
    watch.phase("before the cut", Some(cut.since(from)));
    let mut outcome = watch.pass(crew, cut)?;
    let cpu = watch.server_cpu();
    watch.phase("storm", None);
    if outcome != Outcome::Interrupted {
        outcome = watch.wait_for(crew, deadline, |crew| crew.are_back())?;
    }
    if outcome == Outcome::Done {
        outcome = watch.pass(crew, cut + plan.times.measure.min(WATCH))?;
    }
    crew.cut()?;
    let cpu = cpu.zip(watch.server_cpu()).map(|(from, to)| to.saturating_sub(from));
    if outcome == Outcome::Interrupted {
        // Who was cut must be back before anything can be judged.
        crew.hush()?;
        let since = clock::now();
        let _outcome = watch.insist(crew, PATIENCE, |crew| crew.is_nobody_away(since))?;
    }
    Ok(Measured { finding: Finding::default(), cpu })
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
