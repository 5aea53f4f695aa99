//! Messages of clients: they reach the router at most once per session and in order, and are
//! answered truthfully.

use std::collections::HashMap;

use super::index::Index;
use super::{Rule, Violation};
use crate::history::{Answer, Attempt, ClientId, Dialect, Event, MessageId, Session};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let mut upstream = Upstream::default();
    for (place, entry) in index.history.iter() {
        match entry.event {
            Event::Received { session, message } => {
                upstream.received(index, place, session, message, found);
            }
            Event::Settled { session, message, answer } => {
                upstream.settled.entry(message).or_default().push((session, answer));
            }
            Event::Answered { client, attempt, message, answer } => {
                upstream.answered(index, place, (client, attempt), (message, answer), found);
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Upstream {
    /// Messages received from each session, in order.
    received: HashMap<Session, Vec<MessageId>>,
    settled: HashMap<MessageId, Vec<(Session, Answer)>>,
    /// The last answered message of each client.
    newest: HashMap<ClientId, MessageId>,
}

impl Upstream {
    /// Messages are numbered in the order in which clients send them.
    fn received(
        &mut self,
        index: &Index<'_>,
        place: usize,
        session: Session,
        message: MessageId,
        found: &mut Vec<Violation>,
    ) {
        let Some(facts) = index.session(session) else { return };
        let before = self.received.entry(session).or_default();
        if facts.dial.dialect == Dialect::Comet
            && let Some(last) = before.last().filter(|last| **last >= message)
        {
            let what = format!("the router got {message} after {last}");
            found.push(index.violation(Rule::Upstream, place, facts, what));
        }
        before.push(message);
    }

    fn answered(
        &mut self,
        index: &Index<'_>,
        place: usize,
        (client, attempt): (ClientId, Attempt),
        (message, answer): (MessageId, Answer),
        found: &mut Vec<Violation>,
    ) {
        let Some(facts) = index.session_of(attempt) else { return };
        let settled = self.settled.get(&message).map(Vec::as_slice).unwrap_or_default();
        if !settled.contains(&(facts.name, answer)) {
            let what = format!("{message} was answered as {answer:?}, and settled as {settled:?}");
            found.push(index.violation(Rule::Upstream, place, facts, what));
        }
        let newest = self.newest.insert(client, message);
        if let Some(newest) = newest.filter(|newest| *newest >= message)
            && facts.dial.dialect == Dialect::Comet
        {
            let what = format!("{message} was answered after {newest}");
            found.push(index.violation(Rule::Upstream, place, facts, what));
        }
    }
}
