//! Sessions that change their transport all the time, without a message lost.
//!
//! The relay of the run listens by every transport. Each session moves to one of them at random
//! every few seconds: by turns of chance it makes the new connection before it breaks the older
//! one, or afterwards. Now and then all UDP sockets get other ports, under the connections that
//! they carry. The rate counts deliveries: messages times the members of a room.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::execution::{Execution, real, tuning};
use super::flow::{HEADSTART, remarks};
use super::{RunError, ScenarioSettings, load_of};
use crate::clock;
use crate::dialect::Dialect;
use crate::plan::{
    Guarantee, Kind, LoadOptions, Options, Plan as Planned, PlanError, Rate, Roam, ServerOptions,
    Size, Span, TimeOptions, within,
};
use crate::report::{Findings, Report};
use crate::run::{Pace, Totals};
use crate::server::{Relay, certificate};

/// A transport of the relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Plain TCP
    Tcp,
    /// WebSocket
    Ws,
    /// TCP over TLS
    Tls,
    /// WebSocket over TLS
    Wss,
    /// QUIC
    Quic,
    /// WebTransport
    Wt,
    /// Server-sent events and POSTs
    Sse,
}

/// Settings of the scenario.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Plan {
    /// Seconds during which messages flow and sessions move
    #[arg(long, default_value_t = 300.0)]
    pub seconds: f64,
    /// Sessions, each a publisher and a reader
    #[arg(long, default_value_t = 100)]
    pub sessions: usize,
    /// Sessions in each room
    #[arg(long, default_value_t = 10)]
    pub members: usize,
    /// Deliveries a second, over all rooms
    #[arg(long, default_value_t = 5_000)]
    pub rate: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    pub body: usize,
    /// Shortest time on one connection, in seconds
    #[arg(long, default_value_t = 1.0)]
    pub shortest: f64,
    /// Longest time on one connection, in seconds
    #[arg(long, default_value_t = 3.0)]
    pub longest: f64,
    /// Share of the moves that make the new connection before the older one breaks
    #[arg(long, default_value_t = 0.5)]
    pub make_first: f64,
    /// Seconds between changes of the ports of all UDP sockets; 0 for none
    #[arg(long, default_value_t = 10.0)]
    pub ports: f64,
    /// Transports among which sessions move
    #[arg(long, value_enum, value_delimiter = ',')]
    #[arg(default_values_t = By::value_variants().to_vec())]
    pub by: Vec<By>,
    /// Seconds to wait at the end for outstanding deliveries
    #[arg(long, default_value_t = 60)]
    pub settle: u64,
    /// Seed of the moves
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs against a relay of its own.
///
/// # Errors
///
/// [`RunError`] when there is no result.
pub fn run(plan: &Plan, settings: &ScenarioSettings) -> Result<Report, RunError> {
    check(plan)?;
    let folder = tempfile::tempdir()?;
    let files = certificate(folder.path())?;
    let relay = Relay::start(&settings.relay, flags(&files, settings))?;
    let planned = load(plan, &relay, &files[0])?;
    let mut tuning = tuning(&planned);
    tuning.is_precise = false;
    // A session that breaks first comes back within a move.
    tuning.timing.comet.backoff = Duration::from_millis(100);
    let mut execution = Execution::start(&planned, &tuning, settings.context())?;
    if execution.ramp()? {
        flow(plan, &mut execution)?;
    }
    execution.watch.phase("settle", None);
    execution.threads.stop_sending()?;
    let settle = planned.times.settle;
    let _outcome = execution.watch.settle_fully(&execution.threads, settle)?;
    let measurement = execution.threads.collect()?;
    let (ended, mut conclusion) = execution.end()?;
    conclusion.about.set_scenario("roam");
    conclusion.about.set_plan(load_of(plan));
    let findings = &mut conclusion.findings;
    counts(plan, &ended, findings);
    findings.figure("harness CPU", measurement.cpu(), "cores");
    findings.distribution("delivery", &measurement.latency);
    measurement.limits().into_iter().for_each(|why| findings.harness_limited(why));
    remarks(Pace::Silent, &measurement, findings);
    Ok(conclusion.report(&ended))
}

fn counts(plan: &Plan, ended: &Totals, findings: &mut Findings) {
    findings.count("sessions", plan.sessions as u64);
    findings.count("moves that made the new connection first", ended.moves.made_first);
    findings.count("moves that broke the older connection first", ended.moves.broken_first);
    findings.count("changes of all UDP ports", ended.moves.ports);
    findings.count("connections that could not be made", ended.tally.failed_dials);
    findings.count("messages answered", ended.counts.replies);
    if ended.counts.replies > ended.sent {
        let (sent, replies) = (ended.sent, ended.counts.replies);
        findings.violation(format!("{replies} answers to {sent} messages"));
    }
}

