//! The life of a session as the router is told it: legal order, one end, true reasons.

use super::index::Index;
use super::{Rule, Violation};
use crate::history::{Attempt, Session, What};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Connected,
    Parked,
    Ended,
}

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let mut life = Life { index, phases: Vec::new(), used: Vec::new() };
    for (place, entry) in index.history.iter() {
        if let Some(what) = life.take(&entry.what) {
            let session = life.session(&entry.what).and_then(|session| index.session(session));
            let (client, session) = (session.map(|s| s.client), session.map(|s| s.name));
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
        if life.phases.get(session.name.index()) != Some(&Phase::Ended) {
            let last = index.history.entries.len().saturating_sub(1);
            let what = "the router was never told of its end".to_owned();
            found.push(index.broken(Rule::Life, last, session, what));
        }
    }
    one_holder(index, found);
    reasons(index, found);
}

struct Life<'a> {
    index: &'a Index<'a>,
    phases: Vec<Phase>,
    /// Connections that have brought or resumed a session.
    used: Vec<Attempt>,
}

impl Life<'_> {
    const fn session(&self, what: &What) -> Option<Session> {
        match what {
            What::Connected { session, .. }
            | What::Resumed { session, .. }
            | What::Parked { session, .. }
            | What::Ended { session, .. }
            | What::Received { session, .. }
            | What::Acked { session, .. }
            | What::Missing { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// What is wrong, if anything is.
    fn take(&mut self, what: &What) -> Option<String> {
        let session = self.session(what)?;
        if let What::Connected { attempt, .. } = what {
            if session.index() != self.phases.len() {
                return Some(format!("{session} was connected twice"));
            }
            self.phases.push(Phase::Connected);
            return self.bring(*attempt);
        }
        let Some(phase) = self.phases.get(session.index()).copied() else {
            return Some(format!("{session} was never connected"));
        };
        let (next, is_legal) = match what {
            What::Resumed { .. } => (Phase::Connected, phase == Phase::Parked),
            What::Parked { .. } => (Phase::Parked, phase == Phase::Connected),
            What::Ended { .. } => (Phase::Ended, phase != Phase::Ended),
            What::Received { .. } => (phase, phase == Phase::Connected),
            _ => (phase, phase != Phase::Ended),
        };
        self.phases[session.index()] = next;
        if !is_legal {
            return Some(format!("{what}, while it is {phase:?}"));
        }
        match what {
            What::Resumed { attempt, .. } => self.bring(*attempt),
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

/// When all is at rest, a device has one session.
fn one_holder(index: &Index<'_>, found: &mut Vec<Violation>) {
    let Some(rested) = index.rested else { return };
    let alive: Vec<_> = index.sessions.iter().filter(|at| at.is_alive_at(rested)).collect();
    for (at, session) in alive.iter().enumerate() {
        let twin = alive[..at].iter().find(|other| {
            (other.user, other.device, other.gateway)
                == (session.user, session.device, session.gateway)
        });
        if let Some(twin) = twin {
            let what = format!("{} of the same device is alive as well", twin.name);
            found.push(index.broken(Rule::Fencing, rested, session, what));
        }
    }
}

/// Codes of the comet dialect that say what became of the session.
const REPLACED: i32 = 12;
const KICKED: i32 = 13;

/// A client that is told a final reason is told the true one.
fn reasons(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (place, entry) in index.history.iter() {
        let What::Over { attempt, code, .. } = entry.what else { continue };
        let Some(session) = index.session_of(attempt) else {
            refusal(index, place, attempt, code, found);
            continue;
        };
        let is_true = match code {
            0 => true,
            KICKED => session.ended.is_some_and(|(at, why)| at < place && why == "kicked"),
            REPLACED => {
                let moved = session.holder_at(place) != Some(attempt);
                moved || session.ended.is_some_and(|(at, why)| at < place && why == "replaced")
            }
            _ => false,
        };
        if !is_true {
            let what =
                format!("{attempt} was told the code {code}, of which the router knows nothing");
            found.push(index.broken(Rule::TrueReason, place, session, what));
        }
    }
}

/// A client that never got a session on a connection was refused by the router, or left.
fn refusal(
    index: &Index<'_>,
    place: usize,
    attempt: Attempt,
    code: i32,
    found: &mut Vec<Violation>,
) {
    let refused = What::Decided { attempt, accepted: false };
    let is_true = code == 0 || index.history.entries.iter().any(|entry| entry.what == refused);
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
