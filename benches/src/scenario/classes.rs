//! What a delivery costs: acked beside best effort, in one run, by turns.
//!
//! Two relays with a room each, one for either class, on one core with one shard; the harness has
//! another core. A publisher keeps a window of messages that not all members have yet, for a few
//! seconds in one room, then in the other. The cost is the relay's user and system time over its
//! deliveries, acks included. Before that, what an idle session costs in memory.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{Crowd, Rooms, RunError, Setting, flags, report_of, tell, within_bounds};
use crate::audience::{Meter, Rounds};
use crate::clock;
use crate::dialect::Dialect;
use crate::driver::{Route, Tuning};
use crate::report::{Figure, Report};
use crate::run::cores::{allowed, keep_to, outrank};
use crate::server::{Relay, Target};

/// How much of everything.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Plan {
    /// Members of a room
    #[arg(long, default_value_t = 1_000)]
    pub members: usize,
    /// Messages that not all members have yet
    #[arg(long, default_value_t = 32)]
    pub window: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    pub body: usize,
    /// Seconds of each turn
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Turns of each class
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Sessions that idle, to see what they cost
    #[arg(long, default_value_t = 10_000)]
    pub idle: usize,
    /// By WebSocket instead of plain TCP
    #[arg(long)]
    pub websocket: bool,
}

/// Most that an acked delivery may cost, acks included, beside one at best effort.
const DEARER: f64 = 1.5;

/// How long a driver goes on without looking whether the user has seen enough.
const TURN: Duration = Duration::from_millis(20);

/// One class: its relay and its room.
struct Side {
    name: &'static str,
    relay: Relay,
    crowd: Crowd,
    /// Microseconds of each turn's deliveries.
    costs: Vec<f64>,
    /// Deliveries a second of each turn.
    rates: Vec<f64>,
}

/// Runs against relays of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, setting: &Setting) -> Result<Report, RunError> {
    let mut report = report_of("classes", plan);
    within_bounds("members", plan.members, 1, 1_000_000)?;
    let cores = allowed();
    outrank();
    let start = |class: &str| {
        keep_to(0, &cores);
        let own = flags(&[("--delivery", class.to_owned()), ("--shards", "1".to_owned())]);
        let relay = Relay::start(&setting.relay, own.into_iter().chain(setting.flags.clone()));
        keep_to(1, &cores);
        relay
    };
    idle(plan, &start("acked")?, &mut report)?;
    let mut sides = Vec::new();
    for name in ["acked", "best-effort"] {
        let mut side = Side::new(plan, name, start(name)?)?;
        side.crowd.obey(&setting.interrupt);
        sides.push(side);
    }
    for _ in 0..plan.rounds {
        for side in &mut sides {
            // What is half a turn is no turn.
            if !setting.interrupt.is_pulled() {
                side.run(plan)?;
            }
        }
    }
    let turns = sides.iter().map(|side| (side.name, &side.costs[..], &side.rates[..]));
    figures(turns, &mut report);
    if setting.interrupt.is_pulled() {
        report.interrupted();
    }
    for side in sides {
        report.verdict(&side.crowd.audience.oracle.finish());
    }
    Ok(report)
}

fn idle(plan: &Plan, relay: &Relay, report: &mut Report) -> Result<(), RunError> {
    if plan.idle == 0 {
        return Ok(());
    }
    let mut crowd = Crowd::new(Tuning::default(), plan.body)?;
    let before = relay.usage().resident()?;
    let (name, members) = ("idle", plan.idle);
    let (rooms, publishers) = (1, 0);
    let routes = routes(plan, relay.target());
    crowd.add(&Rooms { name, rooms, members, publishers, dialect: Dialect::Comet }, &routes);
    crowd.open(Duration::from_secs(120))?;
    crowd.wait(clock::now() + Duration::from_secs(2), |_| false)?;
    let grown = relay.usage().resident()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "memory of a machine is far below 2^53")]
    report.figure("memory of an idle session", grown as f64 / plan.idle as f64, "bytes");
    tell(&format!("{} idle sessions: {} KiB", plan.idle, grown / 1_024));
    Ok(())
}

fn routes(plan: &Plan, target: Target) -> Arc<[Route]> {
    let route = if plan.websocket { Route::websocket(target.ws) } else { Route::tcp(target.tcp) };
    Arc::new([route])
}

