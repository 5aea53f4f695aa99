//! Memory that some make short, and what others notice of it.
//!
//! How much a session holds is not in a history. Who has been read no more for so many deliveries
//! holds more than whoever reads all at once.

use super::index::{Connection, Index, SessionFacts};
use super::{Rule, Violation};
use crate::history::{Attempt, What};

/// Deliveries that were offered to a reader that stands still: more than those who read have in
/// flight, a burst and what comes within a round trip.
const MANY: usize = 48;

/// A newcomer is let in within this time, in microseconds, or it was not let in.
const PATIENCE: u64 = 3_000_000;

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let stalls = stalls(index);
    let connections = index.connections.iter().flatten();
    for connection in connections.filter(|connection| connection.dial.steady) {
        admission(index, connection, &stalls, found);
    }
    for session in index.sessions.iter().filter(|session| is_steady(index, session)) {
        let end = session.ended.filter(|(_, why)| *why == "shed").map(|(place, _)| place);
        let parked = session.parked.iter().copied().filter(|place| {
            let entry = index.history.entries.get(*place);
            matches!(entry.map(|entry| &entry.what), Some(What::Parked { why: "shed", .. }))
        });
        for place in parked.chain(end).filter(|place| is_held_by_others(index, &stalls, *place)) {
            let what = "it was shed, and somebody who reads nothing holds more".to_owned();
            found.push(index.broken(Rule::Fairness, place, session, what));
        }
        for place in gaps(index, session) {
            if is_held_by_others(index, &stalls, place) {
                let what = "it misses deliveries, and somebody who reads nothing holds more";
                found.push(index.broken(Rule::Fairness, place, session, what.to_owned()));
            }
        }
    }
}

/// Connections that were read no more, and since when.
fn stalls(index: &Index<'_>) -> Vec<(usize, Attempt)> {
    let stall = |(place, what): (usize, &What)| match what {
        What::Fault { attempt, what: "is read no more" } => Some((place, *attempt)),
        _ => None,
    };
    index.history.iter().filter_map(|(place, entry)| stall((place, &entry.what))).collect()
}

fn is_steady(index: &Index<'_>, session: &SessionFacts) -> bool {
    let first = session.holders.first().and_then(|(_, attempt)| index.connection(*attempt));
    first.is_some_and(|connection| connection.dial.steady)
}

/// Whether a session whose connection is read no more holds many deliveries at a place.
fn is_held_by_others(index: &Index<'_>, stalls: &[(usize, Attempt)], place: usize) -> bool {
    stalls.iter().filter(|(since, _)| *since < place).any(|(since, attempt)| {
        let Some(session) = index.session_of(*attempt) else { return false };
        let is_there = session.ended.is_none_or(|(end, _)| end > place);
        // What was given up for it is not held any more.
        let last = session.missing.iter().copied().filter(|gap| *gap < place).max();
        let from = last.unwrap_or(0).max(*since);
        let holds = session.offers.iter().filter(|offer| (from..place).contains(&offer.place));
        is_there
            && session.holder_at(place) == Some(*attempt)
            && !session.parked.iter().any(|parked| (*since..place).contains(parked))
            && holds.count() >= MANY
    })
}

/// Where a session, or its client, was told of a gap for want of memory.
fn gaps(index: &Index<'_>, session: &SessionFacts) -> Vec<usize> {
    let is_of_memory = |place: &usize| match index.history.entries.get(*place) {
        Some(entry) => matches!(&entry.what,
            What::Missing { gap, .. } | What::SawGap { gap, .. } if gap.why == "memory"),
        None => false,
    };
    let places = session.missing.iter().chain(&session.sights).copied();
    places.filter(is_of_memory).collect()
}

/// An attempt of somebody whose network does not fail becomes a session.
fn admission(
    index: &Index<'_>,
    connection: &Connection,
    stalls: &[(usize, Attempt)],
    found: &mut Vec<Violation>,
) {
    if connection.opened.is_some() {
        return;
    }
    let attempt = connection.dial.attempt;
    let is_dial = |what: &What| matches!(what, What::Dialed(dial) if dial.attempt == attempt);
    let dialed = index.history.iter().find(|(_, entry)| is_dial(&entry.what));
    let Some((place, _)) = dialed else { return };
    let due = index.history.time(place) + PATIENCE;
    let end = index.rested.unwrap_or(usize::MAX).min(index.history.entries.len() - 1);
    if index.history.time(end) > due && is_held_by_others(index, stalls, place) {
        found.push(Violation {
            rule: Rule::Fairness,
            at: index.history.time(place),
            client: Some(connection.dial.client),
            session: None,
            what: format!("{attempt} was not let in, and somebody who reads nothing holds much"),
        });
    }
}
