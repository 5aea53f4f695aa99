//! What the runs of all planned scenarios have in common: a server, sessions that come, an end
//! with a verdict.

use std::time::Duration;

use super::RunError;
use crate::account::Roster;
use crate::clock;
use crate::dialect::Reconnect;
use crate::driver::Tuning;
use crate::plan::{Flow, Layout, Plan, Ramp};
use crate::report::{DELIVERY, PINNING, Report};
use crate::run::{
    Arrive, Crew, Ended, Finding, Interrupt, Outcome, Server, Shown, Watch, descriptors,
};
use crate::terminal::Progress;

/// A run that is under way.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) plan: &'a Plan,
    pub(super) server: Server,
    pub(super) crew: Crew,
    pub(super) watch: Watch,
    pub(super) report: Report,
    /// The server's memory before the first session.
    pub(super) memory_before: Option<u64>,
}

/// How long sessions may take to open when they are not held back.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Course<'a> {
    /// Finds or starts the server, and starts the threads.
    pub(super) fn start(
        plan: &'a Plan,
        interrupt: Interrupt,
        progress: Progress,
    ) -> Result<Self, RunError> {
        descriptors(plan.sessions)?;
        let server = Server::open(plan)?;
        server.reach()?;
        let roster = Roster::open(plan)?;
        let mut report = Report::new(plan.kind.to_string());
        describe(plan, &server, &mut report);
        if let Some(accounts) = &plan.accounts {
            report.subject("accounts", format!("{} users, {accounts}", roster.users()));
            roster.note().into_iter().for_each(|note| report.note(note));
        }
        if server.usage.is_none() {
            report.note(unknown_process(&server.several));
        }
        let mut watch = Watch::new(server.usage, plan.times.interval, interrupt, progress);
        watch.phase("ramp", None);
        let memory_before = watch.server_memory();
        let layout = match roster.names(plan.sessions) {
            Some(users) => Layout::of_users(plan, users),
            None => Layout::new(plan, &prefix()),
        };
        let crew = Crew::start(plan, (&layout, &roster), &server.routes, &tuning(plan))?;
        Ok(Self { plan, server, crew, watch, report, memory_before })
    }

    /// All sessions open; returns whether the run goes on.
    pub(super) fn ramp(&mut self) -> Result<bool, RunError> {
        let sessions = real(self.plan.sessions as u64);
        let (rate, time) = match self.plan.ramp {
            None => (None, Duration::ZERO),
            Some(Ramp::PerSecond(rate)) => {
                (Some(rate), Duration::from_secs_f64((sessions / rate).min(1e9)))
            }
            Some(Ramp::Within(time)) => (Some(sessions / time.as_secs_f64().max(1e-3)), time),
        };
        self.arrive(rate, time + PATIENCE)
    }

    /// All sessions open, at a rate or as fast as they can.
    pub(super) fn arrive(&mut self, rate: Option<f64>, within: Duration) -> Result<bool, RunError> {
        let now = clock::now();
        let concurrency = dialing(self.plan);
        self.crew.arrive(Arrive { from: now, rate, concurrency })?;
        let wanted = self.plan.sessions as u64;
        let is_over = |crew: &Crew| {
            let shown = crew.shown();
            shown.open == wanted || shown.open + shown.ended >= wanted && shown.ended > 0
        };
        let outcome = self.watch.wait_for(&self.crew, now + within, is_over)?;
        let Shown { open, waits, .. } = self.crew.shown();
        if outcome == Outcome::Interrupted || open == wanted {
            return Ok(outcome != Outcome::Interrupted);
        }
        let trouble = self.crew.trouble().unwrap_or_else(|| "nothing went wrong".to_owned());
        let open = usize::try_from(open).unwrap_or(usize::MAX);
        Err(RunError::NotOpen { open, wanted: self.plan.sessions, waits, trouble })
    }

    /// Sends no more, waits for what is on its way, and returns what was measured.
    pub(super) fn settle(&mut self) -> Result<Finding, RunError> {
        self.watch.phase("settle", None);
        self.crew.hush()?;
        let _outcome = self.watch.settle(&self.crew, self.plan.times.settle)?;
        self.crew.collect()
    }

    /// Ends the threads and writes the verdict.
    pub(super) fn finish(self) -> Result<Report, RunError> {
        let Self { server, crew, watch, mut report, .. } = self;
        if watch.is_gone() {
            report.violation("the server is gone");
        }
        let trouble = crew.trouble().unwrap_or_else(|| "nothing went wrong".to_owned());
        let ended = crew.end()?;
        watch.report(&mut report);
        if ended.counts.expelled > 0 {
            report.note(format!("why a connection ended last: {trouble}"));
        }
        if ended.absent > 0 {
            let absent = ended.absent;
            report.violation(format!(
                "{absent} sessions that had stalled did not come back; last trouble: {trouble}"
            ));
        }
        verdict(&ended, &mut report);
        drop(server);
        Ok(report)
    }
}

