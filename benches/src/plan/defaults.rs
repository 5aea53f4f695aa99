//! Defaults of options, for the help of the command line.

use super::check::is_known;
use super::{Flow, Kind, Options, Plan, Span, Topology};

/// Default of an option in a scenario; `None` if it has none, or depends on other options.
#[must_use]
pub fn default_of(kind: Kind, option: &str) -> Option<String> {
    let plan = Plan::new(Options { scenario: Some(kind), ..Options::default() }).ok()?;
    let span = |time| Some(Span(time).to_string());
    match option {
        "sessions" => Some(plan.sessions.to_string()),
        "size" => Some(plan.size.to_string()),
        "concurrency" => Some(plan.connections.concurrency.to_string()),
        "threads" => Some(plan.threads.to_string()),
        "seed" => Some(plan.seed.to_string()),
        "heartbeat" => span(plan.connections.heartbeat),
        "warmup" => span(plan.times.warm_up),
        "duration" => span(plan.times.measure),
        "settle" => span(plan.times.settle),
        "interval" => span(plan.times.interval),
        "rate" => match plan.flow {
            Flow::Open(rate) => Some(rate.to_string()),
            Flow::Closed(_) => Some("max".to_owned()),
            Flow::Silent | Flow::Find { .. } => None,
        },
        "window" => Some(if kind == Kind::Echo { "1" } else { "32" }.to_owned()),
        "limit" => Some("10ms".to_owned()),
        "share" => Some("0.5".to_owned()),
        "stalled" => Some("0.5".to_owned()),
        "away" => span(plan.disturbances.churn?.away),
        "churn" => Some(plan.disturbances.churn?.leaves.to_string()),
        "breaks" => Some(plan.disturbances.churn?.breaks.to_string()),
        _ => topology(&plan.topology, option),
    }
}

fn topology(topology: &Topology, option: &str) -> Option<String> {
    match (topology, option) {
        (Topology::Rooms { rooms, .. }, "rooms") => Some(rooms.to_string()),
        (Topology::Rooms { memberships, .. }, "memberships") => Some(memberships.to_string()),
        (Topology::Rooms { publishers, .. }, "publishers") => Some(publishers.to_string()),
        (Topology::Groups { groups, .. }, "rooms") => Some(groups.to_string()),
        (Topology::Groups { sizes, .. }, "groups") => Some(sizes.to_string()),
        (Topology::Groups { publishers, .. }, "publishers") => Some(publishers.to_string()),
        (Topology::Groups { friends, .. }, "friends") => Some(friends.to_string()),
        (Topology::Groups { private, .. }, "private") => Some(private.to_string()),
        _ => None,
    }
}

/// Whether an option means anything to a scenario.
#[must_use]
pub fn applies(kind: Kind, option: &str) -> bool {
    is_known(kind, option)
}
