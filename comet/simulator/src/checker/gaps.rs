//! Gaps: count, room and position match the missing deliveries.

use std::collections::HashSet;

use super::index::Index;
use super::session::{Offer, SessionFacts};
use super::{Rule, Violation};
use crate::history::{Dialect, Event, MissingGap, PushClass, PushId, Target};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for session in &index.sessions {
        let told: Vec<(usize, &MissingGap)> = match session.dial.dialect {
            Dialect::Comet => {
                session.deliveries.sights.iter().filter_map(|at| gap_at(index, *at)).collect()
            }
            Dialect::Dtalk => {
                session.deliveries.missing.iter().filter_map(|at| gap_at(index, *at)).collect()
            }
        };
        let seen: HashSet<PushId> =
            session.deliveries.sights.iter().filter_map(|at| sight(index, *at)).collect();
        // If a dtalk client's ack is lost, the gateway cannot know that the delivery was received.
        let is_missing = |offer: &&Offer| match session.dial.dialect {
            Dialect::Comet => !seen.contains(&offer.push.id),
            Dialect::Dtalk => !session.deliveries.has_acked(offer.push.id),
        };
        let unseen: Vec<&Offer> = session.deliveries.offers.iter().filter(is_missing).collect();
        for (place, gap) in &told {
            if let Some(what) = untrue(gap, &unseen) {
                found.push(index.violation(Rule::HonestGap, *place, session, what));
            }
        }
        totals(index, session, &told, &unseen, found);
        router_told(index, session, &told, &seen, found);
        if session.dial.dialect == Dialect::Comet {
            both_told(index, session, &told, found);
        }
    }
}

fn gap_at<'a>(index: &Index<'a>, place: usize) -> Option<(usize, &'a MissingGap)> {
    match &index.history.entries[place].event {
        Event::SawGap { gap, .. } | Event::Missing { gap, .. } => Some((place, gap)),
        _ => None,
    }
}

fn sight(index: &Index<'_>, place: usize) -> Option<PushId> {
    match index.history.entries[place].event {
        Event::Saw { push, .. } => Some(push),
        _ => None,
    }
}

/// The fault of a gap, if any.
fn untrue(gap: &MissingGap, unseen: &[&Offer]) -> Option<String> {
    if is_uncounted(gap) {
        return None;
    }
    if gap.count == 0 {
        return Some(format!("{gap}: nothing is missing by its count"));
    }
    let is_of_record = |offer: &&&Offer| match (gap.room, offer.push.target) {
        (Some(room), target) => target == Target::Room(room),
        // A position without a room is a position in the user's record.
        (None, Target::User(_)) => true,
        (None, _) => gap.position == 0,
    };
    let here = unseen.iter().filter(is_of_record);
    if gap.position == 0 {
        let missing = here.count() as u64;
        return (missing < gap.count).then(|| format!("{gap}: only {missing} such are missing"));
    }
    let range = gap.position..gap.position + gap.count;
    let missing = here.filter(|offer| range.contains(&offer.push.position)).count() as u64;
    (missing != gap.count).then(|| format!("{gap}: {missing} of this range are missing"))
}

/// Word that unnumbered deliveries may be missing, on a connection with datagrams.
fn is_uncounted(gap: &MissingGap) -> bool {
    gap.count == 0 && gap.to == 0
}

/// Unnumbered deliveries: the client is not told of more than are missing, and not of fewer unless
/// a connection was lost.
fn totals(
    index: &Index<'_>,
    session: &SessionFacts,
    told: &[(usize, &MissingGap)],
    unseen: &[&Offer],
    found: &mut Vec<Violation>,
) {
    if session.dial.dialect == Dialect::Dtalk {
        return;
    }
    let is_told_uncounted = told.iter().any(|(_, gap)| is_uncounted(gap));
    let told: u64 = told.iter().filter(|(_, gap)| gap.to == 0).map(|(_, gap)| gap.count).sum();
    let missing = unseen.iter().filter(|offer| offer.push.class != PushClass::Acked);
    let missing = missing.count() as u64;
    let rested = index.rested.unwrap_or(usize::MAX);
    if told > missing {
        let what = format!("gaps without numbers tell of {told} that are missing, {missing} are");
        found.push(index.violation(Rule::HonestGap, rested, session, what));
    }
    let is_unbroken = session.life.parked.is_empty() && index.stands(session);
    let certain = unseen.iter().filter(|offer| {
        let is_best_effort = offer.push.class == PushClass::BestEffort;
        offer.is_certain && offer.place < rested && is_best_effort && !offer.push.datagram
    });
    let dropped = certain.count() as u64;
    if is_unbroken && dropped > told && !is_told_uncounted {
        let what = format!("{dropped} best effort never came, and {told} were told of");
        found.push(index.violation(Rule::NoLoss, rested, session, what));
    }
}

/// Unnumbered deliveries, as reported to the router: like [`totals`], in any dialect.
fn router_told(
    index: &Index<'_>,
    session: &SessionFacts,
    gaps: &[(usize, &MissingGap)],
    seen: &HashSet<PushId>,
    found: &mut Vec<Violation>,
) {
    let told = session.deliveries.dropped;
    let unnumbered = session
        .deliveries
        .offers
        .iter()
        .filter(|offer| offer.push.class != PushClass::Acked && !seen.contains(&offer.push.id));
    let missing = unnumbered.count() as u64;
    let rested = index.rested.unwrap_or(usize::MAX);
    if told > missing {
        let what = format!("the router was told of {told} without numbers, {missing} are missing");
        found.push(index.violation(Rule::HonestGap, rested, session, what));
    }
    let dropped = session.deliveries.offers.iter().filter(|offer| {
        offer.push.class == PushClass::BestEffort
            && !offer.push.datagram
            && !seen.contains(&offer.push.id)
            && offer.is_certain
            && offer.place < rested
    });
    let dropped = dropped.count() as u64;
    // The router does not hear of what a client leaves out.
    let is_left_out = gaps.iter().any(|(_, gap)| is_uncounted(gap));
    let is_unbroken = session.life.parked.is_empty() && index.stands(session);
    if is_unbroken && dropped > told && !is_left_out {
        let what = format!("{dropped} best effort never came, and the router heard of {told}");
        found.push(index.violation(Rule::NoLoss, rested, session, what));
    }
}

/// Router and client must be told of the same number of missing acked deliveries.
fn both_told(
    index: &Index<'_>,
    session: &SessionFacts,
    told: &[(usize, &MissingGap)],
    found: &mut Vec<Violation>,
) {
    let rested = index.rested.unwrap_or(usize::MAX);
    let numbered = told.iter().filter(|(_, gap)| gap.to != 0);
    let client: u64 = numbered.map(|(_, gap)| gap.count).sum();
    let gaps = session.deliveries.missing.iter().filter_map(|at| gap_at(index, *at));
    let router: u64 = gaps.map(|(_, gap)| gap.count).sum();
    if index.stands(session) && router != client {
        let what =
            format!("the client was told of {client} that are missing, the router of {router}");
        found.push(index.violation(Rule::HonestGap, rested, session, what));
    }
}
