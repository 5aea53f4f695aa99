//! Sessions that lose their connection, wait, and get another one.
//!
//! A session with a device keeps its slot while it is parked: its rooms, its user, and what it has
//! pushed stay where they are. The connection that ends goes to a slot of its own if it still has
//! something to say. When the same device authenticates again, its new connection takes the place
//! in the old slot; if the old connection seems alive, it is the one that ends, so that a session
//! never has two.

use comet_protocol::Dialect;
use comet_protocol::comet::{Loss, SeqRange};

use super::Shard;
use super::connection::Connection;
use super::shedding::PARKED;
use crate::bucket::Parked;
use crate::budget::Charge;
use crate::identity::{Identity, Peer};
use crate::plant::Plant;
use crate::session::{Hello, Session};
use crate::{Closed, SessionId};

/// A comet peer that comes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    /// Where it is.
    pub(super) slot: u32,
    /// Where its session is.
    pub(super) earlier: u32,
    /// Of its request.
    pub(super) seq: u32,
    /// Of the ticket that it showed.
    pub(super) epoch: u32,
}

impl Shard {
    /// Whether a session that ends so is kept for its peer to come back.
    pub(super) fn parks(&mut self, slot: u32, closed: &Closed) -> bool {
        if !closed.parks() || self.limits.resume_ttl.is_zero() || self.drain.is_some() {
            return false;
        }
        let has_acks = self.speaks_acks(slot);
        let Some(member) = self.bucket.get(slot) else { return false };
        if !has_acks || !member.session.is_open() {
            return false;
        }
        match member.session.conversation() {
            Some(conversation) => conversation.keeps_tickets,
            None => member.peer.as_ref().is_some_and(|peer| !peer.device().is_empty()),
        }
    }

    /// Keeps the session, if there is memory, and lets its connection end: with a farewell, or at
    /// once. Of too many that its user has parked the oldest ends.
    pub(super) fn park(&mut self, slot: u32, closed: &Closed, farewell: bool) {
        self.finish_run(super::fanout::Last::No);
        let Ok(charge) = Charge::new(&self.account, PARKED) else {
            return self.end_for_good(slot, &Closed::Shed);
        };
        let peer = self.bucket.get(slot).and_then(|member| member.peer.clone());
        self.set_aside(slot, Parked { closed: closed.clone(), _charge: charge }, farewell);
        if let Some(peer) = peer {
            self.limit_parked(&peer);
        }
    }

    /// Takes the connection from a session, and tells the router.
    fn set_aside(&mut self, slot: u32, parked: Parked, farewell: bool) {
        let (now, limits) = (self.now, &self.limits);
        let closed = parked.closed.clone();
        let Some(member) = self.bucket.get_mut(slot) else { return };
        member.session.park(now, limits);
        member.parked_for = Some(Box::new(parked));
        let peer = member.peer.clone();
        self.shedding.holders.note(slot);
        // A router that panics here has a session without a connection, and nothing to be closed.
        let _ = self.report_loss(slot);
        tracing::debug!(session = %self.bucket.id(slot), reason = %closed, "parked");
        self.sessions_changed(slot, -1);
        self.parked_changed(1);
        if let Some(connection) = self.connections.take(slot) {
            if farewell {
                self.see_off(connection, &closed);
            } else {
                self.drop_connection(connection);
            }
        }
        self.rearm(slot);
        if let Some(peer) = peer {
            self.sink.parked(&peer, &closed);
        }
    }

    /// Ends what a user has parked beyond the limit, the oldest first.
    fn limit_parked(&mut self, peer: &Peer) {
        let limit = self.shared.config.parked_per_user;
        let mut found = Vec::new();
        self.bucket.sessions_of(peer.app(), peer.user(), &mut found);
        found.retain(|&slot| self.is_parked(slot));
        if found.len() > limit {
            let since = |slot: &u32| self.bucket.get(*slot).map_or(0, |member| member.since);
            found.sort_unstable_by_key(since);
            let many = found.len() - limit;
            found.into_iter().take(many).for_each(|slot| self.expire(slot));
        }
    }

    /// Nobody came back.
    pub(super) fn expire(&mut self, slot: u32) {
        let parked_for = self.bucket.get_mut(slot).and_then(|member| {
            member.expires = true;
            member.parked_for.take()
        });
        let closed = parked_for.map_or(Closed::Idle, |parked| parked.closed);
        self.end(slot, &closed);
    }

    /// The slot of the session that the peer behind `slot` left or seems to leave.
    pub(super) fn earlier_session(&mut self, slot: u32, identity: &Identity) -> Option<u32> {
        let resumes = !self.limits.resume_ttl.is_zero() && !identity.device.is_empty();
        if !resumes || identity.is_anonymous() || !self.speaks_acks(slot) {
            return None;
        }
        let mut found = std::mem::take(&mut self.found);
        self.bucket.sessions_of(&identity.app, &identity.user, &mut found);
        let is_it = |slot: &u32| {
            let Some(member) = self.bucket.get(*slot) else { return false };
            member.session.is_alive()
                && member.peer.as_ref().is_some_and(|peer| peer.device() == &*identity.device)
        };
        let earlier = found.iter().copied().find(is_it);
        found.clear();
        self.found = found;
        earlier
    }

