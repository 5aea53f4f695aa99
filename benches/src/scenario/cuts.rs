//! Connections that break all the time, in every way, without a message lost.
//!
//! Sessions connect through proxies that reset and half-close their connections; now and then one
//! proxy is stopped as a process, so that its share of the connections falls silent. Each
//! attempt to come back takes another proxy, and TCP and WebSocket in turn. The rate counts
//! deliveries: messages times the members of a room.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::execution::{Execution, real, tuning};
use super::flow::{HEADSTART, remarks};
use super::{RunError, ScenarioSettings, load_of};
use crate::clock;
use crate::dialect::Dialect;
use crate::driver::Time;
use crate::plan::{
    Guarantee, Kind, LoadOptions, Options, Plan as Planned, PlanError, Rate, ServerOptions, Size,
    Span, TimeOptions, within,
};
use crate::proxy::{self, ProxyCounts, ProxyError, ProxyProcess};
use crate::report::{Findings, Report};
use crate::run::{Measurement, Pace, Totals, WaitResult};
use crate::server::{Relay, Target};

/// Settings of the scenario.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Plan {
    /// Seconds during which messages flow and connections break
    #[arg(long, default_value_t = 300)]
    pub seconds: u64,
    /// Sessions, each a publisher and a reader
    #[arg(long, default_value_t = 2_000)]
    pub sessions: usize,
    /// Sessions in each room
    #[arg(long, default_value_t = 20)]
    pub members: usize,
    /// Deliveries a second, over all rooms
    #[arg(long, default_value_t = 20_000)]
    pub rate: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    pub body: usize,
    /// Proxy processes
    #[arg(long, default_value_t = 4)]
    pub proxies: usize,
    /// Seconds that a connection lives on the average before it is broken
    #[arg(long, default_value_t = 20.0)]
    pub every: f64,
    /// Seconds that a proxy is stopped at the most; one of them is stopped most of the time
    #[arg(long, default_value_t = 20.0)]
    pub stall: f64,
    /// Seconds to wait at the end for outstanding deliveries
    #[arg(long, default_value_t = 60)]
    pub settle: u64,
    /// Seed of what breaks when
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Longest time for a connection, and for a login on it: shorter than a proxy is stopped.
const GIVE_UP: Duration = Duration::from_secs(4);

/// Runs against a relay of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, settings: &ScenarioSettings) -> Result<Report, RunError> {
    check(plan)?;
    let own = ["--resume-ttl=120", "--idle=16"].map(str::to_owned);
    let relay = Relay::start(&settings.relay, own.into_iter().chain(settings.flags.clone()))?;
    against(plan, relay.target(), relay.usage().pid(), settings)
}

/// Runs against a gateway that relays messages to the rooms of their sender and parks sessions, in
/// this process or another.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn against(
    plan: &Plan,
    target: Target,
    pid: u32,
    settings: &ScenarioSettings,
) -> Result<Report, RunError> {
    check(plan)?;
    let proxies = proxies(plan, target, &settings.program)?;
    let planned = load(plan, &proxies, pid)?;
    let mut tuning = tuning(&planned);
    (tuning.dial_timeout, tuning.timing.comet.handshake_timeout) = (GIVE_UP, GIVE_UP);
    // The proxies need the time that punctuality would burn.
    tuning.is_precise = false;
    let mut execution = Execution::start(&planned, &tuning, settings.context())?;
    let mut stops = 0;
    if execution.ramp()? {
        stops = flow(plan, &mut execution, &proxies)?;
    }
    let measurement = settle(&mut execution)?;
    let (ended, mut conclusion) = execution.end()?;
    let tally = end(proxies)?;
    conclusion.about.set_scenario("cuts");
    conclusion.about.set_plan(load_of(plan));
    let findings = &mut conclusion.findings;
    findings.count("sessions", planned.sessions as u64);
    findings.count("messages answered", ended.counts.replies);
    findings.count("connections through the proxies", tally.accepted);
    findings.count("connections reset", tally.resets);
    findings.count("connections half closed", tally.half_closes);
    findings.count("proxies stopped and gone on", stops);
    findings.count("connections lost", ended.tally.lost);
    figures(&measurement, findings);
    answers(&ended, findings);
    Ok(conclusion.report(&ended))
}

fn check(plan: &Plan) -> Result<(), PlanError> {
    within("members", plan.members, 1, plan.sessions)?;
    let rate = usize::try_from(plan.rate).unwrap_or(usize::MAX);
    within("rate", rate, 1, 1_000_000_000)
}