impl Side {
    fn new(plan: &Plan, name: &'static str, relay: Relay) -> Result<Self, RunError> {
        let mut crowd = Crowd::new(Tuning::default(), plan.body)?;
        let (rooms, members, publishers) = (1, plan.members, 1);
        let routes = routes(plan, relay.target());
        crowd.add(&Rooms { name, rooms, members, publishers, dialect: Dialect::Comet }, &routes);
        crowd.audience.rounds = Some(Rounds::new(u32::try_from(plan.members).ok()));
        crowd.open(Duration::from_secs(60))?;
        Ok(Self { name, relay, crowd, costs: Vec::new(), rates: Vec::new() })
    }

    /// One turn: flat out with the window, after a short time to warm up.
    fn run(&mut self, plan: &Plan) -> Result<(), RunError> {
        self.flat(plan, Duration::from_millis(500))?;
        let (cpu, start) = (self.relay.usage().cpu()?, clock::now());
        // Only what came: what a gap tells of costs less than a delivery.
        self.crowd.audience.meter = Some(Meter::new(start..start));
        let own = clock::thread_cpu();
        self.flat(plan, Duration::from_secs_f64(plan.seconds))?;
        let (cpu, took) = (self.relay.usage().cpu()? - cpu, clock::now().since(start));
        #[expect(clippy::cast_precision_loss, reason = "deliveries of a run are below 2^53")]
        let deliveries = self.crowd.audience.meter.take().map_or(0, |it| it.arrived) as f64;
        let own = (clock::thread_cpu() - own).as_secs_f64() / took.as_secs_f64();
        self.crowd.settle(Duration::from_secs(10))?;
        if self.crowd.is_interrupted() {
            return Ok(());
        }
        let (cost, rate) = (cpu.as_secs_f64() * 1e6 / deliveries, deliveries / took.as_secs_f64());
        self.costs.push(cost);
        self.rates.push(rate);
        tell(&format!(
            "{}: {cost:.3} us of the relay for each delivery, {rate:.0} a second; the relay used \
             {:.0} % of a core, the harness {:.0} %",
            self.name,
            100.0 * cpu.as_secs_f64() / took.as_secs_f64(),
            100.0 * own,
        ));
        Ok(())
    }

    fn flat(&mut self, plan: &Plan, lasting: Duration) -> Result<(), RunError> {
        let end = clock::now() + lasting;
        while clock::now() < end && !self.crowd.is_interrupted() {
            while self.under_way() < plan.window && self.crowd.publish(clock::now()) {}
            let until = end.min(clock::now() + TURN);
            self.crowd.driver.turn(until, &mut self.crowd.audience)?;
        }
        Ok(())
    }

    fn under_way(&self) -> u64 {
        let complete = self.crowd.audience.rounds.as_ref().map_or(0, |rounds| rounds.complete(0));
        self.crowd.sent() - complete
    }
}

/// Medians of the turns, and the ratio of those costs.
fn figures<'a>(
    sides: impl Iterator<Item = (&'static str, &'a [f64], &'a [f64])>,
    report: &mut Report,
) {
    let mut medians = Vec::new();
    for (name, costs, rates) in sides.filter(|(_, costs, _)| !costs.is_empty()) {
        let cost = Figure::cost(format!("{name}: cost of a delivery"), 0.0, "us").of_runs(costs);
        medians.push(cost.value());
        report.add(cost);
        report.add(Figure::throughput(format!("{name}: deliveries"), 0.0, "/s").of_runs(rates));
    }
    if let [acked, best_effort] = medians[..] {
        let ratio = Figure::cost("acked to best effort", acked / best_effort, "times");
        report.add(ratio.at_most(DEARER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_delivery_costs_is_not_told_when_one_was_lost() {
        let turns = [("acked", [3.0, 1.0, 2.0], [5.0; 3]), ("best-effort", [4.0; 3], [6.0; 3])];
        let sides = || turns.iter().map(|(name, costs, rates)| (*name, &costs[..], &rates[..]));
        let mut report = Report::new("classes");
        figures(sides(), &mut report);
        let value = |name| report.find(name).map(Figure::value);
        assert_eq!(value("acked: cost of a delivery"), Some(2.0));
        assert_eq!(value("best-effort: deliveries"), Some(6.0));
        assert_eq!(value("acked to best effort"), Some(0.5));
        report.violation("a delivery was lost");
        assert_eq!((report.figures(), report.withheld().len()), (&[][..], 5));
    }
}
