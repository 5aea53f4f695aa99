//! The life of a session as reported to the router: legal order, one end, true reasons.

use super::index::Index;
use super::{Rule, Violation};
use crate::history::{Attempt, Event, Session};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Connected,
    Parked,
    Ended,
}

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let mut tracker = Tracker { index, phases: Vec::new(), used: Vec::new() };
    for (place, entry) in index.history.iter() {
        if let Some(what) = tracker.take(&entry.event) {
            let session = tracker.session(&entry.event).and_then(|session| index.session(session));
            let (client, session) = (session.map(|s| s.dial.client), session.map(|s| s.name));
            found.push(Violation {
                rule: Rule::Life,
                at: index.history.time(place),
                client,
                session,
                what,
            });
        }
    }
    for session in &index.sessions {
        if tracker.phases.get(session.name.index()) != Some(&Phase::Ended) {
            let last = index.history.entries.len().saturating_sub(1);
            let what = "the router was never told of its end".to_owned();
            found.push(index.violation(Rule::Life, last, session, what));
        }
    }
    one_holder(index, found);
    decisions(index, found);
}

struct Tracker<'a> {
    index: &'a Index<'a>,
    phases: Vec<Phase>,
    /// Connections that have created or resumed a session.
    used: Vec<Attempt>,
}

impl Tracker<'_> {
    const fn session(&self, event: &Event) -> Option<Session> {
        match event {
            Event::Connected { session, .. }
            | Event::Resumed { session, .. }
            | Event::Parked { session, .. }
            | Event::Ended { session, .. }
            | Event::Received { session, .. }
            | Event::Acked { session, .. }
            | Event::Dropped { session, .. }
            | Event::Missing { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// Applies an event; returns the fault, if any.
    fn take(&mut self, event: &Event) -> Option<String> {
        let session = self.session(event)?;
        if let Event::Connected { attempt, .. } = event {
            if session.index() != self.phases.len() {
                return Some(format!("{session} was connected twice"));
            }
            self.phases.push(Phase::Connected);
            return self.bring(*attempt);
        }
        let Some(phase) = self.phases.get(session.index()).copied() else {
            return Some(format!("{session} was never connected"));
        };
        let (next, is_legal) = match event {
            Event::Resumed { .. } => (Phase::Connected, phase == Phase::Parked),
            Event::Parked { .. } => (Phase::Parked, phase == Phase::Connected),
            Event::Ended { .. } => (Phase::Ended, phase != Phase::Ended),
            Event::Received { .. } => (phase, phase == Phase::Connected),
            _ => (phase, phase != Phase::Ended),
        };
        self.phases[session.index()] = next;
        if !is_legal {
            return Some(format!("{event}, while it is {phase:?}"));
        }
        match event {
            Event::Resumed { attempt, .. } => self.bring(*attempt),
            _ => None,
        }
    }

    fn bring(&mut self, attempt: Attempt) -> Option<String> {
        let is_used = self.used.contains(&attempt);
        self.used.push(attempt);
        let is_known = self.index.connection(attempt).is_some();
        (is_used || !is_known).then(|| format!("{attempt} brings a second session, or is unknown"))
    }
}

/// At rest, a device has one session.
fn one_holder(index: &Index<'_>, found: &mut Vec<Violation>) {
    let Some(rested) = index.rested else { return };
    let alive: Vec<_> = index.sessions.iter().filter(|at| at.life.is_alive_at(rested)).collect();
    for (at, session) in alive.iter().enumerate() {
        let twin = alive[..at].iter().find(|other| {
            other.gateway == session.gateway && other.dial.is_same_device(&session.dial)
        });
        if let Some(twin) = twin {
            let what = format!("{} of the same device is alive as well", twin.name);
            found.push(index.violation(Rule::Fencing, rested, session, what));
        }
    }
}

/// A refused peer has no session, and a kicked session has ended.
fn decisions(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (place, entry) in index.history.iter() {
        match entry.event {
            Event::Decided { attempt, accepted: false } => {
                if let Some(session) = index.session_of(attempt) {
                    let what = format!("{attempt} was refused, and has it");
                    found.push(index.violation(Rule::Life, place, session, what));
                }
            }
            Event::Kicked { session } => {
                let rested = index.rested.unwrap_or(usize::MAX);
                let session = index.session(session).filter(|at| at.life.is_alive_at(rested));
                if let Some(session) = session {
                    let what = "it was kicked, and is still there".to_owned();
                    found.push(index.violation(Rule::Life, place, session, what));
                }
            }
            _ => {}
        }
    }
}
