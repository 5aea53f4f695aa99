//! From options to a plan: checks, and defaults for the rest.

mod accounts;
mod known;
mod storm;

use std::time::Duration;

use known::check_applicable;
pub(super) use known::is_known;

use super::bounds::{share, within};
use super::stall::{self, stall};
use super::{
    Carrier, ChurnRates, Connections, Disturbances, Flow, Kind, Options, Plan, PlanError, Rate,
    ServerLocation, Sizes, Span, Times, Topology,
};
use crate::dialect::Dialect;
use crate::oracle::Stamp;

/// Options that only make sense with a relay of the run's own.
const RELAY: &[&str] = &["carrier", "relay", "relay-flag"];

/// The longest message: with what dialects put around it, it is what their readers take at the
/// most, 1 MiB.
const LONGEST: usize = (1 << 20) - 1_024;

/// Defaults of options.
struct Defaults {
    sessions: usize,
    rooms: usize,
    concurrency: usize,
    size: usize,
    warm_up: u64,
    measure: u64,
    settle: u64,
}

const fn defaults(kind: Kind) -> Defaults {
    let (sessions, rooms, concurrency, warm_up, measure) = match kind {
        // Garbage is collected in the first part, and each heart beats twice in the second.
        Kind::Idle => (10_000, 1, 256, 5, 50),
        Kind::Connect => (1_000, 1, 64, 1, 5),
        Kind::Echo => (100, 0, 256, 1, 5),
        Kind::Fan => (1_000, 1, 256, 1, 5),
        Kind::Chat => (2_000, 500, 256, 2, 20),
        // Most of them come back at once, and rooms have a size rather than a number.
        Kind::Storm => (16_000, 0, 1_024, 2, 10),
        Kind::Tortoise => (10_000, 1, 256, 5, 20),
    };
    // Stalled sessions have much to catch up with.
    let (size, settle) = if matches!(kind, Kind::Tortoise) { (256, 60) } else { (128, 10) };
    Defaults { sessions, rooms, concurrency, size, warm_up, measure, settle }
}

/// Checks options, and fills in defaults.
pub(super) fn plan(given: Options) -> Result<Plan, PlanError> {
    let kind = given.scenario.ok_or(PlanError::NoScenario)?;
    check_applicable(kind, &given)?;
    let defaults = defaults(kind);
    let accounts = accounts::accounts(&given)?;
    let usual = if accounts.is_some() { Dialect::Dtalk } else { Dialect::default() };
    let dialect = given.server.dialect.unwrap_or(usual);
    let sessions = given.load.sessions.unwrap_or(defaults.sessions);
    within("sessions", sessions, 1, 10_000_000)?;
    let is_roomless = matches!(kind, Kind::Idle | Kind::Connect | Kind::Chat);
    let rooms = if accounts.is_some() && is_roomless { 0 } else { defaults.rooms };
    let topology = topology(kind, &given, sessions, rooms)?;
    let storm = match topology {
        Topology::Rooms { rooms, publishers, .. } => {
            storm::storm(&given, sessions, (rooms, publishers))?
        }
        _ => None,
    };
    let disturbances = Disturbances {
        churn: churn(kind, &given, sessions)?,
        storm,
        stall: stall(kind, &given, sessions, &topology)?,
        roam: None,
    };
    let connections = Connections {
        connect_rate: connect_rate(kind, &given)?,
        ramp: given.load.ramp,
        concurrency: given.load.concurrency.unwrap_or(defaults.concurrency),
        heartbeat: given.load.heartbeat.map_or(Duration::from_secs(25), |span| span.0),
        sources: sources(&given, sessions),
    };
    let plan = Plan {
        connections,
        disturbances,
        kind,
        dialect,
        location: location(dialect, &given)?,
        accounts,
        sessions,
        topology,
        size: given.load.size.map_or(defaults.size, |size| size.0),
        flow: flow(kind, &given)?,
        // Returning sessions of a storm must not hold up those that stayed.
        threads: given.load.threads.unwrap_or(if storm.is_some() { 2 } else { 1 }),
        seed: given.load.seed.unwrap_or(1),
        times: times(&given, &defaults),
        thresholds: given.report.fail_above.clone().unwrap_or_default(),
        given,
    };
    check(&plan)?;
    accounts::check(&plan)?;
    Ok(plan)
}

