//! Fencing: only the newest connection of a session receives its deliveries.

use super::index::Index;
use super::{Rule, Violation};
use crate::history::{Event, PushId};

/// No connection receives deliveries pushed after another one has taken its session over; those
/// sent before may still be in transit.
pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    let mut pushed: Vec<(PushId, usize)> = Vec::new();
    for (place, entry) in index.history.iter() {
        match entry.event {
            Event::Pushed { push, .. } => pushed.push((push.id, place)),
            Event::Saw { attempt, push, .. } => {
                let Some(session) = index.session_of(attempt) else {
                    found.push(Violation {
                        rule: Rule::NoStray,
                        at: entry.at,
                        client: None,
                        session: None,
                        what: format!("{attempt} saw {push}, and has no session"),
                    });
                    continue;
                };
                let mut later =
                    session.life.holders.iter().skip_while(|at| at.1 != attempt).skip(1);
                let Some((fenced, heir)) = later.next() else { continue };
                let at = pushed.binary_search_by_key(&push, |at| at.0);
                let Ok(since) = at.map(|at| pushed[at].1) else { continue };
                if since > *fenced {
                    let what = format!("{attempt} saw {push}, pushed after {heir} took over");
                    found.push(index.violation(Rule::Fencing, place, session, what));
                }
            }
            _ => {}
        }
    }
}
