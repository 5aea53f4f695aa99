//! Sessions that lose their connection, wait, and get another one.
//!
//! A session with a device keeps its slot while it is parked: its rooms, its user, and what it has
//! pushed stay where they are. The connection that ends goes to a slot of its own if it still has
//! something to say. When the same device authenticates again, its new connection takes the place
//! in the old slot; if the old connection seems alive, it is the one that ends, so that a session
//! never has two.

use comet_protocol::{Dialect, Outbound};

use super::Shard;
use super::connection::{Connection, State};
use super::poller::Token;
use crate::Closed;
use crate::identity::{Identity, Peer};
use crate::session::Session;

impl Shard {
    /// Whether a session that ends so is kept for its peer to come back.
    pub(super) fn parks(&mut self, slot: u32, closed: &Closed) -> bool {
        if !closed.parks() || self.limits.resume_ttl.is_zero() || self.drain.is_some() {
            return false;
        }
        let has_acks = self.speaks_acks(slot);
        let Some(member) = self.bucket.get(slot) else { return false };
        let has_device = member.peer.as_ref().is_some_and(|peer| !peer.device().is_empty());
        has_acks && has_device && member.session.is_open()
    }

    /// Keeps the session, and lets its connection end: with a farewell, or at once.
    pub(super) fn park(&mut self, slot: u32, closed: &Closed, farewell: bool) {
        self.finish_run(super::fanout::Last::No);
        let (now, limits) = (self.now, &self.limits);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        member.session.park(now, limits);
        member.parked_for = Some(Box::new(closed.clone()));
        let peer = member.peer.clone();
        tracing::debug!(session = %self.bucket.id(slot), reason = %closed, "parked");
        self.sessions_changed(-1);
        self.parked_changed(1);
        if let Some(connection) = self.detach(slot) {
            if farewell {
                self.see_off(connection, closed);
            } else {
                self.drop_connection(connection);
            }
        }
        self.rearm(slot);
        if let Some(peer) = peer {
            self.sink.parked(&peer, closed);
        }
    }

    /// Nobody came back.
    pub(super) fn expire(&mut self, slot: u32) {
        let parked_for = self.bucket.get_mut(slot).and_then(|member| member.parked_for.take());
        let closed = parked_for.map_or(Closed::Idle, |closed| *closed);
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
        if self.bucket.get(earlier).is_some_and(|member| member.session.is_open()) {
            self.park(earlier, &Closed::Replaced, true);
        }
        let Some(mut connection) = self.detach(slot) else { return };
        self.wheel.cancel(slot);
        self.bucket.remove(slot);
        if self.rewatch(&mut connection, earlier).is_err() {
            return self.drop_connection(connection);
        }
        self.put(earlier, connection);
        let peer = Peer::new(self.bucket.id(earlier), identity);
        let Some(member) = self.bucket.get_mut(earlier) else { return };
        member.peer = Some(peer.clone());
        member.parked_for = None;
        member.session.resume(self.now);
        self.counters().resumed.add(1);
        self.sessions_changed(1);
        self.parked_changed(-1);
        self.send(earlier, Outbound::AuthReply { seq }, &[]);
        self.send_waiting(earlier);
        self.rearm(earlier);
        self.resume_later(earlier);
        if self.sink.resumed(&peer).is_err() {
            self.end(earlier, &Closed::RouterPanicked);
        }
    }

    /// Lets a connection without a session write what it has, say why it ends, and close.
    fn see_off(&mut self, mut connection: Connection, closed: &Closed) {
        let Some(slot) = self.bucket.insert(Session::closing(self.now, &self.limits)) else {
            return self.drop_connection(connection);
        };
        if self.rewatch(&mut connection, slot).is_err() {
            self.bucket.remove(slot);
            return self.drop_connection(connection);
        }
        connection.tail = None;
        self.put(slot, connection);
        self.send_close(slot, closed.ws_code());
        self.rearm(slot);
        self.flush(slot);
    }

    /// Has events of the connection reported under another slot.
    fn rewatch(&self, connection: &mut Connection, slot: u32) -> std::io::Result<()> {
        let State { ending, ended, shut, close_sent, blocked, .. } = connection.state;
        // It is in no list under its new slot.
        connection.state = State { ending, ended, shut, close_sent, blocked, ..State::default() };
        self.poller.reregister(&mut connection.socket, Token(slot as usize))
    }

    /// Takes the connection out of its slot, which keeps its session.
    fn detach(&mut self, slot: u32) -> Option<Connection> {
        self.connections.get_mut(slot as usize)?.take()
    }

    fn speaks_acks(&mut self, slot: u32) -> bool {
        let dialect = self.connection(slot).and_then(|connection| connection.dialect);
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