fn check(plan: &Plan) -> Result<(), PlanError> {
    within("members", plan.members, 1, plan.sessions)?;
    within("by", plan.by.len(), 1, usize::MAX)?;
    let rate = usize::try_from(plan.rate).unwrap_or(usize::MAX);
    within("rate", rate, 1, 1_000_000_000)
}

fn flags(
    files: &[PathBuf; 2],
    settings: &ScenarioSettings,
) -> impl Iterator<Item = String> + use<> {
    let listeners = ["tls", "wss", "quic", "sse"].map(|name| format!("--{name}=127.0.0.1:0"));
    let [cert, key] = files.each_ref().map(|path| path.display().to_string());
    let files = [format!("--cert={cert}"), format!("--key={key}")];
    // Sessions of TLS go on without it, as the certificate is nobody's.
    let own = ["--resume-ttl=120", "--plain-after-tls"].map(str::to_owned);
    listeners.into_iter().chain(files).chain(own).chain(settings.flags.clone())
}

/// Rooms in which everybody publishes.
fn load(plan: &Plan, relay: &Relay, certificate: &Path) -> Result<Planned, RunError> {
    let addresses: Option<Vec<String>> = plan.by.iter().map(|by| by.address(relay)).collect();
    let rooms = plan.sessions / plan.members;
    let mut planned = Planned::new(Options {
        scenario: Some(Kind::Fan),
        server: ServerOptions {
            addr: addresses,
            ca: Some(certificate.to_owned()),
            pid: Some(relay.usage().pid()),
            dialect: Some(Dialect::Comet),
            delivery: Some(Guarantee::Acked),
            ..ServerOptions::default()
        },
        load: LoadOptions {
            sessions: Some(rooms * plan.members),
            rooms: Some(rooms),
            publishers: Some(plan.members),
            size: Some(Size(plan.body)),
            rate: Some(Rate::PerSecond(messages(plan))),
            threads: Some(1),
            seed: Some(plan.seed),
            ..LoadOptions::default()
        },
        times: TimeOptions {
            duration: Some(Span(Duration::from_secs_f64(plan.seconds.max(0.0)))),
            settle: Some(Span(Duration::from_secs(plan.settle))),
            ..TimeOptions::default()
        },
        ..Options::default()
    })?;
    let span = |seconds: f64| Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
    planned.disturbances.roam = Some(Roam {
        stay: (span(plan.shortest), span(plan.longest)),
        make_first: plan.make_first.clamp(0.0, 1.0),
        routes: plan.by.len(),
        ports: (plan.ports > 0.0).then(|| span(plan.ports)),
    });
    Ok(planned)
}

/// Messages a second.
fn messages(plan: &Plan) -> f64 {
    real(plan.rate) / real(plan.members as u64)
}

fn flow(plan: &Plan, execution: &mut Execution<'_>) -> Result<(), RunError> {
    let lasting = Duration::from_secs_f64(plan.seconds.max(0.0));
    let start = clock::now() + HEADSTART;
    let end = start + lasting;
    execution.threads.start_sending(Pace::Open(messages(plan)), start, start..end)?;
    execution.watch.phase("roam", Some(lasting));
    let _outcome = execution.watch.pass(&execution.threads, end)?;
    execution.threads.cut()
}

impl By {
    /// The relay's address for it, by the name in the certificate.
    fn address(self, relay: &Relay) -> Option<String> {
        let (scheme, listener) = match self {
            Self::Tcp => ("tcp", "tcp"),
            Self::Ws => ("ws", "ws"),
            Self::Tls => ("tls", "tls"),
            Self::Wss => ("wss", "wss"),
            Self::Quic => ("quic", "quic"),
            Self::Wt => ("wt", "quic"),
            Self::Sse => ("sse", "sse"),
        };
        Some(format!("{scheme}://localhost:{}", relay.listener(listener)?.port()))
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
        Line::parse_from(["roam"].into_iter().chain(words.split_whitespace())).plan
    }

    #[test]
    fn all_transports_are_taken_unless_some_are_named() {
        assert_eq!(plan("").by, By::value_variants());
        assert_eq!(plan("--by quic,sse").by, [By::Quic, By::Sse]);
        assert_eq!(check(&plan("")), Ok(()));
        assert!(check(&plan("--sessions 5 --members 6")).is_err());
        assert!(check(&plan("--rate 0")).is_err());
    }
}