fn check(plan: &Plan) -> Result<(), PlanError> {
    within("size", plan.size, least_size(plan), LONGEST)?;
    within("concurrency", plan.connections.concurrency, 1, 65_535)?;
    within("threads", plan.threads, 1, 256.min(plan.sessions))?;
    let (kind, dialect) = (plan.kind, plan.dialect);
    // Without a rate the times are queueing times.
    let is_paced = matches!(plan.flow, Flow::Open(_)) || plan.connections.connect_rate.is_some();
    if !plan.thresholds.is_empty() && !is_paced {
        let with = "a rate that is not a number";
        return Err(PlanError::Contradiction { key: "fail-above", with });
    }
    let lacks = |needs| Err(PlanError::Dialect { kind, dialect, needs });
    let features = dialect.features();
    match &plan.topology {
        Topology::Rooms { memberships: 2.., .. } if !features.many_rooms => {
            lacks("sessions in several rooms")
        }
        Topology::Groups { .. } if !features.many_rooms => lacks("sessions in several rooms"),
        Topology::Groups { private, .. } if *private > 0.0 && !features.private => {
            lacks("messages to a user")
        }
        _ if plan.disturbances.churn.is_some_and(|it| it.breaks > 0.0) && !features.replies => {
            // A message under way would be lost with the connection, by nobody's fault.
            lacks("answers, without which nobody knows what a broken connection took along")
        }
        _ => Ok(()),
    }
}

/// Short bodies tell apart only so many publishers, and text makes all of them longer.
fn least_size(plan: &Plan) -> usize {
    let streams = match &plan.topology {
        Topology::Alone => plan.sessions,
        Topology::Rooms { rooms, publishers, .. } => rooms * publishers,
        Topology::Groups { groups, publishers, friends, .. } => {
            groups * publishers + plan.sessions * friends
        }
    };
    let is_short = streams <= Stamp::SHORT_STREAMS as usize;
    let body = if is_short { Stamp::LEAST } else { Stamp::LEN };
    if plan.dialect.features().binary { body } else { body.div_ceil(3) * 4 }
}

fn location(dialect: Dialect, given: &Options) -> Result<ServerLocation, PlanError> {
    if let Some(addresses) = given.server.addr.as_ref().filter(|addresses| !addresses.is_empty()) {
        let table = given.given();
        if let Some(key) = RELAY.iter().find(|key| table.contains_key(**key)) {
            return Err(PlanError::Contradiction {
                key,
                with: "`addr`, which is no relay of ours",
            });
        }
        return Ok(ServerLocation::At(addresses.clone()));
    }
    let carrier = given.server.carrier.unwrap_or_default();
    let (speaks, by) = match carrier {
        Carrier::Ws => (is_spoken(dialect), "over WebSocket"),
        Carrier::Tcp => (is_spoken(dialect) && dialect.features().tcp, "over plain TCP"),
    };
    if !speaks {
        return Err(PlanError::NotTheRelay { dialect, by });
    }
    let promise = given.server.delivery.map(|promise| ["--delivery", promise.name()]);
    let raw = matches!(dialect, Dialect::Raw | Dialect::RawText).then_some(["--dialect", "raw"]);
    let own = promise.into_iter().chain(raw).flatten();
    // In `chat` a message goes to one group or one user.
    let addressed = (given.scenario == Some(Kind::Chat)).then_some("--addressed");
    // Sessions that break are to be resumed where the dialect can do that.
    let breaks = given.disturbances.breaks.is_some_and(|breaks| breaks > 0.0);
    let lasting = match given.scenario {
        Some(Kind::Storm) => Some("120"),
        _ => breaks.then_some("60"),
    };
    let lasting = lasting.filter(|_| dialect.features().resume);
    let resumes = lasting.map(|lasting| ["--resume-ttl", lasting]);
    let own = own.chain(addressed).chain(resumes.into_iter().flatten()).map(str::to_owned);
    let own = own.chain(stall::relay_flags(given));
    let flags = own.chain(given.server.relay_flag.clone().unwrap_or_default()).collect();
    Ok(ServerLocation::Relay { program: given.server.relay.clone(), flags, carrier })
}

/// Whether the relay supports it.
const fn is_spoken(dialect: Dialect) -> bool {
    matches!(
        dialect,
        Dialect::Comet | Dialect::Dtalk | Dialect::Goim | Dialect::Raw | Dialect::RawText
    )
}

fn topology(
    kind: Kind,
    given: &Options,
    sessions: usize,
    rooms: usize,
) -> Result<Topology, PlanError> {
    let rooms = match given.load.rooms {
        Some(rooms) => rooms,
        None if kind == Kind::Storm => sessions.div_ceil(storm::MEMBERS),
        None => rooms,
    };
    if kind == Kind::Echo {
        return Ok(Topology::Alone);
    }
    if kind == Kind::Chat {
        let sizes = given.chat.groups.clone();
        let sizes = sizes.unwrap_or(Sizes::LogNormal(2..=200.min(sessions.max(2)), 8.0, 1.0));
        within("groups", sizes.most(), 1, sessions)?;
        let publishers = given.load.publishers.unwrap_or(16);
        within("publishers", publishers, 1, 65_535)?;
        let friends = given.chat.friends.unwrap_or(3);
        within("friends", friends, 0, 1_000.min(sessions - 1))?;
        let private = match (friends, rooms) {
            (0, _) => 0.0,
            (_, 0) => 1.0,
            _ => 0.5,
        };
        let private = share("private", given.chat.private.unwrap_or(private))?;
        return Ok(Topology::Groups { groups: rooms, sizes, publishers, friends, private });
    }
    let least = usize::from(matches!(kind, Kind::Fan | Kind::Storm | Kind::Tortoise));
    within("rooms", rooms, least, sessions)?;
    let memberships = given.load.memberships.unwrap_or(rooms.min(1));
    within("memberships", memberships, 0, rooms)?;
    let publishers = given.load.publishers.unwrap_or(least);
    within("publishers", publishers, 0, sessions / rooms.max(1))?;
    Ok(Topology::Rooms { rooms, memberships, publishers })
}

