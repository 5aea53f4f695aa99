//! Letters: complete, and in order per sender.
//!
//! The guarantee is that of acked deliveries, at least once and in order, and extends to deliveries
//! that are given up: those that a router pushes again in a pass keep their order, and a gap is
//! repaired from the store before anything newer is delivered. A dtalk client that resumes receives
//! unacknowledged deliveries again, and drops known ones by their id, so only the first sight of a
//! letter counts. A phone is owed all letters stored for its user, another device those stored
//! since its session is served.
//!
//! Not here: pushes that carry letters, as such: a session sees them in the order in which they
//! were pushed (`acked`).

use std::collections::{HashMap, HashSet};

use super::index::Index;
use super::session::SessionFacts;
use super::{Rule, Violation};
use crate::history::{ClientId, Event, MessageId, PushId, Session};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let facts = Facts::new(index);
    if facts.stored.is_empty() {
        return;
    }
    facts.senders(index, found);
    let mut clients: Vec<ClientId> =
        index.sessions.iter().map(|session| session.dial.client).collect();
    clients.sort_unstable();
    clients.dedup();
    for client in clients {
        Reader::new(index, &facts, client).read(found);
    }
}

/// A stored letter.
#[derive(Clone, Copy, Debug)]
struct Stored {
    place: usize,
    letter: MessageId,
    sender: ClientId,
    user: u32,
}

#[derive(Default)]
struct Facts {
    /// In store order.
    stored: Vec<Stored>,
    carried: HashMap<PushId, MessageId>,
    /// Place from which the router serves a session, and whether as a phone.
    served: HashMap<Session, (usize, bool)>,
}

impl Facts {
    fn new(index: &Index<'_>) -> Self {
        let mut facts = Self::default();
        for (place, entry) in index.history.iter() {
            match entry.event {
                Event::Stored { letter, sender, user } => {
                    facts.stored.push(Stored { place, letter, sender, user });
                }
                Event::Served { session, phone } => {
                    facts.served.insert(session, (place, phone));
                }
                Event::Pushed { push, .. } => {
                    facts.carried.extend(push.letter.map(|letter| (push.id, letter)));
                }
                _ => {}
            }
        }
        facts
    }

    /// Letters must be stored in the order in which their sender sent them, that is of their
    /// numbers.
    fn senders(&self, index: &Index<'_>, found: &mut Vec<Violation>) {
        let mut newest: HashMap<ClientId, MessageId> = HashMap::new();
        for Stored { place, letter, sender, .. } in &self.stored {
            let before = newest.insert(*sender, *letter).filter(|before| before >= letter);
            if let Some(before) = before {
                let what = format!("the letter {} was stored after {}", letter.0, before.0);
                let at = index.history.time(*place);
                let (rule, client, session) = (Rule::Letters, Some(*sender), None);
                found.push(Violation { rule, at, client, session, what });
            }
        }
    }

    /// Letters that a session must see, unless its client has seen them before.
    fn owed(&self, session: &SessionFacts) -> impl Iterator<Item = &Stored> {
        let (since, phone) = self.served.get(&session.name).copied().unwrap_or((usize::MAX, false));
        let user = session.dial.user;
        self.stored.iter().filter(move |at| at.user == user && (phone || at.place > since))
    }
}

/// A client, and the letters seen in all of its sessions.
struct Reader<'a> {
    index: &'a Index<'a>,
    facts: &'a Facts,
    client: ClientId,
    seen: HashSet<MessageId>,
    /// The last letter of each sender seen for the first time.
    newest: HashMap<ClientId, MessageId>,
}

impl<'a> Reader<'a> {
    fn new(index: &'a Index<'a>, facts: &'a Facts, client: ClientId) -> Self {
        Self { index, facts, client, seen: HashSet::new(), newest: HashMap::new() }
    }

    fn read(mut self, found: &mut Vec<Violation>) {
        let sessions = self.index.sessions.iter().filter(|at| at.dial.client == self.client);
        let sights =
            sessions.flat_map(|at| at.deliveries.sights.iter().map(move |place| (*place, at)));
        let mut sights: Vec<(usize, &SessionFacts)> = sights.collect();
        sights.sort_unstable_by_key(|(place, _)| *place);
        for (place, session) in sights {
            if let Event::Saw { push, .. } = self.index.history.entries[place].event
                && let Some(letter) = self.facts.carried.get(&push)
            {
                self.see(place, session, *letter, found);
            }
        }
        self.finish(found);
    }

    fn see(
        &mut self,
        place: usize,
        session: &SessionFacts,
        letter: MessageId,
        found: &mut Vec<Violation>,
    ) {
        if !self.seen.insert(letter) {
            return;
        }
        let stored = self.facts.stored.iter().find(|at| at.letter == letter);
        let Some(stored) = stored.filter(|at| at.user == session.dial.user) else {
            let what = format!("the letter {} is not for it", letter.0);
            return found.push(self.index.violation(Rule::Letters, place, session, what));
        };
        let before = self.newest.insert(stored.sender, letter);
        if let Some(before) = before.filter(|before| *before > letter) {
            let what = format!("the letter {} was seen after {}", letter.0, before.0);
            found.push(self.index.violation(Rule::Letters, place, session, what));
        }
        // The order of the store is that of the sender.
        let is_before = |at: &&Stored| at.sender == stored.sender && at.place < stored.place;
        let mut owed = self.facts.owed(session).filter(is_before);
        if let Some(first) = owed.find(|at| !self.seen.contains(&at.letter)) {
            let what = format!("the letter {} was seen before {}", letter.0, first.letter.0);
            found.push(self.index.violation(Rule::Letters, place, session, what));
        }
    }

    /// A client with a session at the end must have seen all letters owed to it.
    fn finish(&self, found: &mut Vec<Violation>) {
        let standing = self.index.standing.iter().find(|(client, _)| *client == self.client);
        let session = standing.and_then(|(_, attempt)| self.index.session_of(*attempt));
        let (Some(session), Some(rested)) = (session, self.index.rested) else { return };
        if !self.facts.served.contains_key(&session.name) {
            let what = "the router never served it".to_owned();
            found.push(self.index.violation(Rule::Letters, rested, session, what));
        }
        let owed = self.facts.owed(session).filter(|at| at.place < rested);
        let missing: Vec<_> = owed.filter(|at| !self.seen.contains(&at.letter)).collect();
        if let Some(first) = missing.first() {
            let (count, first) = (missing.len(), first.letter.0);
            let what = format!("{count} letters never came, {first} the first");
            found.push(self.index.violation(Rule::Letters, rested, session, what));
        }
    }
}
