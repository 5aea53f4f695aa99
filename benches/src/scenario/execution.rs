//! A run under way: a server, sessions on it, and the report so far. The steps that all scenarios
//! share.

use std::time::Duration;

use super::verdict::{add_ended, add_timeline};
use super::{Context, RunError};
use crate::account::Roster;
use crate::clock;
use crate::dialect::Reconnect;
use crate::driver::Tuning;
use crate::host::raise_descriptors;
use crate::plan::{Flow, Layout, Plan, Ramp};
use crate::report::{About, DELIVERY, Findings, PINNING, Report};
use crate::run::{
    Measurement, OpenPace, Server, Status, Threads, Timeline, Totals, WaitResult, Watch,
};

/// A run under way.
#[derive(Debug)]
pub(super) struct Execution<'a> {
    pub(super) plan: &'a Plan,
    pub(super) server: Server,
    pub(super) threads: Threads,
    pub(super) watch: Watch,
    pub(super) about: About,
    pub(super) findings: Findings,
    /// Memory of the server before the first session.
    pub(super) memory_before: Option<u64>,
}

/// Longest time for sessions to open that are not held back.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Execution<'a> {
    /// Finds or starts the server, and starts the threads.
    pub(super) fn start(
        plan: &'a Plan,
        tuning: &Tuning,
        context: Context,
    ) -> Result<Self, RunError> {
        let (server, roster) = open(plan)?;
        let (mut about, mut findings) = (About::new(plan.kind.to_string()), Findings::default());
        describe(plan, &server, &mut about);
        if let Some(accounts) = &plan.accounts {
            about.set_subject("accounts", format!("{} users, {accounts}", roster.users()));
            roster.note().into_iter().for_each(|note| findings.note(note));
        }
        if server.usage.is_none() {
            findings.note(unknown_process(&server.several));
        }
        let Context { interrupt, progress } = context;
        let mut watch = Watch::new(server.usage, plan.times.interval, interrupt, progress);
        watch.phase("ramp", None);
        let memory_before = watch.server_memory();
        let threads = start_threads(plan, &server, &roster, tuning)?;
        Ok(Self { plan, server, threads, watch, about, findings, memory_before })
    }

    /// Opens all sessions; returns whether the run goes on.
    pub(super) fn ramp(&mut self) -> Result<bool, RunError> {
        let sessions = real(self.plan.sessions as u64);
        let (rate, time) = match self.plan.connections.ramp {
            None => (None, Duration::ZERO),
            Some(Ramp::PerSecond(rate)) => {
                (Some(rate), Duration::from_secs_f64((sessions / rate).min(1e9)))
            }
            Some(Ramp::Within(time)) => (Some(sessions / time.as_secs_f64().max(1e-3)), time),
        };
        self.open_sessions(rate, time + PATIENCE)
    }

    /// Opens all sessions, at a rate or as fast as possible.
    pub(super) fn open_sessions(
        &mut self,
        rate: Option<f64>,
        within: Duration,
    ) -> Result<bool, RunError> {
        let now = clock::now();
        let concurrency = dialing(self.plan);
        self.threads.open_sessions(OpenPace { from: now, rate, concurrency })?;
        let wanted = self.plan.sessions as u64;
        let is_over = |threads: &Threads| {
            let status = threads.status();
            status.open == wanted || status.open + status.ended >= wanted && status.ended > 0
        };
        let outcome = self.watch.wait_for(&self.threads, now + within, is_over)?;
        let Status { open, waits, .. } = self.threads.status();
        if outcome == WaitResult::Interrupted || open == wanted {
            return Ok(outcome != WaitResult::Interrupted);
        }
        let last_error = last_error(&self.threads);
        let open = usize::try_from(open).unwrap_or(usize::MAX);
        Err(RunError::NotOpen { open, wanted: self.plan.sessions, waits, last_error })
    }

    /// Stops sending, waits for outstanding deliveries, and returns the measurement.
    pub(super) fn settle(&mut self) -> Result<Measurement, RunError> {
        self.watch.phase("settle", None);
        self.threads.stop_sending()?;
        let _outcome = self.watch.settle(&self.threads, self.plan.times.settle)?;
        self.threads.collect()
    }

    /// Goes on with another server and the sessions on it.
    pub(super) fn exchange(&mut self, other: &mut (Server, Threads)) {
        std::mem::swap(&mut self.server, &mut other.0);
        std::mem::swap(&mut self.threads, &mut other.1);
        self.watch.observe(self.server.usage);
    }

    /// Ends the threads and writes the verdict.
    pub(super) fn finish(self) -> Result<Report, RunError> {
        let (ended, conclusion) = self.end()?;
        Ok(conclusion.report(&ended))
    }

    /// Ends the threads.
    pub(super) fn end(self) -> Result<(Totals, Conclusion), RunError> {
        let Self { server, threads, watch, about, mut findings, .. } = self;
        if watch.is_gone() {
            findings.violation("the server is gone");
        }
        let (last_error, ended) = (last_error(&threads), threads.end()?);
        Ok((
            ended,
            Conclusion { about, findings, timeline: watch.end(), last_error, _server: server },
        ))
    }
}

