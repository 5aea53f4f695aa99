//! Cost of an acked delivery beside one at best effort, in one run, by turns.
//!
//! Two relays with a room each, one for either class, on one core with one shard; the harness has
//! another core. A publisher keeps a window of messages that not all members have yet, for a few
//! seconds in one room, then in the other. The cost is the CPU time of the relay over its
//! deliveries, acks included. Before that, the memory of an idle session.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::execution::{Conclusion, Execution, real, start_other, tuning};
use super::flow::{self, flow, rate};
use super::verdict::add_faults;
use super::{RunError, ScenarioSettings, load_of};
use crate::clock;
use crate::host::cores::{allowed, use_all};
use crate::plan::{
    Carrier, Flow, Guarantee, Kind, LoadOptions, Options, Plan as Planned, PlanError,
    ServerOptions, Size, Span, within,
};
use crate::report::{DELIVERY, Figure, Findings, Report};
use crate::run::{Measurement, Pace, Server, Threads, WaitResult};

/// Settings of the scenario.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Plan {
    /// Members of a room
    #[arg(long, default_value_t = 1_000)]
    pub members: usize,
    /// Messages that not all members have yet
    #[arg(long, default_value_t = 32)]
    pub window: u32,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    pub body: usize,
    /// Seconds of each turn
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Turns of each class
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Sessions that idle, to measure their memory
    #[arg(long, default_value_t = 10_000)]
    pub idle: usize,
    /// By WebSocket instead of plain TCP
    #[arg(long)]
    pub websocket: bool,
}

/// Most that an acked delivery may cost, acks included, as a multiple of one at best effort.
const DEARER: f64 = 1.5;
/// Time for the relay to tidy up before the memory of idle sessions is read.
const REST: Duration = Duration::from_secs(2);
/// Time under load before each turn.
const WARM_UP: Duration = Duration::from_millis(500);

/// One class and its turns so far.
#[derive(Debug, Default)]
struct ClassTurns {
    name: &'static str,
    /// Microseconds of the relay for each delivery, by turn.
    costs: Vec<f64>,
    /// Deliveries a second, by turn.
    rates: Vec<f64>,
    /// Cores of the harness, by turn.
    harness: Vec<f64>,
    /// All turns together.
    total: Measurement,
}

/// Runs against relays of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, settings: &ScenarioSettings) -> Result<Report, RunError> {
    within("members", plan.members, 1, 1_000_000)?;
    let cores = allowed();
    let idle = idle(plan, settings)?;
    use_all(&cores);
    let [acked, best_effort] =
        [Guarantee::Acked, Guarantee::BestEffort].map(|promise| load(plan, settings, promise));
    let (acked, best_effort) = (acked?, best_effort?);
    let tuning = tuning(&acked);
    let mut execution = Execution::start(&acked, &tuning, settings.context())?;
    if let Some(idle) = idle {
        idle.violations().iter().for_each(|it| execution.findings.violation(it.clone()));
        idle.figures().iter().for_each(|it| execution.findings.add(it.clone()));
    }
    use_all(&cores);
    let mut other = start_other(&best_effort, &tuning)?;
    let mut classes =
        ["acked", "best-effort"].map(|name| ClassTurns { name, ..ClassTurns::default() });
    if ramp_both(&mut execution, &mut other)? {
        turns(plan, &mut execution, &mut other, &mut classes)?;
    }
    figures(&classes, &mut execution.findings);
    remarks(Pace::Closed(plan.window), &classes, &mut execution.findings);
    let (mut ended, mut conclusion) = execution.end()?;
    let (server, threads) = other;
    if server.usage.is_some_and(|usage| usage.cpu().is_err()) {
        conclusion.findings.violation("a relay is gone");
    }
    ended.merge(threads.end()?);
    conclusion.about.set_scenario("classes");
    conclusion.about.set_plan(load_of(plan));
    conclusion.about.set_subject(DELIVERY, "acked and at best effort, by turns");
    Ok(conclusion.report(&ended))
}

/// A plan for relays on one shard.
fn options(plan: &Plan, settings: &ScenarioSettings, kind: Kind) -> Options {
    let flags = ["--shards=1".to_owned()].into_iter().chain(settings.flags.clone());
    Options {
        scenario: Some(kind),
        server: ServerOptions {
            carrier: Some(if plan.websocket { Carrier::Ws } else { Carrier::Tcp }),
            relay: Some(settings.relay.clone()),
            relay_flag: Some(flags.collect()),
            delivery: Some(Guarantee::Acked),
            ..ServerOptions::default()
        },
        load: LoadOptions { rooms: Some(1), ..LoadOptions::default() },
        ..Options::default()
    }
}

/// One room, and a publisher that keeps a window of messages under way.
fn load(
    plan: &Plan,
    settings: &ScenarioSettings,
    promise: Guarantee,
) -> Result<Planned, PlanError> {
    let mut options = options(plan, settings, Kind::Fan);
    options.server.delivery = Some(promise);
    options.load = LoadOptions {
        sessions: Some(plan.members),
        publishers: Some(1),
        size: Some(Size(plan.body)),
        window: Some(plan.window),
        ..options.load
    };
    options.times.warmup = Some(Span(WARM_UP));
    options.times.duration = Some(Span(Duration::from_secs_f64(plan.seconds.max(0.0))));
    Planned::new(options)
}

