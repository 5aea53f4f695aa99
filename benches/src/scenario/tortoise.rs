//! Half of a room stops reading, and the other half notices nothing.
//!
//! First everybody reads, then the slow half stops: its sessions are frozen, with their sockets
//! open and full. The gateway's memory must stay within its budget, and the times of the good
//! half what they were. Then the slow half goes on, and whatever it does not get must be told by
//! gaps, to the message.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{Crowd, Rooms, RunError, Setting, flags, report_of, tell, within_bounds};
use crate::clock;
use crate::dialect::Dialect;
use crate::driver::{Route, Tuning};
use crate::report::Report;
use crate::run::cores::outrank;
use crate::schedule::Schedule;
use crate::server::{Relay, Usage};

/// How much of everything.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Plan {
    /// Readers of the room
    #[arg(long, default_value_t = 10_000)]
    pub readers: usize,
    /// Those of them that stop
    #[arg(long, default_value_t = 5_000)]
    pub slow: usize,
    /// Messages a second to the room
    #[arg(long, default_value_t = 8)]
    pub rate: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 256)]
    pub body: usize,
    /// Seconds of each part
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Bytes that the gateway may use for queues, windows and logs
    #[arg(long, default_value_t = 32 << 20)]
    pub memory_budget: u64,
    /// Deliveries in flight to one session
    #[arg(long, default_value_t = 32)]
    pub window: u16,
    /// Deliveries that wait for one session
    #[arg(long, default_value_t = 64)]
    pub queue: usize,
    /// Deliveries of the room that are kept for readers who are behind
    #[arg(long, default_value_t = 64)]
    pub room_log: usize,
    /// What is promised: acked or best-effort
    #[arg(long, default_value = "acked")]
    pub delivery: String,
    /// What becomes of a reader whose queue is full: park, drop-oldest or close
    #[arg(long, default_value = "drop-oldest")]
    pub overflow: String,
    /// Seconds to wait at the end for what is still on its way
    #[arg(long, default_value_t = 60)]
    pub settle: u64,
}

/// Most that the good half's p99 may grow.
const SLOWER: f64 = 1.2;
/// Most memory beside the budget, as a share of it.
const BESIDE: f64 = 1.05;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Runs against a relay of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, setting: &Setting) -> Result<Report, RunError> {
    within_bounds("slow", plan.slow, 0, plan.readers.saturating_sub(1))?;
    outrank();
    let own = flags(&[
        ("--resume-ttl", "300".to_owned()),
        ("--memory-budget", plan.memory_budget.to_string()),
        ("--overflow", plan.overflow.clone()),
        ("--delivery", plan.delivery.clone()),
        ("--window", plan.window.to_string()),
        ("--queue", plan.queue.to_string()),
        ("--room-log", plan.room_log.to_string()),
    ]);
    let relay = Relay::start(&setting.relay, own.into_iter().chain(setting.flags.clone()))?;
    let mut crowd = crowd(plan, &relay)?;
    crowd.obey(&setting.interrupt);
    let mut part = Part { plan, usage: relay.usage(), most: 0 };
    part.run(&mut crowd)?;
    crowd.settle(Duration::from_secs(10))?;
    let before = relay.usage().resident()?;
    part.most = before;

    let all = part.run(&mut crowd)?;
    crowd.settle(Duration::from_secs(10))?;
    let with_all = std::mem::replace(&mut part.most, before);

    let slow = plan.readers - plan.slow..plan.readers;
    slow.clone().for_each(|session| crowd.driver.freeze(session));
    let half = part.run(&mut crowd)?;
    let with_half = part.most;
    let waiting: u64 = slow.clone().map(|session| crowd.audience.oracle.behind(session)).sum();
    slow.for_each(|session| crowd.driver.thaw(session));
    let is_settled = crowd.settle(Duration::from_secs(plan.settle))?;

    let mut report = report_of("tortoise", plan);
    report.count("messages sent", crowd.sent());
    report.count("deliveries the slow half had not read", waiting);
    report.figure("good half, all reading: p50", all.0, "ms");
    report.figure("good half, all reading: p99", all.1, "ms");
    report.figure("good half, others stopped: p50", half.0, "ms");
    report.figure("good half, others stopped: p99", half.1, "ms");
    if crowd.is_interrupted() {
        report.interrupted();
    } else {
        report.at_most("p99, others stopped to all reading", half.1 / all.1, SLOWER, "times");
    }
    report.figure("memory before", mib(before), "MiB");
    report.figure("memory grown, all reading", mib(with_all) - mib(before), "MiB");
    let most = mib(plan.memory_budget) * BESIDE;
    report.at_most("memory grown, others stopped", mib(with_half) - mib(before), most, "MiB");
    report.figure(
        "memory grown, when all had read",
        mib(part.usage.resident()?) - mib(before),
        "MiB",
    );
    finish(&mut report, crowd, is_settled);
    Ok(report)
}

fn crowd(plan: &Plan, relay: &Relay) -> Result<Crowd, RunError> {
    let tuning = Tuning { is_precise: true, ..Tuning::default() };
    let mut crowd = Crowd::new(tuning, plan.body)?;
    let routes: Arc<[Route]> = Arc::new([Route::tcp(relay.target().tcp)]);
    let (name, rooms, members, publishers) = ("tortoise", 1, plan.readers, 1);
    crowd.add(&Rooms { name, rooms, members, publishers, dialect: Dialect::Comet }, &routes);
    crowd.audience.timed = 0..plan.readers - plan.slow;
    crowd.open(Duration::from_secs(120))?;
    tell(&format!("{} sessions are open", plan.readers));
    Ok(crowd)
}

/// A stretch of time under load.
struct Part<'a> {
    plan: &'a Plan,
    usage: Usage,
    /// The most memory that was seen.
    most: u64,
}

impl Part<'_> {
    /// Returns p50 and p99 of the good half.
    fn run(&mut self, crowd: &mut Crowd) -> Result<(f64, f64), RunError> {
        let start = clock::now();
        let end = start + Duration::from_secs(self.plan.seconds);
        let mut schedule = Schedule::new(start, self.plan.rate);
        crowd.audience.latency.reset();
        while clock::now() < end && !crowd.is_interrupted() {
            crowd.run(end.min(clock::now() + LOOK), &mut schedule)?;
            self.most = self.most.max(self.usage.resident()?);
        }
        let (latency, open) = (&crowd.audience.latency, crowd.audience.open());
        let times = (latency.ms(0.5), latency.ms(0.99));
        let (p50, p99, most) = (times.0, times.1, mib(self.most));
        tell(&format!("p50 {p50:.2} ms, p99 {p99:.2} ms, {most:.1} MiB at most, {open} open"));
        Ok(times)
    }
}

fn finish(report: &mut Report, crowd: Crowd, is_settled: bool) {
    let counts = crowd.audience.counts();
    report.count("sessions resumed", counts.resumed);
    report.count("messages held back", crowd.held_back());
    crowd.report_unsent(report);
    if !is_settled {
        let missing = crowd.audience.oracle.outstanding();
        report.violation(format!("{missing} deliveries had not come when the wait was over"));
    }
    report.verdict(&crowd.audience.oracle.finish());
}

fn mib(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory of a machine is far below 2^53")]
    let bytes = bytes as f64;
    bytes / f64::from(1 << 20)
}