/// A run whose threads have ended, before its verdict.
#[derive(Debug)]
pub(super) struct Conclusion {
    pub(super) about: About,
    pub(super) findings: Findings,
    timeline: Timeline,
    /// The last error of a connection.
    last_error: String,
    /// The server, which outlives the sessions.
    _server: Server,
}

impl Conclusion {
    /// Writes the verdict.
    pub(super) fn report(self, ended: &Totals) -> Report {
        let Self { mut about, mut findings, timeline, last_error, .. } = self;
        add_timeline(timeline, &mut about, &mut findings);
        if ended.counts.expelled > 0 {
            findings.note(format!("why a connection ended last: {last_error}"));
        }
        if ended.absent > 0 {
            let absent = ended.absent;
            findings.violation(format!(
                "{absent} sessions that had stalled did not come back; last error: {last_error}"
            ));
        }
        add_ended(ended, &mut findings);
        Report::of(about, findings)
    }
}

/// Finds or starts the server of a plan, and the accounts for it.
fn open(plan: &Plan) -> Result<(Server, Roster), RunError> {
    raise_descriptors(plan.sessions)?;
    let server = Server::open(plan)?;
    server.reach()?;
    Ok((server, Roster::open(&plan.demand())?))
}

fn start_threads(
    plan: &Plan,
    server: &Server,
    roster: &Roster,
    tuning: &Tuning,
) -> Result<Threads, RunError> {
    let mut layout = match roster.names(plan.sessions) {
        Some(users) => Layout::of_users(plan, users),
        None => Layout::new(plan, &prefix()),
    };
    if let Some(http) = &plan.given.accounts.http {
        layout.rename_rooms(&roster.create_groups(http, &layout.joined())?);
    }
    Threads::start(plan, (&layout, roster), &server.routes, tuning)
}

/// Another server with sessions of its own, for [`Execution::exchange`].
pub(super) fn start_other(plan: &Plan, tuning: &Tuning) -> Result<(Server, Threads), RunError> {
    let (server, roster) = open(plan)?;
    let threads = start_threads(plan, &server, &roster, tuning)?;
    Ok((server, threads))
}

/// The last error of a connection.
fn last_error(threads: &Threads) -> String {
    threads.last_error().unwrap_or_else(|| "nothing went wrong".to_owned())
}

fn describe(plan: &Plan, server: &Server, about: &mut About) {
    about.set_plan(plan.load());
    about.set_subject("address", server.addresses.join(" "));
    about.set_subject("dialect", plan.dialect.to_string());
    about.set_subject("threads", plan.threads.to_string());
    if let Some(usage) = server.usage {
        about.set_subject("process", format!("{} {}", usage.pid(), usage.command()).trim_end());
    }
    about.set_subject(DELIVERY, plan.promise());
    about.set_subject(PINNING, server.pinning().to_string());
    if let Some(label) = &plan.given.report.label {
        about.set_label(label);
    }
}

/// Reason why there are no figures of the server's process.
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

/// Prefix of names, unique among runs on one server.
fn prefix() -> String {
    format!("b{:x}-{:x}-", std::process::id(), clock::now().as_micros())
}

/// Connections that a thread makes at the same time. In a storm the first thread has few to make.
fn dialing(plan: &Plan) -> usize {
    let idle = usize::from(plan.disturbances.storm.is_some());
    plan.connections.concurrency.div_ceil(plan.threads.saturating_sub(idle).max(1))
}

/// Settings of the drivers.
pub(super) fn tuning(plan: &Plan) -> Tuning {
    let mut tuning = Tuning {
        dialing: dialing(plan),
        is_precise: matches!(plan.flow, Flow::Open(_) | Flow::Find { .. })
            || plan.connections.connect_rate.is_some(),
        ..Tuning::default()
    };
    tuning.timing.heartbeat = Some(plan.connections.heartbeat);
    // Sessions that find no way back at once try again.
    tuning.timing.reconnect = plan.disturbances.storm.map(|_| Reconnect::default());
    tuning
}

/// A count for arithmetic.
pub(super) fn real(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
    let real = count as f64;
    real
}
