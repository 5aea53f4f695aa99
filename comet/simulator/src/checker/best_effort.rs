//! Best-effort deliveries: each at most once, in order within each lane.

use std::collections::HashSet;

use super::index::Index;
use super::session::SessionFacts;
use super::{Rule, Violation};
use crate::history::{Event, Lane, PushClass, PushId};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for session in &index.sessions {
        let mut seen = HashSet::new();
        let mut newest: [Option<PushId>; 3] = [None; 3];
        for &place in &session.deliveries.sights {
            let Event::Saw { push, .. } = index.history.entries[place].event else { continue };
            let Some(lane) = best_effort_lane(session, push) else { continue };
            if !seen.insert(push) {
                let what = format!("{push} was seen twice");
                found.push(index.violation(Rule::NoDuplicate, place, session, what));
            }
            let newest = &mut newest[lane as usize];
            if let Some(after) = newest.filter(|newest| *newest > push) {
                let what = format!("{push}, best effort, came after {after} in the lane {lane:?}");
                found.push(index.violation(Rule::Order, place, session, what));
            }
            *newest = (*newest).max(Some(push));
        }
    }
}

fn best_effort_lane(session: &SessionFacts, push: PushId) -> Option<Lane> {
    let offer = session.deliveries.offer_of(push)?;
    (offer.push.class == PushClass::BestEffort).then_some(offer.push.lane)
}
