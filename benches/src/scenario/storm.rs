//! Very many connections are lost at once, and come back without hurting those that stayed.
//!
//! Two threads, each with a driver and rooms of its own: the many, who are cut, and the few, who
//! stay and are timed. The many come from several addresses. How long a session took to be
//! resumed counts from the moment when it was free to connect: when its wait was over, by its own
//! back-off or by the time that the gateway gave it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use serde::Serialize;

use super::{Crowd, Rooms, RunError, Setting, check_rooms, deliveries, flags, report_of, tell};
use crate::clock;
use crate::dialect::Dialect;
use crate::driver::{Route, Tuning};
use crate::oracle::Verdict;
use crate::report::Report;
use crate::run::Interrupt;
use crate::run::cores::{allowed, keep_to, outrank};
use crate::schedule::Schedule;
use crate::server::{Relay, Target};

/// How much of everything.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Plan {
    /// Sessions that are cut
    #[arg(long, default_value_t = 15_000)]
    pub sessions: usize,
    /// Sessions that stay
    #[arg(long, default_value_t = 1_000)]
    pub others: usize,
    /// Deliveries a second to those that stay
    #[arg(long, default_value_t = 10_000)]
    pub rate: u64,
    /// Deliveries a second to those that are cut
    #[arg(long, default_value_t = 1_500)]
    pub crowd_rate: u64,
    /// Sessions in each room
    #[arg(long, default_value_t = 100)]
    pub members: usize,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    pub body: usize,
    /// Seconds of quiet before the cut
    #[arg(long, default_value_t = 10)]
    pub before: u64,
    /// Authentications a second that the gateway takes; 0: no limit
    #[arg(long, default_value_t = 0)]
    pub handshake_rate: u32,
    /// Seconds after which a storm is not waited for any longer
    #[arg(long, default_value_t = 60)]
    pub patience: u64,
}

/// Longest way back for a session that is free to come, in milliseconds.
const BACK: f64 = 3_000.0;
/// Most that the p99 of those who stay may grow.
const SLOWER: f64 = 1.5;
/// Addresses that the many come from.
const ADDRESSES: u8 = 8;
/// The least time over which those who stay are watched after the cut.
const WATCH: Duration = Duration::from_secs(3);

const GATHERING: u8 = 0;
const GATHERED: u8 = 1;
const CUT: u8 = 2;
const BACK_AGAIN: u8 = 3;
const OVER: u8 = 4;

/// What the many went through.
struct Storm {
    crowd: Crowd,
    /// From the cut to the last session that was back.
    took: Duration,
    was_cut: bool,
    are_back: bool,
    is_settled: bool,
}

/// Runs against a relay of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, setting: &Setting) -> Result<Report, RunError> {
    check_rooms((plan.sessions, plan.members), (plan.crowd_rate, "crowd-rate"))?;
    check_rooms((plan.others, plan.members), (plan.rate, "rate"))?;
    outrank();
    // With four threads on two cores the scheduler would be measured.
    let cores = allowed();
    keep_to(0, &cores);
    let own = flags(&[
        ("--shards", "1".to_owned()),
        ("--resume-ttl", "120".to_owned()),
        ("--handshake-rate", plan.handshake_rate.to_string()),
    ]);
    let relay = Relay::start(&setting.relay, own.into_iter().chain(setting.flags.clone()))?;
    keep_to(1, &cores);
    let (target, stage) = (relay.target(), AtomicU8::new(GATHERING));
    thread::scope(|scope| {
        let many = scope.spawn(|| {
            let storm = many(plan, target, &stage, &setting.interrupt);
            // Whoever waits for the storm must learn that there is none.
            stage.fetch_max(if storm.is_ok() { BACK_AGAIN } else { OVER }, Ordering::SeqCst);
            storm
        });
        let few = few(plan, target, &stage, &setting.interrupt);
        stage.store(OVER, Ordering::SeqCst);
        let storm = many.join().map_err(|_panic| RunError::Thread)??;
        Ok(report(plan, &relay, few?, storm))
    })
}

fn many(
    plan: &Plan,
    target: Target,
    stage: &AtomicU8,
    interrupt: &Interrupt,
) -> Result<Storm, RunError> {
    // The gateway and those who stay come first: this load is not what is measured.
    let _ = setpriority_process(Some(gettid()), 5);
    let tuning = Tuning { dialing: 1_024, ..Tuning::default() };
    let mut crowd = Crowd::new(tuning, plan.body)?;
    crowd.obey(interrupt);
    let routes: Arc<[Route]> = (1..=ADDRESSES)
        .map(|number| Ipv4Addr::new(127, 0, 1, number))
        .map(|address| Route::tcp(target.tcp).from(IpAddr::V4(address)))
        .collect();
    let (rooms, members) = (plan.sessions / plan.members, plan.members);
    let (name, publishers) = ("storm", 1);
    crowd.add(&Rooms { name, rooms, members, publishers, dialect: Dialect::Comet }, &routes);
    crowd.open(Duration::from_secs(120))?;
    tell(&format!("{} sessions are open", crowd.driver.sessions()));
    let mut schedule = deliveries(clock::now(), plan.crowd_rate, plan.members);
    stage.fetch_max(GATHERED, Ordering::SeqCst);
    until(stage, CUT, &mut crowd, &mut schedule)?;

    let cut = clock::now();
    if crowd.is_interrupted() {
        let is_settled = crowd.settle(Duration::from_secs(20))?;
        let (took, was_cut, are_back) = (Duration::ZERO, false, true);
        return Ok(Storm { crowd, took, was_cut, are_back, is_settled });
    }
    (0..crowd.driver.sessions()).for_each(|session| crowd.driver.cut(session));
    let deadline = cut + Duration::from_secs(plan.patience);
    let all = crowd.driver.sessions();
    let are_back = |crowd: &Crowd| {
        crowd.audience.counts().resumed >= all as u64 && crowd.audience.open() == all
    };
    while !are_back(&crowd) && clock::now() < deadline && !crowd.is_interrupted() {
        crowd.run(clock::now() + TURN, &mut schedule)?;
    }
    let took = crowd.audience.last_opened().since(cut);
    let are_back = are_back(&crowd);
    tell(&format!("{} of {all} are back after {took:?}", crowd.audience.open()));
    stage.fetch_max(BACK_AGAIN, Ordering::SeqCst);
    until(stage, OVER, &mut crowd, &mut schedule)?;
    let is_settled = crowd.settle(Duration::from_secs(20))?;
    Ok(Storm { crowd, took, was_cut: true, are_back, is_settled })
}

