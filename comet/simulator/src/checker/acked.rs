//! Acked deliveries: no loss, no duplicates, order within each lane.
//!
//! A session's lane is a list of deliveries that its client sees in order. Deliveries that it skips
//! must have been reported by then: gaps give the number of missing deliveries, not their identity,
//! so they are counted together. A dtalk client receives no gaps; there those of the router count.

use super::index::Index;
use super::session::{Offer, SessionFacts};
use super::{Rule, Violation};
use crate::history::{Attempt, Dialect, Event, Lane, MissingGap, PushClass, PushId};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for session in &index.sessions {
        Reader::new(index, session).read(found);
    }
}

/// A lane: the deliveries offered in it, and the client's progress.
#[derive(Debug, Default)]
struct LaneState {
    /// Indices into the session's offers.
    offers: Vec<usize>,
    /// Number of offers skipped or seen.
    passed: usize,
    /// The same on the current connection.
    here: usize,
}

struct Reader<'a> {
    index: &'a Index<'a>,
    session: &'a SessionFacts,
    lanes: [LaneState; 3],
    /// The connection on which each offer was seen last.
    seen: Vec<Option<Attempt>>,
    holder: Option<Attempt>,
    stepped_over: u64,
    told: u64,
    is_reported: bool,
}

impl<'a> Reader<'a> {
    fn new(index: &'a Index<'a>, session: &'a SessionFacts) -> Self {
        let mut lanes: [LaneState; 3] = Default::default();
        for (place, offer) in session.deliveries.offers.iter().enumerate() {
            if offer.push.class == PushClass::Acked {
                lanes[lane(offer.push.lane)].offers.push(place);
            }
        }
        let seen = vec![None; session.deliveries.offers.len()];
        let (holder, stepped_over, told, is_reported) = (None, 0, 0, false);
        Self { index, session, lanes, seen, holder, stepped_over, told, is_reported }
    }

    fn read(mut self, found: &mut Vec<Violation>) {
        let mut places: Vec<usize> = self.session.deliveries.sights.clone();
        if self.session.dial.dialect == Dialect::Dtalk {
            places.extend(&self.session.deliveries.missing);
            places.sort_unstable();
        }
        for place in places {
            match &self.index.history.entries[place].event {
                Event::Saw { attempt, push, .. } => self.see(place, *attempt, *push, found),
                Event::SawGap { gap, .. } | Event::Missing { gap, .. } => self.hear(gap),
                _ => {}
            }
        }
        self.finish(found);
    }

    fn hear(&mut self, gap: &MissingGap) {
        if gap.to != 0 || self.session.dial.dialect == Dialect::Dtalk {
            self.told += gap.count;
        }
    }

    fn see(&mut self, place: usize, attempt: Attempt, push: PushId, found: &mut Vec<Violation>) {
        if self.holder != Some(attempt) {
            self.holder = Some(attempt);
            self.lanes.iter_mut().for_each(|lane| lane.here = 0);
        }
        let Some(at) =
            self.session.deliveries.offers.iter().position(|offer| offer.push.id == push)
        else {
            let what = format!("{push} was never pushed to it");
            return found.push(self.index.violation(Rule::NoStray, place, self.session, what));
        };
        let offer = &self.session.deliveries.offers[at];
        if offer.push.class != PushClass::Acked {
            return;
        }
        if let Some(before) = self.seen[at].replace(attempt) {
            self.see_again(place, before, attempt, offer, found);
        }
        self.step(place, at, offer, found);
    }

    /// Only dtalk repeats deliveries, on another connection, unless acked before that.
    fn see_again(
        &self,
        place: usize,
        before: Attempt,
        attempt: Attempt,
        offer: &Offer,
        found: &mut Vec<Violation>,
    ) {
        let push = offer.push.id;
        let since = self.session.life.holders.iter().find(|(_, holder)| *holder == attempt);
        let acked = self.session.deliveries.acked.iter().find(|(_, acked)| *acked == push);
        let was_acked = match (since, acked) {
            (Some((since, _)), Some((acked, _))) => acked < since,
            _ => false,
        };
        if self.session.dial.dialect == Dialect::Comet || before == attempt || was_acked {
            let what = format!("{push} was seen on {before}, and again on {attempt}");
            found.push(self.index.violation(Rule::NoDuplicate, place, self.session, what));
        }
    }

    /// Advances the lane to a delivery that the client sees.
    fn step(&mut self, place: usize, at: usize, offer: &Offer, found: &mut Vec<Violation>) {
        let state = &mut self.lanes[lane(offer.push.lane)];
        let Ok(rank) = state.offers.binary_search(&at) else { return };
        if rank < state.here {
            let (push, lane) = (offer.push.id, offer.push.lane);
            let after = self.session.deliveries.offers[state.offers[state.here - 1]].push.id;
            let what = format!("{push} came after {after} in the lane {lane:?}");
            found.push(self.index.violation(Rule::Order, place, self.session, what));
        }
        state.here = rank + 1;
        let offers = &self.session.deliveries.offers;
        let over = state.offers.get(state.passed..rank).unwrap_or_default();
        let missed = over.iter().filter(|at| self.seen[**at].is_none() && offers[**at].is_certain);
        let first = missed.clone().next().map(|at| offers[*at].push.id);
        self.stepped_over += missed.count() as u64;
        state.passed = state.passed.max(rank + 1);
        if let (Some(first), false) = (first, self.stepped_over <= self.told || self.is_reported) {
            self.is_reported = true;
            let (over, told, push) = (self.stepped_over, self.told, offer.push.id);
            let what =
                format!("{push} was seen before {first}: {over} were stepped over, {told} told of");
            found.push(self.index.violation(Rule::NoLoss, place, self.session, what));
        }
    }

    /// Checks for deliveries missing at the end.
    fn finish(self, found: &mut Vec<Violation>) {
        let rested = self.index.rested.unwrap_or(usize::MAX);
        let offers = self.session.deliveries.offers.iter().zip(&self.seen);
        let unseen: Vec<&Offer> = offers
            .filter(|(offer, seen)| seen.is_none() && offer.push.class == PushClass::Acked)
            .map(|(offer, _)| offer)
            .collect();
        let certain = unseen.iter().filter(|offer| offer.is_certain && offer.place < rested);
        let missing = certain.clone().count() as u64;
        let told = self.told;
        let stands = self.index.stands(self.session);
        if stands && missing > told && !self.is_reported {
            let first = certain.clone().next().map_or(PushId(0), |offer| offer.push.id);
            let what = format!("{missing} never came, {first} the first, and {told} were told of");
            found.push(self.index.violation(Rule::NoLoss, rested, self.session, what));
        }
        let is_doubtful = |(offer, seen): &(&Offer, &Option<Attempt>)| {
            let is_open = seen.is_some() && !self.session.deliveries.has_acked(offer.push.id);
            self.session.dial.dialect == Dialect::Dtalk
                && is_open
                && offer.push.class == PushClass::Acked
        };
        let doubtful =
            self.session.deliveries.offers.iter().zip(&self.seen).filter(is_doubtful).count();
        let most = unseen.len() + doubtful;
        if told > most as u64 {
            let what = format!("gaps tell of {told} that are missing, {most} are");
            found.push(self.index.violation(Rule::HonestGap, rested, self.session, what));
        }
    }
}

const fn lane(lane: Lane) -> usize {
    match lane {
        Lane::Signal => 0,
        Lane::Normal => 1,
        Lane::Bulk => 2,
    }
}
