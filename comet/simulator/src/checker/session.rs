//! Facts of one session, gathered from a history: its life, and its deliveries.
//!
//! Not here: the search for them (`index`).

use crate::history::{Attempt, Dial, Push, PushId, Session, Target};

/// The facts of a session.
#[derive(Debug)]
pub(super) struct SessionFacts {
    pub(super) name: Session,
    pub(super) gateway: u32,
    /// The attempt that it began with.
    pub(super) dial: Dial,
    pub(super) life: Life,
    pub(super) deliveries: Deliveries,
    /// A bit for each room that it is in.
    rooms: u64,
}

/// Beginning, parking, resuming and end of a session, by places in the history.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) connected: usize,
    pub(super) ended: Option<(usize, &'static str)>,
    pub(super) parked: Vec<usize>,
    /// Its connections, and the place from which each held it.
    pub(super) holders: Vec<(usize, Attempt)>,
    is_parked: bool,
}

/// Deliveries of a session: those offered, and what the router and the client were told of them.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub(super) offers: Vec<Offer>,
    /// Places at which its client saw something, without forged connections.
    pub(super) sights: Vec<usize>,
    /// Acks reported to the router.
    pub(super) acked: Vec<(usize, PushId)>,
    /// Places of gaps of acked deliveries reported to the router.
    pub(super) missing: Vec<usize>,
    /// Number of unnumbered deliveries reported to the router as dropped.
    pub(super) dropped: u64,
}

/// A push offered to a session.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) push: Push,
    /// Place in the history.
    pub(super) place: usize,
    /// Whether it was certainly offered: a push may reach the shard just before the session does.
    pub(super) is_certain: bool,
    /// Whether the session was parked then.
    pub(super) while_parked: bool,
}

impl SessionFacts {
    /// A session that begins, with deliveries that it may have been offered already.
    pub(super) fn new(
        name: Session,
        gateway: u32,
        dial: Dial,
        place: usize,
        offers: Vec<Offer>,
    ) -> Self {
        let deliveries = Deliveries { offers, ..Deliveries::default() };
        let life = Life::new(place, dial.attempt);
        Self { name, gateway, dial, life, deliveries, rooms: 0 }
    }

    pub(super) const fn join(&mut self, room: u32) {
        self.rooms |= room_bit(room);
    }

    pub(super) const fn leave(&mut self, room: u32) {
        self.rooms &= !room_bit(room);
    }

    /// Adds a push of its gateway, if it is meant.
    pub(super) fn offer(&mut self, push: Push, place: usize, is_certain: bool) {
        if self.life.ended.is_none() && self.is_meant_by(push) {
            let while_parked = self.life.is_parked;
            self.deliveries.offers.push(Offer { push, place, is_certain, while_parked });
        }
    }

    fn is_meant_by(&self, push: Push) -> bool {
        match push.target {
            Target::Session(session) => self.name == session,
            Target::User(user) => self.dial.user == user,
            Target::Room(room) => self.rooms & room_bit(room) != 0,
            Target::All => true,
        }
    }
}

const fn room_bit(room: u32) -> u64 {
    1 << (room & 63)
}

impl Life {
    fn new(place: usize, attempt: Attempt) -> Self {
        let holders = vec![(place, attempt)];
        Self { connected: place, ended: None, parked: Vec::new(), holders, is_parked: false }
    }

    pub(super) fn resume(&mut self, place: usize, attempt: Attempt) {
        self.holders.push((place, attempt));
        self.is_parked = false;
    }

    pub(super) fn park(&mut self, place: usize) {
        self.parked.push(place);
        self.is_parked = true;
    }

    /// The first end counts.
    pub(super) fn end(&mut self, place: usize, reason: &'static str) {
        self.ended.get_or_insert((place, reason));
    }

    /// Whether the session was alive at this place of the history.
    pub(super) fn is_alive_at(&self, place: usize) -> bool {
        self.connected < place && self.ended.is_none_or(|(ended, _)| place < ended)
    }

    /// Whether it had ended before this place, for this reason.
    pub(super) fn had_ended(&self, place: usize, reason: &str) -> bool {
        self.ended.is_some_and(|(at, given)| at < place && given == reason)
    }

    /// The connection that held the session at this place of the history.
    pub(super) fn holder_at(&self, place: usize) -> Option<Attempt> {
        self.holders.iter().rev().find(|(since, _)| *since <= place).map(|(_, attempt)| *attempt)
    }
}

impl Deliveries {
    /// The offer of a push.
    pub(super) fn offer_of(&self, push: PushId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.push.id == push)
    }

    /// Whether the ack was reported to the router.
    pub(super) fn has_acked(&self, push: PushId) -> bool {
        self.acked.iter().any(|(_, acked)| *acked == push)
    }
}