/// The memory of an idle session, on a relay of its own.
fn idle(plan: &Plan, settings: &ScenarioSettings) -> Result<Option<Findings>, RunError> {
    if plan.idle == 0 {
        return Ok(None);
    }
    let mut options = options(plan, settings, Kind::Idle);
    options.load.sessions = Some(plan.idle);
    let idle = Planned::new(options)?;
    let mut execution = Execution::start(&idle, &tuning(&idle), settings.context())?;
    if execution.ramp()? {
        execution.watch.phase("idle", Some(REST));
        let outcome = execution.watch.pass(&execution.threads, clock::now() + REST)?;
        let memory = execution.memory_before.zip(execution.watch.server_memory());
        if let (WaitResult::TimedOut, Some((before, after))) = (outcome, memory) {
            let each = real(after.saturating_sub(before)) / real(plan.idle as u64);
            let figure = Figure::new("memory of an idle session", each, "bytes");
            execution.findings.add(figure.lower_is_better());
        }
    }
    let (ended, conclusion) = execution.end()?;
    let Conclusion { mut findings, .. } = conclusion;
    add_faults(&ended.verdict.faults, &mut findings);
    Ok(Some(findings))
}

/// Opens the sessions of both relays; returns whether the run goes on.
fn ramp_both(
    execution: &mut Execution<'_>,
    other: &mut (Server, Threads),
) -> Result<bool, RunError> {
    let mut goes_on = execution.ramp()?;
    execution.exchange(other);
    goes_on = goes_on && execution.ramp()?;
    execution.exchange(other);
    Ok(goes_on)
}

fn turns(
    plan: &Plan,
    execution: &mut Execution<'_>,
    other: &mut (Server, Threads),
    classes: &mut [ClassTurns; 2],
) -> Result<(), RunError> {
    for _ in 0..plan.rounds {
        for class in classes.iter_mut() {
            class.take_turn(execution)?;
            if execution.watch.is_interrupted() {
                return Ok(());
            }
            execution.exchange(other);
        }
    }
    Ok(())
}

impl ClassTurns {
    /// One turn: as fast as the window allows, after a short warm-up.
    fn take_turn(&mut self, execution: &mut Execution<'_>) -> Result<(), RunError> {
        let (pace, times) = (pace(execution.plan), execution.plan.times);
        let measured = flow(execution, pace, times.warm_up, (self.name, times.measure))?;
        let measurement = execution.settle()?;
        // Half a turn is no turn.
        if execution.watch.is_interrupted() {
            return Ok(());
        }
        if let Some(cpu) = measured.cpu.filter(|_| measurement.arrived > 0) {
            let cost = cpu.as_secs_f64() * 1e6 / real(measurement.arrived);
            let (rate, harness) = (rate(pace, &measurement), measurement.cpu());
            execution.watch.print(&format!(
                "{}: {cost:.3} us of the relay for each delivery, {rate:.0} a second; the relay \
                 used {:.0} % of a core, the harness {:.0} %",
                self.name,
                100.0 * cpu.as_secs_f64() / measurement.window.as_secs_f64(),
                100.0 * harness,
            ));
            self.costs.push(cost);
            self.rates.push(rate);
            self.harness.push(harness);
        }
        self.total.merge(&measurement);
        Ok(())
    }
}

const fn pace(plan: &Planned) -> Pace {
    match plan.flow {
        Flow::Closed(window) => Pace::Closed(window),
        Flow::Silent | Flow::Open(_) | Flow::Find { .. } => Pace::Silent,
    }
}

/// Medians of the turns, and the ratio of the costs.
fn figures(classes: &[ClassTurns], findings: &mut Findings) {
    let mut medians = Vec::new();
    for ClassTurns { name, costs, rates, harness, total } in classes {
        if costs.is_empty() {
            continue;
        }
        let cost = Figure::cost(format!("{name}: cost of a delivery"), 0.0, "us").of_runs(costs);
        medians.push(cost.value());
        findings.add(cost);
        findings.add(Figure::throughput(format!("{name}: deliveries"), 0.0, "/s").of_runs(rates));
        let cores = Figure::new(format!("{name}: harness CPU"), 0.0, "cores");
        findings.add(cores.of_runs(harness));
        findings.distribution(format!("{name}: delivery"), &total.latency);
    }
    if let [acked, best_effort] = medians[..] {
        let ratio = Figure::cost("acked to best effort", acked / best_effort, "times");
        findings.add(ratio.at_most(DEARER));
    }
}

fn remarks(pace: Pace, classes: &[ClassTurns], findings: &mut Findings) {
    let mut all = Measurement::default();
    classes.iter().for_each(|class| all.merge(&class.total));
    flow::remarks(pace, &all, findings);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_delivery_withholds_the_costs() {
        let class = |name, costs: [f64; 3], rate| ClassTurns {
            name,
            costs: costs.to_vec(),
            rates: vec![rate; 3],
            harness: vec![0.5; 3],
            ..ClassTurns::default()
        };
        let classes = [class("acked", [3.0, 1.0, 2.0], 5.0), class("best-effort", [4.0; 3], 6.0)];
        let mut findings = Findings::default();
        figures(&classes, &mut findings);
        let value = |name| findings.find(name).map(Figure::value);
        assert_eq!(value("acked: cost of a delivery"), Some(2.0));
        assert_eq!(value("best-effort: deliveries"), Some(6.0));
        assert_eq!(value("acked to best effort"), Some(0.5));
        findings.violation("a delivery was lost");
        let left: Vec<&str> = findings.figures().iter().map(Figure::name).collect();
        assert_eq!(left, ["acked: harness CPU", "best-effort: harness CPU"]);
        assert_eq!(findings.withheld().len(), 5);
    }
}
