//! Latest deliveries: never an older value after a newer one of the same key, and the newest at the
//! end.

use std::collections::BTreeMap;

use super::index::Index;
use super::session::{Offer, SessionFacts};
use super::{Rule, Violation};
use crate::history::{Dialect, Event, PushClass, PushId};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for session in &index.sessions {
        if !session.deliveries.offers.iter().any(|offer| key(offer).is_some()) {
            continue;
        }
        let seen = in_order(index, session, found);
        // dtalk has no keys: to its clients these are best effort.
        if index.stands(session) && session.dial.dialect == Dialect::Comet {
            newest_came(index, session, &seen, found);
        }
    }
}

const fn key(offer: &Offer) -> Option<u8> {
    match offer.push.class {
        PushClass::Latest(key) => Some(key),
        _ => None,
    }
}

/// Checks the order, and returns the newest value seen of each key.
fn in_order(
    index: &Index<'_>,
    session: &SessionFacts,
    found: &mut Vec<Violation>,
) -> BTreeMap<u8, PushId> {
    let mut newest: BTreeMap<u8, PushId> = BTreeMap::new();
    for &place in &session.deliveries.sights {
        let Event::Saw { push, .. } = index.history.entries[place].event else { continue };
        let offer = session.deliveries.offer_of(push);
        let Some(key) = offer.and_then(key) else { continue };
        if let Some(before) = newest.insert(key, push).filter(|before| *before >= push) {
            let what = format!("{push} came after {before}, of the same key {key}");
            found.push(index.violation(Rule::Latest, place, session, what));
            newest.insert(key, before);
        }
    }
    newest
}

/// The newest value must arrive, unless lost with a connection or as a datagram, or dropped for a
/// reason given in a gap.
fn newest_came(
    index: &Index<'_>,
    session: &SessionFacts,
    seen: &BTreeMap<u8, PushId>,
    found: &mut Vec<Violation>,
) {
    let rested = index.rested.unwrap_or(usize::MAX);
    let mut newest: BTreeMap<u8, &Offer> = BTreeMap::new();
    for offer in
        session.deliveries.offers.iter().filter(|offer| offer.is_certain && offer.place < rested)
    {
        if let Some(key) = key(offer) {
            newest.insert(key, offer);
        }
    }
    for (key, offer) in newest {
        let since = match offer.while_parked {
            false => Some(offer.place),
            true => session.life.holders.iter().map(|at| at.0).find(|place| *place > offer.place),
        };
        let was_lost = since.is_none_or(|since| session.life.parked.iter().any(|at| *at > since));
        let was_told = session.deliveries.sights.iter().any(|place| {
            *place > offer.place
                && matches!(index.history.entries[*place].event, Event::SawGap { .. })
        });
        let came = seen.get(&key).is_some_and(|push| *push >= offer.push.id);
        if !(came || was_lost || was_told || offer.push.datagram) {
            let what = format!("{}, the newest of key {key}, never came", offer.push.id);
            found.push(index.violation(Rule::Latest, rested, session, what));
        }
    }
}
