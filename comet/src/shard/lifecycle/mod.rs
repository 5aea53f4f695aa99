//! Lifecycle: how sessions open, end, lose their connections and get others.
//!
//! A session ends at once and for one reason, which the router hears once. Its connection may stay
//! a little: to write what was queued, say goodbye, and see the peer close, so that no reset
//! destroys bytes on their way.
//!
//! Not here: how a peer is authenticated (`admission`), and when a session is to end.

mod devices;
mod handing_over;
mod losses;
mod opening;
mod parking;
mod refusals;
mod resumption;

use std::sync::Arc;
use std::time::Duration;

use super::command::Question;
use super::connections::{Connection, Side};
use super::context::Context;
use super::endpoints::Endpoints;
use super::entrance::{Holds, Visitor};
use crate::Closed;
use crate::event::Event;
use devices::Devices;
pub(super) use opening::Opened;
pub(super) use parking::PARKED;
use refusals::Refusals;
pub(super) use resumption::Resumption;

/// State of a shard that concerns the beginning and end of sessions.
#[derive(Debug)]
pub(super) struct Lifecycle {
    pub(super) resumption: Resumption,
    devices: Devices,
    refusals: Refusals,
    /// Slots that were looked up, for reuse.
    found: Vec<u32>,
}

impl Lifecycle {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            resumption: Resumption::new(&cx.shared.keys.for_part(cx.index)),
            devices: Devices::default(),
            refusals: Refusals::new(&cx.shared.config),
            found: Vec::new(),
        }
    }

    /// Ends or parks the session for a reason, and ends its connection as soon as everything is
    /// written.
    pub(super) fn end(&mut self, ep: &mut Endpoints, slot: u32, closed: &Closed) {
        if self.hold_refused(ep, slot, closed) {
            return;
        }
        if parking::parks(ep, slot, closed) {
            self.park(ep, slot, closed, true);
        } else {
            self.end_for_good(ep, slot, closed);
        }
    }

    /// The same, also where the session could be parked: something promised to it is lost.
    pub(super) fn end_for_good(&mut self, ep: &mut Endpoints, slot: u32, closed: &Closed) {
        if self.end_session(ep, slot, closed) {
            if ep.connections.get(slot).is_none() {
                return self.remove(ep, slot);
            }
            self.say_goodbye(ep, slot, closed);
        }
    }

    /// Ends or parks the session, and drops the connection without another word.
    pub(super) fn abandon(&mut self, ep: &mut Endpoints, slot: u32, closed: &Closed) {
        if parking::parks(ep, slot, closed) {
            return self.park(ep, slot, closed, false);
        }
        self.abandon_for_good(ep, slot, closed);
    }

    /// The same, also where the session could be parked.
    pub(super) fn abandon_for_good(&mut self, ep: &mut Endpoints, slot: u32, closed: &Closed) {
        self.end_session(ep, slot, closed);
        self.remove(ep, slot);
    }

    /// Everything queued is written: a closing connection may go on to its end.
    pub(super) fn flushed(&mut self, ep: &mut Endpoints, slot: u32) {
        if !ep.bucket.is_closing(slot) {
            return;
        }
        let Some(connection) = ep.connections.get_mut(slot) else { return };
        if connection.out.is_some() || connection.has_lane_output() {
            // More has been queued since.
            return;
        }
        if connection.state.peer == Side::Ended {
            connection.transport.say_goodbye();
            return self.remove(ep, slot);
        }
        if connection.state.ours != Side::Ended {
            connection.state.ours = Side::Ended;
            if connection.transport.shutdown_write().is_err() {
                return self.remove(ep, slot);
            }
            // What the peer sent before it learns of the end is read and thrown away.
            ep.connections.resume_later(slot);
        }
    }

    /// Drops the connection and frees its slot.
    pub(super) fn remove(&mut self, ep: &mut Endpoints, slot: u32) {
        if let Some(connection) = self.take_out(ep, slot) {
            drop_connection(ep, connection);
        }
    }

    /// Frees the slot; the connection that was in it is still alive.
    pub(super) fn take_out(&mut self, ep: &mut Endpoints, slot: u32) -> Option<Connection> {
        let connection = ep.connections.take(slot);
        self.refusals.release(slot);
        leave_all(ep, slot);
        ep.wheel.cancel(slot);
        ep.bucket.remove(slot);
        connection
    }

    /// Gives a device a place until it has a session, or says that it has none.
    pub(super) fn claim(&mut self, ep: &mut Endpoints, question: Question) {
        self.devices.claim(ep, question);
    }

    /// Has a session expire after this time, or not any more.
    pub(super) fn set_expiry(&self, ep: &mut Endpoints, slot: u32, after: Option<Duration>) {
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.set_expiry(ep.cx.now, after);
            ep.rearm(slot);
        }
    }

    /// Puts off the end of a handshake: the router says that it needs longer to decide.
    pub(super) fn extend_handshake(&self, ep: &mut Endpoints, slot: u32, by: Duration) {
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.state_mut().put_off_handshake(by);
            ep.rearm(slot);
        }
    }

    /// The last words on a connection whose session has ended.
    fn say_goodbye(&mut self, ep: &mut Endpoints, slot: u32, closed: &Closed) {
        if let Some(mut out) = ep.out(slot) {
            out.close_reason(closed);
        }
        ep.rearm(slot);
        ep.flush(slot);
    }

    /// Whether the session had not ended before.
    fn end_session(&mut self, ep: &mut Endpoints, slot: u32, closed: &Closed) -> bool {
        let Some(member) = ep.bucket.get_mut(slot) else { return false };
        if member.session.state().is_closing() {
            return false;
        }
        let was_parked = member.session.state().is_parked();
        let untold = member.session.owed().untold();
        let was_open = member.session.close(ep.cx.now, &ep.cx.limits);
        let peer = member.peer.clone();
        ep.cx.counters().closed[closed.index()].add(1);
        tracing::debug!(session = %ep.bucket.id(slot), reason = %closed, "closed");
        ep.connections.end_input(slot);
        leave_all(ep, slot);
        ep.bucket.forget_user(slot);
        if let (true, Some(peer)) = (was_open, peer) {
            if was_parked {
                ep.population.change_parked(&ep.cx, -1);
            } else {
                change_open(ep, slot, -1);
            }
            ep.cx.shared.entrance.end_session();
            losses::report_last(ep, slot, &peer, &untold);
            // The session has ended already.
            let _ = ep.cx.sink.event(&peer, Event::Disconnected(closed));
        }
        true
    }
}

