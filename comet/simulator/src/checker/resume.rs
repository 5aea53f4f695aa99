//! Tickets: each resumes its own session, as long as that has not ended, and no other.

use super::index::{Connection, Index, Ticket};
use super::session::SessionFacts;
use super::{Rule, Violation};
use crate::history::{Dialect, Event, Loss};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for connection in index.connections.iter().flatten() {
        let Some((name, bound)) = connection.session else { continue };
        let Some(session) = index.session(name) else { continue };
        let mut report = |rule, what| found.push(index.violation(rule, bound, session, what));
        if !session.dial.is_same_device(&connection.dial) {
            let attempt = connection.dial.attempt;
            report(Rule::Resume, format!("{attempt} of somebody else got it"));
        }
        match connection.dial.dialect {
            Dialect::Comet => {
                if let Some((rule, what)) = comet(index, connection, session, bound) {
                    report(rule, what);
                }
            }
            Dialect::Dtalk => {
                if let Some(other) = left_behind(index, connection, session, bound) {
                    let what = format!("it is new, while {} of this device waited", other.name);
                    report(Rule::Resume, what);
                }
            }
        }
    }
}

fn comet(
    index: &Index<'_>,
    connection: &Connection,
    session: &SessionFacts,
    bound: usize,
) -> Option<(Rule, String)> {
    let attempt = connection.dial.attempt;
    if let Some(opened) = connection.opened
        && opened.resumed != connection.goes_on
    {
        let told = if opened.resumed { "resumed" } else { "new" };
        return Some((Rule::TrueReason, format!("{attempt} was told that it is {told}")));
    }
    let Some(ticket) = connection.ticket else {
        let what = format!("{attempt} got it without a ticket");
        return connection.goes_on.then_some((Rule::Resume, what));
    };
    let owner = ticket.of.and_then(|of| index.session_of(of));
    if connection.goes_on {
        return bad_resume(owner, session, is_stale(index, ticket, bound))
            .map(|reason| (Rule::Resume, format!("{attempt} resumed it by {reason}")));
    }
    if let Some(owner) = owner
        && owner.gateway == session.gateway
        && should_resume(index, connection, ticket, owner, bound)
    {
        let what = format!("{attempt} showed a ticket of {}, which waited", owner.name);
        return Some((Rule::Resume, what));
    }
    let loss = connection.opened?.loss;
    let is_own = owner.is_some_and(|owner| owner.dial.is_same_device(&connection.dial));
    let excuse = !is_own || connection.dial.forged || is_stale(index, ticket, bound);
    untrue_loss(index, owner, loss, (bound, excuse))
        .map(|reason| (Rule::TrueReason, format!("{attempt}: {reason}")))
}

fn bad_resume(
    owner: Option<&SessionFacts>,
    session: &SessionFacts,
    is_stale: bool,
) -> Option<&'static str> {
    match owner {
        None => Some("a false ticket"),
        Some(owner) if owner.name != session.name => Some("a ticket of another session"),
        Some(_) if is_stale => Some("a ticket that is too old"),
        Some(_) => None,
    }
}

/// Whether the session's client had presented a newer ticket before.
fn is_stale(index: &Index<'_>, ticket: Ticket, bound: usize) -> bool {
    let given = |attempt| index.connection(attempt).and_then(|at| at.session);
    let Some((session, since)) = ticket.of.and_then(given) else { return false };
    index.connections.iter().flatten().any(|other| {
        let newer = other.ticket.and_then(|ticket| ticket.of).and_then(given);
        let is_shown = other.goes_on && other.session.is_some_and(|(_, at)| at < bound);
        is_shown && newer.is_some_and(|(of, at)| of == session && at > since)
    })
}

fn should_resume(
    index: &Index<'_>,
    connection: &Connection,
    ticket: Ticket,
    owner: &SessionFacts,
    bound: usize,
) -> bool {
    let is_own = owner.dial.is_same_device(&connection.dial);
    // A stepped clock may have expired the ticket.
    let is_timely = index.steps.iter().all(|step| *step > bound);
    // A forged one's ticket may be older than its client's.
    !connection.dial.forged
        && !is_stale(index, ticket, bound)
        && is_own
        && is_timely
        && waited(index, owner, bound)
}

/// Whether the session was alive until the new one replaced it.
fn waited(index: &Index<'_>, owner: &SessionFacts, bound: usize) -> bool {
    if owner.life.is_alive_at(bound) {
        return true;
    }
    let Some((ended, "replaced")) = owner.life.ended else { return false };
    let between = index.history.entries.get(ended..bound).unwrap_or_default();
    !between.is_empty() && !between.iter().any(|at| matches!(at.event, Event::Connected { .. }))
}

/// The fault of a reason, if any.
fn untrue_loss(
    index: &Index<'_>,
    owner: Option<&SessionFacts>,
    loss: Loss,
    (bound, excuse): (usize, bool),
) -> Option<String> {
    let ended = owner.and_then(|owner| owner.life.ended).filter(|(place, _)| *place < bound);
    match (loss, owner) {
        (Loss::None, _) => Some("its ticket was not honoured, and it was told no reason".into()),
        (Loss::Expired, Some(owner)) => {
            let waited = owner.life.parked.iter().rev().find(|place| **place < bound)?;
            let waited = index.history.time(bound) - index.history.time(*waited);
            let ttl = index.ttl.get(owner.gateway as usize).copied().unwrap_or(0);
            // The timer wheel may be early by one step.
            let is_true = ended.is_some() && waited + 100_000 >= ttl || !index.steps.is_empty();
            (!is_true).then(|| format!("told EXPIRED after {waited} of {ttl} us"))
        }
        (Loss::Ended, Some(_)) => {
            let is_true = ended.is_some() || excuse || !index.steps.is_empty();
            (!is_true).then(|| "told ENDED, which it has not".into())
        }
        _ => None,
    }
}

/// The session of the same device that a dtalk connection should have resumed.
fn left_behind<'a>(
    index: &'a Index<'_>,
    connection: &Connection,
    session: &SessionFacts,
    bound: usize,
) -> Option<&'a SessionFacts> {
    if connection.goes_on || index.ttl.get(session.gateway as usize).is_none_or(|ttl| *ttl == 0) {
        return None;
    }
    index.sessions.iter().find(|other| {
        other.name != session.name
            && other.gateway == session.gateway
            && other.dial.dialect == Dialect::Dtalk
            && other.dial.is_same_device(&session.dial)
            && other.life.is_alive_at(bound)
    })
}
