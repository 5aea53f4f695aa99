//! `--rate find`: the highest rate at which times stay below a limit, and the times at a share of
//! it.
//!
//! The rate doubles until a short window is too slow, twice; then the interval between the last
//! good and the first bad rate is halved a few times.

use std::time::Duration;

use super::RunError;
use super::execution::{Execution, real};
use super::flow::{Measured, figures, flow, names, rate};
use crate::run::{Measurement, Pace};

/// The first rate that is tried, in messages a second.
const FIRST: f64 = 64.0;
/// Limit of doublings.
const DOUBLINGS: usize = 22;
/// Halvings of the remaining interval.
const HALVES: usize = 5;
/// Warm-up and measuring window of a trial.
const WARM_UP: Duration = Duration::from_millis(500);
const TRIAL: Duration = Duration::from_millis(1_500);

/// Result of a rate.
#[derive(Clone, Debug)]
struct Trial {
    rate: f64,
    deliveries: f64,
    p99: f64,
    is_good: bool,
    limits: Vec<String>,
}

/// Searches, then measures at a share of the rate found.
pub(super) fn find(
    execution: &mut Execution<'_>,
    limit: Duration,
    share: f64,
) -> Result<(), RunError> {
    let (mut best, mut worst): (Option<Trial>, Option<Trial>) = (None, None);
    let mut rate = FIRST;
    for _ in 0..DOUBLINGS + HALVES {
        let mut trial = try_rate(execution, rate, limit)?;
        if !trial.is_good {
            // Something else may have happened on the machine.
            trial = try_rate(execution, rate, limit)?;
        }
        if execution.watch.is_interrupted() {
            return Ok(());
        }
        let side = if trial.is_good { &mut best } else { &mut worst };
        *side = Some(trial);
        rate = match (&best, &worst) {
            (Some(best), None) => best.rate * 2.0,
            (None, Some(worst)) => worst.rate / 2.0,
            (Some(best), Some(worst)) => {
                if worst.rate / best.rate < CLOSE {
                    break;
                }
                f64::midpoint(best.rate, worst.rate)
            }
            (None, None) => break,
        };
        if rate < LEAST {
            break;
        }
    }
    let Some(best) = best else {
        execution.findings.note("no rate is low enough for the limit");
        return Ok(());
    };
    found(execution, &best, worst.as_ref());
    measure(execution, &best, limit, share)
}

/// Ratio of the two rates at which the search ends.
const CLOSE: f64 = 1.1;
/// Least rate that is tried.
const LEAST: f64 = 2.0;

fn try_rate(execution: &mut Execution<'_>, rate: f64, limit: Duration) -> Result<Trial, RunError> {
    let pace = Pace::Open(rate);
    let _measured = flow(execution, pace, WARM_UP, ("measure", TRIAL))?;
    let measurement = execution.settle()?;
    let trial = judge(rate, limit, &measurement);
    let (verdict, p99) =
        (if trial.is_good { "good" } else { "too much" }, measurement.latency.ms(0.99));
    execution.watch.print(&format!("{rate:.1} messages/s: p99 {p99:.2} ms, {verdict}"));
    Ok(trial)
}

fn judge(rate: f64, limit: Duration, measurement: &Measurement) -> Trial {
    // Times count from when messages were due: if they are good, a busy harness did no harm.
    let limits = measurement.limits();
    let is_fast = measurement.latency.ms(0.99) <= limit.as_secs_f64() * 1e3;
    let is_whole = real(measurement.due) >= 0.95 * real(measurement.latency.len());
    let is_good = is_fast && is_whole && measurement.unsent == 0 && !measurement.latency.is_empty();
    let (deliveries, p99) =
        (self::rate(Pace::Open(rate), measurement), measurement.latency.ms(0.99));
    Trial { rate, deliveries, p99, is_good, limits }
}