/// Rooms in which everybody publishes, through the proxies.
fn load(plan: &Plan, proxies: &[ProxyProcess], pid: u32) -> Result<Planned, PlanError> {
    let ways = |proxy: &ProxyProcess| {
        let pairs = proxy.addresses().chunks(2);
        let ways =
            pairs.flat_map(|pair| [format!("tcp://{}", pair[0]), format!("ws://{}/sub", pair[1])]);
        ways.collect::<Vec<_>>()
    };
    let rooms = plan.sessions / plan.members;
    Planned::new(Options {
        scenario: Some(Kind::Fan),
        server: ServerOptions {
            addr: Some(proxies.iter().flat_map(ways).collect()),
            pid: Some(pid),
            dialect: Some(Dialect::Comet),
            delivery: Some(Guarantee::Acked),
            ..ServerOptions::default()
        },
        load: LoadOptions {
            sessions: Some(rooms * plan.members),
            rooms: Some(rooms),
            publishers: Some(plan.members),
            size: Some(Size(plan.body)),
            rate: Some(Rate::PerSecond(real(plan.rate) / real(plan.members as u64))),
            threads: Some(1),
            seed: Some(plan.seed),
            ..LoadOptions::default()
        },
        times: TimeOptions {
            duration: Some(Span(Duration::from_secs(plan.seconds))),
            settle: Some(Span(Duration::from_secs(plan.settle))),
            ..TimeOptions::default()
        },
        ..Options::default()
    })
}

fn proxies(plan: &Plan, target: Target, program: &Path) -> Result<Vec<ProxyProcess>, ProxyError> {
    let options = |seed| proxy::Options {
        to: vec![target.tcp, target.ws],
        every: Duration::from_secs_f64(plan.every),
        lasting: Duration::from_secs(plan.seconds),
        seed,
    };
    (plan.seed..)
        .take(plan.proxies.max(1))
        .map(|seed| ProxyProcess::start(program, &options(seed)))
        .collect()
}

/// Lets messages flow while proxies are stopped and go on; returns the number of stops.
fn flow(
    plan: &Plan,
    execution: &mut Execution<'_>,
    proxies: &[ProxyProcess],
) -> Result<u64, RunError> {
    let lasting = Duration::from_secs(plan.seconds);
    let start = clock::now() + HEADSTART;
    let end = start + lasting;
    execution.threads.start_sending(pace(plan), start, start..end)?;
    execution.watch.phase("cuts", Some(lasting));
    let (mut rng, mut stops) = (StdRng::seed_from_u64(plan.seed), 0);
    while !execution.watch.is_interrupted() {
        let quiet = Duration::from_secs_f64(rng.random_range(1.0..4.0));
        if pass(execution, end, quiet)? == WaitResult::Interrupted || clock::now() >= end {
            break;
        }
        let proxy = &proxies[rng.random_range(0..proxies.len())];
        let silence = Duration::from_secs_f64(rng.random_range(0.5..plan.stall.max(0.6)));
        proxy.stop()?;
        let outcome = pass(execution, end, silence);
        proxy.go_on()?;
        outcome?;
        stops += 1;
    }
    execution.threads.cut()?;
    Ok(stops)
}

fn pace(plan: &Plan) -> Pace {
    Pace::Open(real(plan.rate) / real(plan.members as u64))
}

fn pass(execution: &mut Execution<'_>, end: Time, time: Duration) -> Result<WaitResult, RunError> {
    execution.watch.pass(&execution.threads, end.min(clock::now() + time))
}

/// Waits for everything that is owed, interrupted or not: connections that are broken meanwhile
/// have to come back first.
fn settle(execution: &mut Execution<'_>) -> Result<Measurement, RunError> {
    execution.watch.phase("settle", None);
    execution.threads.stop_sending()?;
    let _outcome = execution.watch.settle_fully(&execution.threads, execution.plan.times.settle)?;
    execution.threads.collect()
}

fn end(proxies: Vec<ProxyProcess>) -> Result<ProxyCounts, ProxyError> {
    let mut sum = ProxyCounts::default();
    for proxy in proxies {
        let tally = proxy.end()?;
        sum.accepted += tally.accepted;
        sum.resets += tally.resets;
        sum.half_closes += tally.half_closes;
    }
    Ok(sum)
}

fn figures(measurement: &Measurement, findings: &mut Findings) {
    findings.count("messages held back", measurement.held_back);
    findings.figure("harness CPU", measurement.cpu(), "cores");
    findings.distribution("delivery", &measurement.latency);
    measurement.limits().into_iter().for_each(|why| findings.harness_limited(why));
    remarks(Pace::Silent, measurement, findings);
}

/// Every message is answered once; unanswered ones are part of the verdict anyway.
fn answers(ended: &Totals, findings: &mut Findings) {
    let (sent, replies) = (ended.sent, ended.counts.replies);
    if replies > sent {
        findings.violation(format!("{replies} answers to {sent} messages"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        plan: Plan,
    }

    fn plan(words: &str) -> Plan {
        Line::parse_from(["cuts"].into_iter().chain(words.split_whitespace())).plan
    }

    #[test]
    fn rooms_larger_than_the_crowd_and_rates_of_nothing_are_refused() {
        assert_eq!(check(&plan("--sessions 40 --members 20 --rate 1")), Ok(()));
        let key = |words: &str| match check(&plan(words)) {
            Err(PlanError::OutOfBounds { key, .. }) => key,
            other => panic!("{other:?}"),
        };
        assert_eq!(key("--sessions 10 --members 20"), "members");
        assert_eq!(key("--members 0"), "members");
        assert_eq!(key("--rate 0"), "rate");
    }

    #[test]
    fn a_rate_counts_deliveries() {
        assert_eq!(pace(&plan("--rate 10 --members 20")), Pace::Open(0.5));
    }
}