fn verdict(ended: &Ended, report: &mut Report) {
    report.count("messages sent", ended.sent);
    report.verdict(&ended.verdict);
    for (name, count) in [
        ("sessions resumed", ended.counts.resumed),
        ("sessions that left and returned", ended.left),
        ("connections broken", ended.broken),
        ("deliveries that waited for the stalled", ended.waiting),
        ("deliveries that the stalled never got", ended.verdict.forgone),
        ("connections of the stalled that ended", ended.counts.expelled),
        ("connections that failed", ended.tally.failed_dials),
    ] {
        if count > 0 {
            report.count(name, count);
        }
    }
    if ended.outstanding > 0 {
        let missing = ended.outstanding;
        report.violation(format!("{missing} deliveries had not come when the wait was over"));
    }
    if ended.unanswered > 0 {
        report.violation(format!("{} messages were not answered", ended.unanswered));
    }
}

fn describe(plan: &Plan, server: &Server, report: &mut Report) {
    report.plan(plan.load());
    report.subject("address", server.addresses.join(" "));
    report.subject("dialect", plan.dialect.to_string());
    report.subject("threads", plan.threads.to_string());
    if let Some(usage) = server.usage {
        report.subject("process", format!("{} {}", usage.pid(), usage.command()).trim_end());
    }
    report.subject(DELIVERY, plan.promise());
    report.subject(PINNING, server.pinning().to_string());
    if let Some(label) = &plan.given.label {
        report.label(label);
    }
}

/// Why there is nothing of the server's process.
fn unknown_process(several: &[u32]) -> String {
    let why = match several {
        [] => "the server's process is not known".to_owned(),
        pids => {
            let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
            format!("the addresses are those of several processes, {}", pids.join(", "))
        }
    };
    format!("{why} (--pid names one): no CPU and no memory of it")
}

/// Names of this run, which no other run on the same server has.
fn prefix() -> String {
    format!("b{:x}-{:x}-", std::process::id(), clock::now().as_micros())
}

/// Connections that a thread makes at the same time. In a storm the first has few to make.
fn dialing(plan: &Plan) -> usize {
    let idle = usize::from(plan.storm.is_some());
    plan.concurrency.div_ceil(plan.threads.saturating_sub(idle).max(1))
}

fn tuning(plan: &Plan) -> Tuning {
    let mut tuning = Tuning {
        dialing: dialing(plan),
        is_precise: matches!(plan.flow, Flow::Open(_) | Flow::Find { .. })
            || plan.arrivals.is_some(),
        ..Tuning::default()
    };
    tuning.habits.heartbeat = Some(plan.heartbeat);
    // Who finds no way back at once tries again.
    tuning.habits.reconnect = plan.storm.map(|_| Reconnect::default());
    tuning
}

/// For arithmetic.
pub(super) fn real(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
    let real = count as f64;
    real
}
