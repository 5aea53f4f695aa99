//! Scenarios in which messages flow: `echo`, `fan` and `chat`.

use super::RunError;
use super::execution::Execution;
use super::flow::{figures, flow};
use crate::plan::Flow;
use crate::run::Pace;

/// Runs one of the scenarios in which messages flow.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub(super) fn run(execution: &mut Execution<'_>) -> Result<(), RunError> {
    let plan = execution.plan;
    if execution.ramp()? {
        match plan.flow {
            Flow::Find { limit, share } => super::capacity::find(execution, limit, share)?,
            Flow::Closed(window) => measure(execution, Pace::Closed(window))?,
            Flow::Open(rate) => measure(execution, Pace::Open(rate))?,
            Flow::Silent => {}
        }
    }
    Ok(())
}

fn measure(execution: &mut Execution<'_>, pace: Pace) -> Result<(), RunError> {
    let times = execution.plan.times;
    let mut measured = flow(execution, pace, times.warm_up, ("measure", times.measure))?;
    measured.measurement = execution.settle()?;
    figures(execution.plan, pace, &measured, &mut execution.findings);
    Ok(())
}
