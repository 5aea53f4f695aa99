//! Scenarios in which messages flow: `echo`, `fan` and `chat`.

use super::RunError;
use super::course::Course;
use super::flow::{figures, flow};
use crate::plan::Flow;
use crate::run::Pace;

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
            Flow::Closed(window) => measure(course, Pace::Closed(window))?,
            Flow::Open(rate) => measure(course, Pace::Open(rate))?,
            Flow::Silent => {}
        }
    }
    Ok(())
}

fn measure(course: &mut Course<'_>, pace: Pace) -> Result<(), RunError> {
    let times = course.plan.times;
    let mut measured = flow(course, pace, times.warm_up, ("measure", times.measure))?;
    measured.measurement = course.settle()?;
    figures(course.plan, pace, &measured, &mut course.findings);
    Ok(())
}