    /// Gives the connection in `slot`, whose peer asked with `seq`, to the session in `earlier`.
    pub(super) fn resume_session(&mut self, slot: u32, earlier: u32, seq: u32, identity: Identity) {
        let Some(peer) = self.hand_over(slot, earlier, identity) else { return };
        let Some(member) = self.bucket.get_mut(earlier) else { return };
        if member.session.resume(self.now).is_err() {
            return self.end_for_good(earlier, &Closed::Shed);
        }
        self.welcome(earlier, seq, true, Loss::None);
        self.go_on(earlier, &peer);
    }

    /// The same for a comet peer, which goes on with its numbers.
    pub(super) fn resume_numbered(
        &mut self,
        Return { slot, earlier, seq, epoch }: Return,
        hello: &Hello,
        identity: Identity,
    ) {
        let was_open = self.bucket.get(earlier).is_some_and(|it| it.session.is_open());
        let Some(peer) = self.hand_over(slot, earlier, identity) else { return };
        let Ok(mut received) = hello.auth.received() else { return };
        let now = self.now;
        let Some(member) = self.bucket.get_mut(earlier) else { return };
        if was_open {
            received = member.session.spoil(received, self.limits.planted);
        }
        let mut tags = Vec::new();
        let mut fresh = 0;
        let note = |tag: u64| {
            fresh += 1;
            tags.extend((tag != 0).then_some(tag));
        };
        let missing = member.session.resume_numbered(now, (hello, seq), epoch, received, note);
        self.counters().acks.add(fresh);
        if was_open && self.limits.planted.has(Plant::CleanupRace) {
            self.uprooted.push(peer.session());
        }
        self.welcome(earlier, seq, true, Loss::None);
        if let Some(SeqRange { first, last }) = missing {
            self.send_forgotten(earlier, first, last);
        }
        self.go_on(earlier, &peer);
        if let Err(closed) = self.report_acks(earlier, &tags) {
            self.end(earlier, &closed);
        }
    }

    /// Whether the session is one that a planted defect forgot.
    pub(super) fn lost_mapping(&self, id: SessionId) -> bool {
        self.uprooted.contains(&id)
    }

    /// Moves the connection in `slot` to the session in `earlier`, which loses the one it has.
    fn hand_over(&mut self, slot: u32, earlier: u32, identity: Identity) -> Option<Peer> {
        if self.bucket.get(earlier).is_some_and(|member| member.session.is_open()) {
            // For no longer than this takes, so that neither memory nor a limit is in the way.
            let parked = Parked { closed: Closed::Replaced, _charge: Charge::none(&self.account) };
            self.set_aside(earlier, parked, true);
        }
        let connection = self.connections.take(slot)?;
        self.wheel.cancel(slot);
        self.bucket.remove(slot);
        if let Err(connection) = self.connections.put_again(earlier, connection) {
            self.drop_connection(connection);
            return None;
        }
        let overflow = identity.overflow;
        let peer = Peer::new(self.bucket.id(earlier), identity);
        let member = self.bucket.get_mut(earlier)?;
        member.peer = Some(peer.clone());
        member.session.set_overflow(overflow);
        member.parked_for = None;
        self.counters().resumed.add(1);
        self.sessions_changed(earlier, 1);
        self.parked_changed(-1);
        Some(peer)
    }

    /// Sends what a session that has a connection again owes its peer.
    fn go_on(&mut self, slot: u32, peer: &Peer) {
        self.send_waiting(slot);
        self.send_answers(slot);
        self.rearm(slot);
        self.connections.resume_later(slot);
        if self.sink.resumed(peer).is_err() {
            return self.end(slot, &Closed::RouterPanicked);
        }
        // What was dropped while there was no connection.
        self.losses.may_be_over(slot);
    }

    /// Lets a connection without a session write what it has, say why it ends, and close.
    fn see_off(&mut self, mut connection: Connection, closed: &Closed) {
        let Some(slot) = self.bucket.insert(Session::closing(self.now, &self.limits)) else {
            return self.drop_connection(connection);
        };
        connection.tail = None;
        if let Err(connection) = self.connections.put_again(slot, connection) {
            self.bucket.remove(slot);
            return self.drop_connection(connection);
        }
        self.shedding.holders.note(slot);
        self.say_why(slot, closed);
        self.rearm(slot);
        self.flush(slot);
    }

    fn speaks_acks(&mut self, slot: u32) -> bool {
        let dialect = self.connections.get_mut(slot).and_then(|connection| connection.dialect);
        dialect.is_some_and(Dialect::has_acks)
    }

    fn parked_changed(&mut self, by: i64) {
        self.parked = self.parked.saturating_add_signed(by);
        self.counters().parked.set(self.parked);
    }

    /// A parked session ends.
    pub(super) fn unpark(&mut self) {
        self.parked_changed(-1);
    }
}