/// Closes the socket of a connection that was taken out of its slot.
fn drop_connection(ep: &mut Endpoints, connection: Connection) {
    let (visitor, holds) = (connection.visitor(), connection.transport.holds());
    ep.connections.close(connection);
    forget_connection(&ep.cx, visitor, holds);
}

/// A connection is no longer this gateway's.
pub(super) fn forget_connection(cx: &Context, visitor: Option<Visitor>, holds: Holds) {
    cx.shared.entrance.leave(cx.now, visitor, holds);
}

/// Puts an open session into a room.
pub(super) fn join(ep: &mut Endpoints, slot: u32, room: &Arc<str>) {
    let limit = ep.cx.shared.config.limits.rooms_per_session;
    match ep.bucket.join(slot, room, limit) {
        Ok(true) => {
            let hash = ep.cx.shared.homes.room_hash(room);
            ep.cx.shared.room_filters[ep.cx.index].add(hash);
        }
        Ok(false) => {}
        Err(error) => tracing::debug!(session = %ep.bucket.id(slot), ?error, "room not joined"),
    }
}

/// Takes a session out of a room.
pub(super) fn leave(ep: &mut Endpoints, slot: u32, room: &str) {
    if ep.bucket.leave(slot, room) == Some(true) {
        room_is_gone(&ep.cx, room);
    }
}

/// Counts a session that got or lost the connection in its slot.
fn change_open(ep: &mut Endpoints, slot: u32, by: i64) {
    let dialect = ep.connections.dialect(slot);
    ep.population.change_open(&ep.cx, dialect, by);
}

/// Takes a session out of all its rooms.
fn leave_all(ep: &mut Endpoints, slot: u32) {
    while let Some(gone) = ep.bucket.leave_last(slot) {
        if let Some(room) = gone {
            room_is_gone(&ep.cx, &room);
        }
    }
}

/// A room has no members left on this shard.
fn room_is_gone(cx: &Context, room: &str) {
    cx.shared.room_filters[cx.index].remove(cx.shared.homes.room_hash(room));
}
