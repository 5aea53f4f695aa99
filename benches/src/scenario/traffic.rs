//! Scenarios in which messages flow: `echo`, `fan` and `chat`.

use super::RunError;
use super::course::Course;
use super::flow::{figures, flow};
use crate::plan::Flow;
use crate::run::Talk;

/// Runs one of the scenarios in which messages flow.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub(super) fn run(course: &mut Course<'_>) -> Result<(), RunError> {
    let plan = course.plan;
    if course.ramp()? {
        match plan.flow {
            Flow::Find { limit, share } => super::capacity::find(course, limit, share)?,
            Flow::Closed(window) => measure(course, Talk::Closed(window))?,
            Flow::Open(rate) => measure(course, Talk::Open(rate))?,
            Flow::Silent => {}
        }
    }
    Ok(())
}

fn measure(course: &mut Course<'_>, talk: Talk) -> Result<(), RunError> {
    let times = course.plan.times;
    let mut measured = flow(course, talk, times.warm_up, ("measure", times.measure))?;
    measured.finding = course.settle()?;
    figures(course.plan, talk, &measured, &mut course.findings);
    Ok(())
}
