//! Memory shortage caused by some sessions, and its effect on others.
//!
//! A history does not contain the memory of a session. A session whose connection has not been read
//! for many deliveries is taken to hold more than one that reads everything at once.

use super::index::{Connection, Index};
use super::session::SessionFacts;
use super::{Rule, Violation};
use crate::history::{Attempt, Event};

/// Deliveries offered to a stalled reader: more than active readers have in flight, that is a burst
/// and the deliveries of a round trip.
const MANY: usize = 48;

/// Time limit, in microseconds, for a new client to be admitted.
const PATIENCE: u64 = 3_000_000;

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let stalls = stalls(index);
    let connections = index.connections.iter().flatten();
    for connection in connections.filter(|connection| connection.dial.steady) {
        admission(index, connection, &stalls, found);
    }
    for session in index.sessions.iter().filter(|session| session.dial.steady) {
        let end =
            session.life.ended.filter(|(_, reason)| *reason == "shed").map(|(place, _)| place);
        let parked = session.life.parked.iter().copied().filter(|place| {
            let entry = index.history.entries.get(*place);
            matches!(entry.map(|entry| &entry.event), Some(Event::Parked { reason: "shed", .. }))
        });
        for place in parked.chain(end).filter(|place| is_held_by_others(index, &stalls, *place)) {
            let what = "it was shed, and somebody who reads nothing holds more".to_owned();
            found.push(index.violation(Rule::Fairness, place, session, what));
        }
        for place in gaps(index, session) {
            if is_held_by_others(index, &stalls, place) {
                let what = "it misses deliveries, and somebody who reads nothing holds more";
                found.push(index.violation(Rule::Fairness, place, session, what.to_owned()));
            }
        }
    }
}

/// Connections that are no longer read, with the place at which that began.
fn stalls(index: &Index<'_>) -> Vec<(usize, Attempt)> {
    let stall = |(place, event): (usize, &Event)| match event {
        Event::Fault { attempt, what: "is read no more" } => Some((place, *attempt)),
        _ => None,
    };
    index.history.iter().filter_map(|(place, entry)| stall((place, &entry.event))).collect()
}

/// Whether a session with a stalled connection holds many deliveries at a place.
fn is_held_by_others(index: &Index<'_>, stalls: &[(usize, Attempt)], place: usize) -> bool {
    stalls.iter().filter(|(since, _)| *since < place).any(|(since, attempt)| {
        let Some(session) = index.session_of(*attempt) else { return false };
        let is_there = session.life.ended.is_none_or(|(end, _)| end > place);
        // Deliveries given up for it are no longer held.
        let last = session.deliveries.missing.iter().copied().filter(|gap| *gap < place).max();
        let from = last.unwrap_or(0).max(*since);
        let holds =
            session.deliveries.offers.iter().filter(|offer| (from..place).contains(&offer.place));
        is_there
            && session.life.holder_at(place) == Some(*attempt)
            && !session.life.parked.iter().any(|parked| (*since..place).contains(parked))
            && holds.count() >= MANY
    })
}

/// Places at which a session or its client was told of a gap caused by lack of memory.
fn gaps(index: &Index<'_>, session: &SessionFacts) -> Vec<usize> {
    let is_of_memory = |place: &usize| match index.history.entries.get(*place) {
        Some(entry) => matches!(&entry.event,
            Event::Missing { gap, .. } | Event::SawGap { gap, .. } if gap.reason == "memory"),
        None => false,
    };
    let places = session.deliveries.missing.iter().chain(&session.deliveries.sights).copied();
    places.filter(is_of_memory).collect()
}

/// An attempt over a network without faults must become a session.
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
    let is_dial = |event: &Event| matches!(event, Event::Dialed(dial) if dial.attempt == attempt);
    let dialed = index.history.iter().find(|(_, entry)| is_dial(&entry.event));
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
