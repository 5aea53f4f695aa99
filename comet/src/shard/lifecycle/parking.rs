//! Sessions that lose their connection, wait, and get another one.
//!
//! A session with a device keeps its slot while it is parked: its rooms, its user, and what it has
//! pushed stay where they are. The connection that ends goes to a slot of its own if it still has
//! something to say. When the same device authenticates again, its new connection takes the place
//! in the old slot; if the old connection seems alive, it is the one that ends, so that a session
//! never has two.

use comet_protocol::comet::{Loss, SeqRange};

use super::super::connections::Connection;
use super::super::endpoints::{Endpoints, lanes};
use super::{Lifecycle, change_open, drop_connection, losses};
use crate::Closed;
use crate::bucket::Parked;
use crate::budget::Charge;
use crate::event::Event;
use crate::identity::{Identity, Peer};
use crate::session::{Hello, Session};

/// Charge for a parked session beside its deliveries: about its size in memory.
pub(in crate::shard) const PARKED: usize = 1_024;

/// A comet peer that comes back.
#[derive(Clone, Copy, Debug)]
pub(in crate::shard) struct Return {
    /// Where it is.
    pub(in crate::shard) slot: u32,
    /// Where its session is.
    pub(in crate::shard) earlier: u32,
    /// Seq of its request.
    pub(in crate::shard) seq: u32,
    /// Epoch of the ticket that it showed.
    pub(in crate::shard) epoch: u32,
}

impl Lifecycle {
    /// Keeps the session, if there is memory, and lets its connection end: with a farewell, or at
    /// once. Of too many that its user has parked the oldest ends.
    pub(in crate::shard) fn park(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        closed: &Closed,
        farewell: bool,
    ) {
        let Ok(charge) = Charge::new(&ep.account, PARKED) else {
            return self.end_for_good(ep, slot, &Closed::Shed);
        };
        let peer = ep.bucket.get(slot).and_then(|member| member.peer.clone());
        self.set_aside(ep, slot, Parked { closed: closed.clone(), _charge: charge }, farewell);
        if let Some(peer) = peer {
            self.limit_parked(ep, &peer);
        }
    }

    /// Takes the connection from a session, and tells the router.
    fn set_aside(&mut self, ep: &mut Endpoints, slot: u32, parked: Parked, farewell: bool) {
        let (now, limits) = (ep.cx.now, &ep.cx.limits);
        let closed = parked.closed.clone();
        let Some(member) = ep.bucket.get_mut(slot) else { return };
        member.session.park(now, limits);
        member.parked_for = Some(Box::new(parked));
        let peer = member.peer.clone();
        ep.holders.note(slot);
        // A router that panics here has a session without a connection, and nothing to be closed.
        let _ = losses::report(ep, slot);
        tracing::debug!(session = %ep.bucket.id(slot), reason = %closed, "parked");
        change_open(ep, slot, -1);
        ep.population.change_parked(&ep.cx, 1);
        if let Some(connection) = ep.connections.take(slot) {
            if farewell {
                self.see_off(ep, connection, &closed);
            } else {
                drop_connection(ep, connection);
            }
        }
        ep.rearm(slot);
        if let Some(peer) = peer {
            // A session without a connection has nothing to be closed.
            let _ = ep.cx.sink.event(&peer, Event::Parked(&closed));
        }
    }

    /// Ends sessions that a user has parked beyond the limit, the oldest first.
    fn limit_parked(&mut self, ep: &mut Endpoints, peer: &Peer) {
        let limit = ep.cx.shared.config.resume.parked_per_user;
        let mut found = Vec::new();
        ep.bucket.sessions_of(peer.app(), peer.user(), &mut found);
        found.retain(|&slot| ep.bucket.is_parked(slot));
        if found.len() > limit {
            let since = |slot: &u32| ep.bucket.get(*slot).map_or(0, |member| member.since);
            found.sort_unstable_by_key(since);
            let many = found.len() - limit;
            found.into_iter().take(many).for_each(|slot| self.expire(ep, slot));
        }
    }

    /// The peer did not come back.
    pub(in crate::shard) fn expire(&mut self, ep: &mut Endpoints, slot: u32) {
        let parked_for = ep.bucket.get_mut(slot).and_then(|member| {
            member.expires = true;
            member.parked_for.take()
        });
        let closed = parked_for.map_or(Closed::Idle, |parked| parked.closed);
        self.end(ep, slot, &closed);
    }

    /// The slot of the session that the peer behind `slot` left or seems to leave.
    pub(in crate::shard) fn earlier_session(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        identity: &Identity,
    ) -> Option<u32> {
        let resumes = !ep.cx.limits.resume_ttl.is_zero() && !identity.device.is_empty();
        if !resumes || identity.is_anonymous() || !speaks_acks(ep, slot) {
            return None;
        }
        let mut found = std::mem::take(&mut self.found);
        ep.bucket.sessions_of(&identity.app, &identity.user, &mut found);
        let is_it = |slot: &u32| {
            let Some(member) = ep.bucket.get(*slot) else { return false };
            member.session.state().is_alive()
                && member.peer.as_ref().is_some_and(|peer| peer.device() == &*identity.device)
        };
        let earlier = found.iter().copied().find(is_it);
        found.clear();
        self.found = found;
        earlier
    }

