//! Memory budget, valid frames, acks and answers, and coming to rest.

use std::collections::BTreeSet;

use super::index::Index;
use super::session::SessionFacts;
use super::{Rule, Violation};
use crate::history::{ClientId, Dialect, Event, MessageId, PushClass, PushId};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (_, entry) in index.history.iter() {
        let (rule, client, what) = match &entry.event {
            Event::OverBudget { memory, budget } => {
                (Rule::Budget, None, format!("{memory} bytes of {budget} are held"))
            }
            Event::Stranded { client } => {
                (Rule::Liveness, Some(*client), "it has no session in the end".to_owned())
            }
            Event::Livelock { gateway } => {
                let what = format!("gateway {gateway} always had something to do at one moment");
                (Rule::Liveness, None, what)
            }
            Event::InvalidInput { attempt, what } => {
                let client = index.connection(*attempt).map(|at| at.dial.client);
                (Rule::Wire, client, format!("{attempt}: {what}"))
            }
            _ => continue,
        };
        found.push(Violation { rule, at: entry.at, client, session: None, what });
    }
    answers(index, found);
    for session in index.sessions.iter().filter(|session| index.stands(session)) {
        acks(index, session, found);
    }
}

/// A client with a session at the end has answers to all its messages.
fn answers(index: &Index<'_>, found: &mut Vec<Violation>) {
    let mut open: BTreeSet<(ClientId, MessageId)> = BTreeSet::new();
    for entry in &index.history.entries {
        match entry.event {
            Event::Sent { client, message } => {
                open.insert((client, message));
            }
            Event::Answered { client, message, .. } => {
                open.remove(&(client, message));
            }
            // A client whose session is over is owed no more answers.
            Event::Over { client, .. } => open.retain(|(sender, _)| *sender != client),
            _ => {}
        }
    }
    for (client, message) in open {
        let Some((_, attempt)) = index.standing.iter().find(|at| at.0 == client) else { continue };
        let Some(session) = index.session_of(*attempt) else { continue };
        let rested = index.rested.unwrap_or(usize::MAX);
        let what = format!("{message} was never answered");
        found.push(index.violation(Rule::Liveness, rested, session, what));
    }
}

/// Deliveries seen by the client are acked once, and acked deliveries were seen.
fn acks(index: &Index<'_>, session: &SessionFacts, found: &mut Vec<Violation>) {
    let rested = index.rested.unwrap_or(usize::MAX);
    let seen: BTreeSet<PushId> = session
        .deliveries
        .sights
        .iter()
        .filter_map(|place| match index.history.entries[*place].event {
            Event::Saw { push, .. } => Some(push),
            _ => None,
        })
        .collect();
    let mut acked = BTreeSet::new();
    for (place, push) in &session.deliveries.acked {
        if !acked.insert(*push) {
            let what = format!("the router was told twice that {push} is acked");
            found.push(index.violation(Rule::Life, *place, session, what));
        }
        if !seen.contains(push) {
            let what = format!("{push} is acked, and its client never saw it");
            found.push(index.violation(Rule::NoLoss, *place, session, what));
        }
    }
    let is_due = |push: &PushId| {
        let offer = session.deliveries.offer_of(*push);
        offer.is_some_and(|offer| offer.push.class == PushClass::Acked && offer.place < rested)
    };
    // A repeated dtalk delivery may be given up while the ack of the first one is lost.
    if session.dial.dialect == Dialect::Dtalk && !session.deliveries.missing.is_empty() {
        return;
    }
    if let Some(push) = seen.iter().find(|push| is_due(push) && !acked.contains(push)) {
        let what = format!("{push} was seen, and the router never told of the ack");
        found.push(index.violation(Rule::Liveness, rested, session, what));
    }
}
