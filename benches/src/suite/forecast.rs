//! Number and rough duration of a suite's runs.
//!
//! Not here: measuring. These are the times of plans, and of starting, opening and ending.

use std::fmt;
use std::time::Duration;

use super::{Load, Results, Server, Suite};
use crate::plan::{Flow, Kind, Plan, SEARCH};

/// Size of a suite.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Forecast {
    /// The number of runs.
    pub runs: usize,
    /// Their rough duration on a quiet machine.
    pub time: Duration,
}

/// To look whether the machine is quiet, to start the server and the harness, and to end them.
const AROUND: Duration = Duration::from_millis(1_000);
/// For a session to open.
const OPENING: Duration = Duration::from_micros(80);

impl Forecast {
    /// Of the cells that the results of a suite have.
    pub(super) fn new(suite: &Suite, results: &Results) -> Self {
        let mut forecast = Self::default();
        for cell in &results.cells {
            let Some((server, load)) = cell.pair(suite) else { continue };
            let runs = suite.runs_of(load);
            forecast.runs += runs;
            let each = time_of(server, load).unwrap_or_default();
            forecast.time += each * u32::try_from(runs).unwrap_or(u32::MAX);
        }
        forecast
    }
}

/// Duration of one run; nothing if it is not going to work.
fn time_of(server: &Server, load: &Load) -> Option<Duration> {
    let mut options = load.plan.clone();
    options.server.dialect = Some(server.dialect);
    options.server.addr = Some(vec![server.addr.clone()]);
    let plan = Plan::new(options).ok()?;
    let sessions = u32::try_from(plan.sessions).unwrap_or(u32::MAX);
    let ramp = match plan.kind {
        // There the sessions open within the times of the plan.
        Kind::Connect => Duration::ZERO,
        _ => OPENING * sessions,
    };
    let search = if matches!(plan.flow, Flow::Find { .. }) { SEARCH } else { Duration::ZERO };
    Some(AROUND + ramp + search + plan.times.warm_up + plan.times.measure)
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs().max(1);
        write!(f, "{} runs, about ", self.runs)?;
        if seconds < 100 {
            return write!(f, "{seconds} s");
        }
        write!(f, "{} minutes", seconds.div_ceil(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = r#"
        name = "small"
        baseline = "floor"
        runs = 5
        [[server]]
        name = "floor"
        addr = "ws://127.0.0.1:1"
        dialect = "raw"
        [[server]]
        name = "relay"
        addr = "ws://127.0.0.1:2"
        [[load]]
        name = "flat out"
        plan = { scenario = "fan", sessions = 10000, warmup = "1s", duration = "3s" }
        [[load]]
        name = "capacity"
        runs = 2
        servers = ["relay"]
        plan = { scenario = "fan", sessions = 1000, rate = "find", warmup = "1s", duration = "3s" }
    "#;

    fn forecast(text: &str) -> Forecast {
        let suite = Suite::parse(text).unwrap();
        Forecast::new(&suite, &Results::new(&suite, Vec::new()))
    }

    #[test]
    fn a_suite_takes_what_its_plans_ask_for_and_some_time_around_each_run() {
        let told = forecast(SUITE);
        let (flat, found) = (5_800, 5_080 + 25_000);
        let time = Duration::from_millis(10 * flat + 2 * found);
        assert_eq!(told, Forecast { runs: 12, time });
        assert_eq!(told.to_string(), "12 runs, about 2 minutes");
        let short = SUITE.replace("runs = 5", "runs = 1").replace("runs = 2", "runs = 1");
        assert_eq!(forecast(&short).to_string(), "3 runs, about 41 s");
    }

    #[test]
    fn handshakes_have_no_time_for_opening() {
        let connect = SUITE.replace("\"fan\", sessions = 10000", "\"connect\", sessions = 10000");
        assert_eq!(forecast(&connect).time, Duration::from_millis(10 * 5_000 + 2 * 30_080));
    }
}
