//! Connections break all the time, in every way, and nobody misses a message.
//!
//! Sessions connect through proxies that reset and half-close their connections; now and then one
//! proxy is stopped as a process, so that its share of the connections falls silent. Each
//! attempt to come back takes another proxy, and TCP and WebSocket in turn. The rate counts
//! deliveries: messages times the members of a room.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::{Crowd, Rooms, RunError, Setting, check_rooms, deliveries, flags, report_of, tell};
use crate::clock;
use crate::dialect::{Dialect, Habits};
use crate::driver::{Route, Time, Tuning};
use crate::proxy::{Options, ProxyError, ProxyProcess, Tally};
use crate::report::Report;
use crate::server::{Relay, Target};

/// How much of everything.
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
    /// Seconds to wait at the end for what is still on its way
    #[arg(long, default_value_t = 60)]
    pub settle: u64,
    /// Decides what breaks when
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs against a relay of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, setting: &Setting) -> Result<Report, RunError> {
    check_rooms((plan.sessions, plan.members), (plan.rate, "rate"))?;
    let own = [("--resume-ttl", "120".to_owned()), ("--idle", "16".to_owned())];
    let relay = Relay::start(&setting.relay, flags(&own).into_iter().chain(setting.flags.clone()))?;
    let report = against(plan, relay.target(), setting)?;
    // A relay that died would not say.
    relay.usage().cpu()?;
    Ok(report)
}

/// Runs against a gateway that relays messages to the rooms of their sender and parks sessions.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn against(plan: &Plan, target: Target, setting: &Setting) -> Result<Report, RunError> {
    let proxies = proxies(plan, target, &setting.program)?;
    let mut crowd = Crowd::new(tuning(), plan.body)?;
    crowd.obey(&setting.interrupt);
    let routes: Arc<[Route]> = proxies.iter().flat_map(routes).collect();
    let (rooms, members) = (plan.sessions / plan.members, plan.members);
    let (name, publishers) = ("cuts", members);
    crowd.add(&Rooms { name, rooms, members, publishers, dialect: Dialect::Comet }, &routes);
    crowd.open(Duration::from_secs(60))?;
    let stalls = flow(plan, &mut crowd, &proxies)?;
    let is_settled = crowd.settle(Duration::from_secs(plan.settle))?;
    let tally = end(proxies)?;
    Ok(report(plan, crowd, tally, stalls, is_settled))
}

fn tuning() -> Tuning {
    let mut habits = Habits::default();
    habits.comet.handshake_timeout = Duration::from_secs(4);
    Tuning { dial_timeout: Duration::from_secs(4), habits, ..Tuning::default() }
}

fn proxies(plan: &Plan, target: Target, program: &Path) -> Result<Vec<ProxyProcess>, ProxyError> {
    let options = |seed| Options {
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

fn routes(proxy: &ProxyProcess) -> Vec<Route> {
    proxy
        .addresses()
        .chunks(2)
        .flat_map(|pair| [Route::tcp(pair[0]), Route::websocket(pair[1])])
        .collect()
}

/// Lets messages flow while proxies are stopped and go on; returns how often one was stopped.
fn flow(plan: &Plan, crowd: &mut Crowd, proxies: &[ProxyProcess]) -> Result<u64, RunError> {
    let start = clock::now();
    let end = start + Duration::from_secs(plan.seconds);
    let mut schedule = deliveries(start, plan.rate, plan.members);
    let (mut rng, mut stalls) = (StdRng::seed_from_u64(plan.seed), 0);
    loop {
        let quiet = Duration::from_secs_f64(rng.random_range(1.0..4.0));
        crowd.run(end.min(clock::now() + quiet), &mut schedule)?;
        if clock::now() >= end || crowd.is_interrupted() {
            return Ok(stalls);
        }
        let proxy = &proxies[rng.random_range(0..proxies.len())];
        let silence = Duration::from_secs_f64(rng.random_range(0.5..plan.stall.max(0.6)));
        proxy.stop()?;
        let outcome = crowd.run(end.min(clock::now() + silence), &mut schedule);
        proxy.go_on()?;
        outcome?;
        stalls += 1;
        progress(start, crowd);
    }
}

fn progress(start: Time, crowd: &Crowd) {
    let counts = crowd.audience.counts();
    tell(&format!(
        "{:>4.0} s: {} sent, {} delivered, {} on their way, {} resumed, {} open",
        clock::now().since(start).as_secs_f64(),
        crowd.sent(),
        crowd.audience.oracle.settled(),
        crowd.audience.oracle.outstanding(),
        counts.resumed,
        crowd.audience.open(),
    ));
}

fn end(proxies: Vec<ProxyProcess>) -> Result<Tally, ProxyError> {
    let mut sum = Tally::default();
    for proxy in proxies {
        let tally = proxy.end()?;
        sum.accepted += tally.accepted;
        sum.resets += tally.resets;
        sum.half_closes += tally.half_closes;
    }
    Ok(sum)
}

fn report(plan: &Plan, crowd: Crowd, tally: Tally, stalls: u64, is_settled: bool) -> Report {
    let mut report = report_of("cuts", plan);
    let counts = crowd.audience.counts();
    report.count("sessions", crowd.driver.sessions() as u64);
    report.count("messages sent", crowd.sent());
    report.count("messages answered", counts.replies);
    report.count("messages held back", crowd.held_back());
    report.count("connections through the proxies", tally.accepted);
    report.count("connections reset", tally.resets);
    report.count("connections half closed", tally.half_closes);
    report.count("proxies stopped and gone on", stalls);
    report.count("connections lost", crowd.driver.tally().lost);
    report.count("sessions resumed", counts.resumed);
    report.figure("time from due to delivered, p50", crowd.audience.latency.ms(0.5), "ms");
    report.figure("time from due to delivered, p99", crowd.audience.latency.ms(0.99), "ms");
    if crowd.is_interrupted() {
        report.interrupted();
    }
    crowd.report_unsent(&mut report);
    if !is_settled {
        let missing = crowd.audience.oracle.outstanding();
        report.violation(format!("{missing} deliveries had not come when the wait was over"));
    }
    let sent = crowd.sent();
    if counts.replies != sent {
        report.violation(format!("{} of {sent} messages answered", counts.replies));
    }
    report.verdict(&crowd.audience.oracle.finish());
    report
}
