//! Reasons that the gateway gives for an end, to its router and to clients: they must be true.

use super::index::Index;
use super::session::SessionFacts;
use super::{Rule, Violation};
use crate::history::{Attempt, Event};

/// Code of the comet dialect for a replaced session.
const REPLACED: i32 = 12;
const KICKED: i32 = 13;

/// A final reason given to a client must be true.
pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for session in &index.sessions {
        replacements(index, session, found);
    }
    for (place, entry) in index.history.iter() {
        let Event::Over { attempt, code, .. } = entry.event else { continue };
        let Some(session) = index.session_of(attempt) else {
            refusal(index, place, attempt, code, found);
            continue;
        };
        let is_true = match code {
            0 => true,
            KICKED => session.life.had_ended(place, "kicked"),
            REPLACED => {
                let moved = session.life.holder_at(place) != Some(attempt);
                moved || session.life.had_ended(place, "replaced")
            }
            _ => false,
        };
        if !is_true {
            let what =
                format!("{attempt} was told the code {code}, of which the router knows nothing");
            found.push(index.violation(Rule::TrueReason, place, session, what));
        }
    }
}

/// Whether a forged connection, or a later one of the same client, got the session meanwhile.
fn has_rival(index: &Index<'_>, place: usize, attempt: Attempt) -> bool {
    let Some(connection) = index.connection(attempt) else { return false };
    index.connections.iter().flatten().any(|other| {
        let is_rival = other.dial.forged || other.dial.attempt > attempt;
        is_rival
            && other.dial.is_same_device(&connection.dial)
            && other.session.is_some_and(|(_, bound)| bound < place)
    })
}

/// A client that never got a session on a connection was refused by the router, or left.
fn refusal(
    index: &Index<'_>,
    place: usize,
    attempt: Attempt,
    code: i32,
    found: &mut Vec<Violation>,
) {
    let refused = Event::Decided { attempt, accepted: false };
    let is_true = match code {
        0 => true,
        REPLACED => has_rival(index, place, attempt),
        _ => index.history.entries.iter().any(|entry| entry.event == refused),
    };
    if !is_true {
        found.push(Violation {
            rule: Rule::TrueReason,
            at: index.history.time(place),
            client: index.connection(attempt).map(|at| at.dial.client),
            session: None,
            what: format!("{attempt} was refused with {code}, which the router did not want"),
        });
    }
}

/// A session is replaced only by a connection of its own device, at the same time.
fn replacements(index: &Index<'_>, session: &SessionFacts, found: &mut Vec<Violation>) {
    let is_replaced = |place: &&usize| {
        let entry = index.history.entries.get(**place);
        matches!(entry.map(|at| &at.event), Some(Event::Parked { reason: "replaced", .. }))
    };
    for place in session.life.parked.iter().filter(is_replaced) {
        let now = index.history.time(*place);
        let goes_on = |(at, _): &(usize, Attempt)| at > place && index.history.time(*at) == now;
        if !session.life.holders.iter().any(goes_on) {
            let what = "it was replaced, and nobody has it".to_owned();
            found.push(index.violation(Rule::TrueReason, *place, session, what));
        }
    }
    if let Some((place, "replaced")) = session.life.ended {
        let now = index.history.time(place);
        let is_heir = |other: &SessionFacts| {
            other.dial.is_same_device(&session.dial)
                && other.name != session.name
                && index.history.time(other.life.connected) == now
        };
        if !index.sessions.iter().any(is_heir) {
            let what = "it ended as replaced, and nobody replaces it".to_owned();
            found.push(index.violation(Rule::TrueReason, place, session, what));
        }
    }
}