    /// Gives the connection in `slot`, whose peer asked with `seq`, to the session in `earlier`.
    pub(in crate::shard) fn resume_session(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        earlier: u32,
        seq: u32,
        identity: Identity,
    ) {
        let Some(peer) = self.hand_over(ep, slot, earlier, identity) else { return };
        let Some(member) = ep.bucket.get_mut(earlier) else { return };
        if member.session.resume(ep.cx.now).is_err() {
            return self.end_for_good(ep, earlier, &Closed::Shed);
        }
        self.welcome(ep, earlier, seq, true, Loss::None);
        self.go_on(ep, earlier, &peer);
    }

    /// The same for a comet peer, which goes on with its numbers.
    pub(in crate::shard) fn resume_numbered(
        &mut self,
        ep: &mut Endpoints,
        Return { slot, earlier, seq, epoch }: Return,
        hello: &Hello,
        identity: Identity,
    ) {
        let Some(peer) = self.hand_over(ep, slot, earlier, identity) else { return };
        let received = hello.continuity.received();
        let now = ep.cx.now;
        let Some(member) = ep.bucket.get_mut(earlier) else { return };
        let mut tags = Vec::new();
        let mut fresh = 0;
        let note = |tag: u64| {
            fresh += 1;
            tags.extend((tag != 0).then_some(tag));
        };
        let missing = member.session.resume_numbered(now, (hello, seq), epoch, received, note);
        ep.cx.counters().acks.add(fresh);
        // What is gone is told of before anything newer, and nobody knows its lanes.
        lanes::begin(ep, earlier, missing.is_some());
        self.welcome(ep, earlier, seq, true, Loss::None);
        if let (Some(SeqRange { first, last }), Some(mut out)) = (missing, ep.out(earlier)) {
            out.forgotten(first, last);
        }
        self.go_on(ep, earlier, &peer);
        if let Err(closed) = ep.report_acks(earlier, &tags) {
            self.end(ep, earlier, &closed);
        }
    }

    /// Moves the connection in `slot` to the session in `earlier`, which loses the one it has.
    fn hand_over(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        earlier: u32,
        identity: Identity,
    ) -> Option<Peer> {
        if ep.bucket.get(earlier).is_some_and(|member| member.session.state().is_open()) {
            // For no longer than this takes, so that neither memory nor a limit is in the way.
            let parked = Parked { closed: Closed::Replaced, _charge: Charge::none(&ep.account) };
            self.set_aside(ep, earlier, parked, true);
        }
        let connection = ep.connections.take(slot)?;
        ep.wheel.cancel(slot);
        ep.bucket.remove(slot);
        if let Err(connection) = ep.connections.put_again(earlier, connection) {
            drop_connection(ep, connection);
            return None;
        }
        let (overflow, validity) = (identity.overflow, identity.validity());
        let peer = Peer::new(ep.bucket.id(earlier), identity);
        let member = ep.bucket.get_mut(earlier)?;
        member.peer = Some(peer.clone());
        member.session.set_overflow(overflow);
        member.session.set_expiry(ep.cx.now, validity);
        member.parked_for = None;
        ep.cx.counters().resumed.add(1);
        change_open(ep, earlier, 1);
        ep.population.change_parked(&ep.cx, -1);
        Some(peer)
    }

    /// Sends deliveries and answers that are owed to the peer of a resumed session.
    fn go_on(&mut self, ep: &mut Endpoints, slot: u32, peer: &Peer) {
        ep.send_waiting(slot);
        ep.send_answers(slot);
        ep.rearm(slot);
        ep.connections.resume_later(slot);
        if ep.cx.sink.event(peer, Event::Resumed).is_err() {
            return self.end(ep, slot, &Closed::RouterPanicked);
        }
        // Deliveries were dropped while there was no connection.
        ep.losses.may_be_over(slot);
    }

    /// Lets a connection without a session write what it has, say why it ends, and close.
    fn see_off(&mut self, ep: &mut Endpoints, mut connection: Connection, closed: &Closed) {
        let Some(slot) = ep.bucket.insert(Session::closing(ep.cx.now, &ep.cx.limits)) else {
            return drop_connection(ep, connection);
        };
        connection.extras.drop_tail();
        if let Err(connection) = ep.connections.put_again(slot, connection) {
            ep.bucket.remove(slot);
            return drop_connection(ep, connection);
        }
        ep.holders.note(slot);
        self.say_goodbye(ep, slot, closed);
    }
}

/// Whether a session that ends so is kept for its peer to come back.
pub(super) fn parks(ep: &Endpoints, slot: u32, closed: &Closed) -> bool {
    if !closed.parks() || ep.cx.limits.resume_ttl.is_zero() || ep.cx.is_draining {
        return false;
    }
    let Some(member) = ep.bucket.get(slot) else { return false };
    if !speaks_acks(ep, slot) || !member.session.state().is_open() {
        return false;
    }
    match member.session.comet_state() {
        Some(comet_state) => comet_state.keeps_tickets,
        None => member.peer.as_ref().is_some_and(|peer| !peer.device().is_empty()),
    }
}

fn speaks_acks(ep: &Endpoints, slot: u32) -> bool {
    ep.connections.dialect(slot).is_some_and(|dialect| dialect.abilities().has_acks())
}