/// A share of a load is no harder to carry than all of it: if its times are worse, the trials were
/// too short, or something else happened on the machine.
fn warning(best: &Trial, p99: f64, share: f64) -> Option<String> {
    let is_worse = share < 1.0 && p99 > best.p99 * WORSE && p99 > best.p99 + LITTLE;
    is_worse.then(|| {
        format!(
            "at {:.0} % of the rate that was found the p99 is {p99:.2} ms, worse than {:.2} ms at \
             all of it: the rate found is in doubt",
            share * 100.0,
            best.p99
        )
    })
}

/// Factor and milliseconds beyond which times are worse.
const WORSE: f64 = 1.1;
const LITTLE: f64 = 0.5;

fn found(execution: &mut Execution<'_>, best: &Trial, worst: Option<&Trial>) {
    let (_, many) = names(execution.plan.kind);
    let findings = &mut execution.findings;
    findings.throughput("saturating rate: messages", best.rate, "/s");
    findings.throughput(format!("saturating rate: {many}"), best.deliveries, "/s");
    for why in worst.into_iter().flat_map(|trial| &trial.limits) {
        findings.harness_limited(format!("at the lowest rate that was too much, {why}"));
    }
}

fn measure(
    execution: &mut Execution<'_>,
    best: &Trial,
    limit: Duration,
    share: f64,
) -> Result<(), RunError> {
    let rate = best.rate * share;
    let (times, pace) = (execution.plan.times, Pace::Open(rate));
    let Measured { cpu, .. } = flow(execution, pace, times.warm_up, ("measure", times.measure))?;
    let measurement = execution.settle()?;
    // The rate of the measurement follows from the server's capacity.
    execution.findings.throughput("rate of the measurement", rate, "/s");
    if !measurement.latency.is_empty() {
        let p99 = measurement.latency.ms(0.99);
        let most = limit.as_secs_f64() * 1e3;
        execution.findings.at_most("p99 at the rate of the measurement", p99, most, "ms");
        if let Some(doubt) = warning(best, p99, share) {
            execution.findings.note(doubt);
        }
    }
    figures(execution.plan, pace, &Measured { measurement, cpu }, &mut execution.findings);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(micros: u64, came: u64, due: u64) -> Measurement {
        let window = Duration::from_secs(1);
        let mut measurement =
            Measurement { due, window, busy: vec![0.5], ..Measurement::default() };
        (0..came).for_each(|_| measurement.latency.record(Duration::from_micros(micros)));
        measurement
    }

    #[test]
    fn a_rate_is_good_when_all_is_sent_and_comes_in_time() {
        let limit = Duration::from_millis(2);
        let is_good = |measurement: &Measurement| judge(5.0, limit, measurement).is_good;
        assert!(is_good(&measurement(1_990, 100, 95)));
        assert!(!is_good(&measurement(2_100, 100, 100)), "too slow");
        assert!(!is_good(&measurement(1_000, 100, 94)), "falls behind");
        assert!(!is_good(&measurement(1_000, 0, 0)), "nothing came");
        let unsent = Measurement { unsent: 1, ..measurement(1_000, 100, 100) };
        assert!(!is_good(&unsent), "not all was sent");
        let busy = Measurement { busy: vec![0.99], ..measurement(1_000, 100, 100) };
        assert!(is_good(&busy), "in time all the same");
        assert_eq!(judge(5.0, limit, &measurement(1, 70, 70)).deliveries, 70.0);
    }

    #[test]
    fn half_of_a_rate_that_is_worse_than_all_of_it_puts_it_in_doubt() {
        let best = judge(100.0, Duration::from_millis(10), &measurement(4_000, 100, 100));
        assert_eq!(warning(&best, 3.0, 0.5), None);
        assert_eq!(warning(&best, 4.3, 0.5), None, "that is noise");
        let said = warning(&best, 8.0, 0.5).unwrap();
        let expected = "at 50 % of the rate that was found the p99 is 8.00 ms, worse than 4.00 ms";
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(warning(&best, 8.0, 1.0), None, "the same load");
    }
}