/// How long a driver goes on without looking at the stage.
const TURN: Duration = Duration::from_millis(10);

fn until(
    stage: &AtomicU8,
    wanted: u8,
    crowd: &mut Crowd,
    schedule: &mut Schedule,
) -> Result<(), RunError> {
    while stage.load(Ordering::SeqCst) < wanted && !crowd.is_interrupted() {
        crowd.run(clock::now() + TURN, schedule)?;
    }
    Ok(())
}

/// Those who stay: their p50 and p99 before and during the storm.
struct Few {
    crowd: Crowd,
    before: (f64, f64),
    during: (f64, f64),
    is_settled: bool,
}

fn few(
    plan: &Plan,
    target: Target,
    stage: &AtomicU8,
    interrupt: &Interrupt,
) -> Result<Few, RunError> {
    let tuning = Tuning { is_precise: true, ..Tuning::default() };
    let mut crowd = Crowd::new(tuning, plan.body)?;
    crowd.obey(interrupt);
    let routes: Arc<[Route]> = Arc::new([Route::tcp(target.tcp)]);
    let (rooms, members) = (plan.others / plan.members, plan.members);
    let (name, publishers) = ("stay", 1);
    crowd.add(&Rooms { name, rooms, members, publishers, dialect: Dialect::Comet }, &routes);
    crowd.open(Duration::from_secs(120))?;
    let mut schedule = deliveries(clock::now(), plan.rate, plan.members);
    until(stage, GATHERED, &mut crowd, &mut schedule)?;
    crowd.run(clock::now() + Duration::from_secs(2), &mut schedule)?;

    crowd.audience.latency.reset();
    crowd.run(clock::now() + Duration::from_secs(plan.before), &mut schedule)?;
    let before = times(&crowd);
    crowd.audience.latency.reset();
    let watched = clock::now() + WATCH;
    stage.fetch_max(CUT, Ordering::SeqCst);
    while (stage.load(Ordering::SeqCst) < BACK_AGAIN || clock::now() < watched)
        && !crowd.is_interrupted()
    {
        crowd.run(clock::now() + TURN, &mut schedule)?;
    }
    let during = times(&crowd);
    let is_settled = crowd.settle(Duration::from_secs(10))?;
    Ok(Few { crowd, before, during, is_settled })
}

fn times(crowd: &Crowd) -> (f64, f64) {
    (crowd.audience.latency.ms(0.5), crowd.audience.latency.ms(0.99))
}

fn report(plan: &Plan, relay: &Relay, few: Few, storm: Storm) -> Report {
    let mut report = report_of("storm", plan);
    let counts = storm.crowd.audience.counts();
    let returns = &storm.crowd.audience.returns;
    let cut = if storm.was_cut { storm.crowd.driver.sessions() as u64 } else { 0 };
    report.count("sessions cut", cut);
    report.count("sessions resumed", counts.resumed);
    report.count("attempts that had to wait again", counts.waits.saturating_sub(cut));
    let is_partial = storm.crowd.is_interrupted();
    for (name, value) in [
        ("from the cut to the last session back", ms(storm.took)),
        ("from free to come to resumed, p50", returns.ms(0.5)),
        ("from free to come to resumed, p99", returns.ms(0.99)),
        ("those who stay, before: p50", few.before.0),
        ("those who stay, before: p99", few.before.1),
        ("those who stay, in the storm: p50", few.during.0),
        ("those who stay, in the storm: p99", few.during.1),
    ] {
        // What did not happen took no time at all.
        if value > 0.0 || !is_partial {
            report.figure(name, value, "ms");
        }
    }
    if is_partial {
        report.interrupted();
    } else {
        report.at_most("from free to come to resumed, last", returns.ms(1.0), BACK, "ms");
        let ratio = few.during.1 / few.before.1;
        report.at_most("p99 of those who stay, storm to before", ratio, SLOWER, "times");
        if !storm.are_back {
            report.violation("not all sessions came back");
        }
    }
    if relay.usage().cpu().is_err() {
        report.violation("the relay is gone");
    }
    let mut verdict = finish(&mut report, "many", storm.crowd, storm.is_settled);
    verdict.merge(finish(&mut report, "few", few.crowd, few.is_settled));
    report.verdict(&verdict);
    report
}

fn finish(report: &mut Report, name: &str, crowd: Crowd, is_settled: bool) -> Verdict {
    crowd.report_unsent(report);
    if !is_settled {
        let missing = crowd.audience.oracle.outstanding();
        report.violation(format!("{name}: {missing} deliveries had not come at the end"));
    }
    crowd.audience.oracle.finish()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