fn flow(kind: Kind, given: &Options) -> Result<Flow, PlanError> {
    let rate = match (kind, given.load.rate, given.load.window) {
        (Kind::Idle | Kind::Connect, ..) => return Ok(Flow::Silent),
        (_, Some(rate), _) => rate,
        (Kind::Echo, None, _) | (_, None, Some(_)) => Rate::Max,
        (Kind::Fan, None, None) => Rate::PerSecond(50.0),
        (Kind::Chat, None, None) => Rate::PerSecond(500.0),
        (Kind::Storm, None, None) => Rate::PerSecond(100.0),
        (Kind::Tortoise, None, None) => Rate::PerSecond(8.0),
    };
    if rate != Rate::Max && given.load.window.is_some() {
        return Err(PlanError::Contradiction { key: "window", with: "a rate that is not `max`" });
    }
    if rate != Rate::Find && given.search.limit.is_some() {
        return Err(PlanError::Contradiction { key: "limit", with: "a rate that is not `find`" });
    }
    match rate {
        Rate::PerSecond(rate) => Ok(Flow::Open(rate)),
        Rate::Max | Rate::Find if kind == Kind::Storm => {
            Err(PlanError::Contradiction { key: "rate", with: "storm, unless it is a number" })
        }
        Rate::Max if kind == Kind::Chat => {
            Err(PlanError::Contradiction { key: "rate", with: "chat, unless it is a number" })
        }
        Rate::Max | Rate::Find if kind == Kind::Tortoise => {
            Err(PlanError::Contradiction { key: "rate", with: "tortoise, unless it is a number" })
        }
        Rate::Max => {
            let window = given.load.window.unwrap_or(if kind == Kind::Echo { 1 } else { 32 });
            within("window", window as usize, 1, 65_535)?;
            Ok(Flow::Closed(window))
        }
        Rate::Find => Ok(Flow::Find {
            limit: given.search.limit.map_or(Duration::from_millis(10), |span| span.0),
            share: share("share", given.search.share.unwrap_or(0.5))?,
        }),
    }
}

fn connect_rate(kind: Kind, given: &Options) -> Result<Option<f64>, PlanError> {
    match (kind, given.load.rate) {
        (Kind::Connect, Some(Rate::PerSecond(rate))) => Ok(Some(rate)),
        (Kind::Connect, Some(Rate::Find)) => {
            Err(PlanError::Contradiction { key: "rate", with: "connect, unless it is a number" })
        }
        _ => Ok(None),
    }
}

/// Sessions that one address can have towards one server, by the kernel's usual range of ports.
const PORTS: usize = 20_000;

fn sources(given: &Options, sessions: usize) -> u8 {
    let least = if given.scenario == Some(Kind::Storm) { storm::SOURCES.into() } else { 0 };
    let needed = if sessions > PORTS { sessions.div_ceil(PORTS) } else { 0 }.max(least);
    given.load.sources.unwrap_or(u8::try_from(needed).unwrap_or(u8::MAX))
}

fn times(given: &Options, defaults: &Defaults) -> Times {
    let or = |span: Option<Span>, secs| span.map_or(Duration::from_secs(secs), |span| span.0);
    let interval = given.times.interval.map_or(Duration::from_millis(500), |span| span.0);
    Times {
        warm_up: or(given.times.warmup, defaults.warm_up),
        measure: or(given.times.duration, defaults.measure),
        settle: or(given.times.settle, defaults.settle),
        interval: interval.max(Duration::from_millis(50)),
    }
}

/// Number of sessions of which one logs in anew each second, while others stall.
const COMING: f64 = 500.0;

fn churn(kind: Kind, given: &Options, sessions: usize) -> Result<Option<ChurnRates>, PlanError> {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer sessions than 2^53")]
    let (leaves, away) = match kind {
        Kind::Chat => (0.0, 2),
        Kind::Tortoise => (sessions as f64 / COMING, 1),
        _ => return Ok(None),
    };
    let rate = |key, value: f64| {
        let (least, most) = (0.0, 1e6);
        let is_rate = (least..=most).contains(&value);
        if is_rate { Ok(value) } else { Err(PlanError::OutOfBounds { key, least, most }) }
    };
    Ok(Some(ChurnRates {
        leaves: rate("churn", given.disturbances.churn.unwrap_or(leaves))?,
        away: given.disturbances.away.map_or(Duration::from_secs(away), |span| span.0),
        breaks: rate("breaks", given.disturbances.breaks.unwrap_or(0.0))?,
    }))
}

#[cfg(test)]
mod tests;
