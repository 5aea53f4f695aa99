//! How sessions and connections end.
//!
//! A session ends at once and for one reason, which the router hears once. Its connection may stay
//! a little: to write what was queued, say goodbye, and see the peer close, so that no reset
//! destroys bytes on their way.

use std::io::{ErrorKind, Read};

use super::Shard;
use super::connection::Connection;
use super::entrance::Visitor;
use super::input::Progress;
use crate::Closed;

impl Shard {
    /// Ends or parks the session for a reason, and ends its connection as soon as everything is
    /// written.
    pub(super) fn end(&mut self, slot: u32, closed: &Closed) {
        if self.hold_refused(slot, closed) {
            return;
        }
        if self.parks(slot, closed) {
            self.park(slot, closed, true);
        } else {
            self.end_for_good(slot, closed);
        }
    }

    /// The same, also where the session could be parked: something promised to it is lost.
    pub(super) fn end_for_good(&mut self, slot: u32, closed: &Closed) {
        if self.end_session(slot, closed) {
            if self.connections.get_mut(slot).is_none() {
                return self.remove(slot);
            }
            self.say_why(slot, closed);
            self.rearm(slot);
            self.flush(slot);
        }
    }

    /// Ends or parks the session, and drops the connection without another word.
    pub(super) fn abandon(&mut self, slot: u32, closed: &Closed) {
        if self.parks(slot, closed) {
            return self.park(slot, closed, false);
        }
        self.abandon_for_good(slot, closed);
    }

    /// The same, also where the session could be parked.
    pub(super) fn abandon_for_good(&mut self, slot: u32, closed: &Closed) {
        self.end_session(slot, closed);
        self.remove(slot);
    }

    /// The connection broke.
    pub(super) fn lose(&mut self, slot: u32, kind: ErrorKind) {
        self.abandon(slot, &Closed::Lost(kind));
    }

    /// The peer sends no more.
    pub(super) fn end_of_input(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.state.ended = true;
        }
        self.end(slot, &Closed::ByPeer);
    }

    /// Everything queued is written: a closing connection may go on to its end.
    pub(super) fn flushed(&mut self, slot: u32) {
        if !self.bucket.get(slot).is_some_and(|member| member.session.is_closing()) {
            return;
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        debug_assert!(connection.out.is_none(), "nothing is cut off");
        if connection.state.ended {
            return self.remove(slot);
        }
        if !connection.state.shut {
            connection.state.shut = true;
            if connection.socket.shutdown_write().is_err() {
                return self.remove(slot);
            }
            // What the peer sent before it learns of the end is read and thrown away.
            self.connections.resume_later(slot);
        }
    }

    /// Throws away what a closing connection still sends.
    pub(super) fn discard(&mut self, slot: u32, buffer: &mut [u8]) -> Progress {
        let Some(connection) = self.connections.get_mut(slot) else { return Progress::Stop };
        match connection.socket.read(buffer) {
            Ok(0) => {
                connection.state.ended = true;
                if connection.out.is_none() {
                    self.remove(slot);
                }
                Progress::Stop
            }
            Ok(_) => Progress::More,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Stop,
            Err(error) if error.kind() == ErrorKind::Interrupted => Progress::More,
            Err(_) => {
                self.remove(slot);
                Progress::Stop
            }
        }
    }

    /// Drops the connection and frees its slot.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(connection) = self.take_out(slot) {
            self.drop_connection(connection);
        }
    }

    /// Frees the slot; the connection that was in it is still alive.
    pub(super) fn take_out(&mut self, slot: u32) -> Option<Connection> {
        let connection = self.connections.take(slot);
        self.forget_refused(slot);
        self.leave_all(slot);
        self.wheel.cancel(slot);
        self.bucket.remove(slot);
        connection
    }

    /// Closes the socket.
    pub(super) fn drop_connection(&mut self, connection: Connection) {
        let visitor = connection.visitor.as_deref().copied();
        self.connections.close(connection);
        self.forget_connection(visitor);
    }

    /// A connection is no longer this gateway's.
    pub(super) fn forget_connection(&self, visitor: Option<Visitor>) {
        self.shared.entrance.leave(self.now, visitor);
    }

    /// Counts a session that got or lost the connection in its slot.
    pub(super) fn sessions_changed(&mut self, slot: u32, by: i64) {
        self.sessions = self.sessions.saturating_add_signed(by);
        let dialect = self.connections.get_mut(slot).and_then(|connection| connection.dialect);
        let counters = self.counters();
        counters.sessions.set(self.sessions);
        if let Some(sessions) = dialect.and_then(|dialect| counters.sessions_of(dialect)) {
            sessions.change(by);
        }
    }

    /// Whether the session had not ended before.
    fn end_session(&mut self, slot: u32, closed: &Closed) -> bool {
        let Some(member) = self.bucket.get_mut(slot) else { return false };
        if member.session.is_closing() {
            return false;
        }
        let was_parked = member.session.is_parked();
        let untold = member.session.untold();
        let was_open = member.session.close(self.now, &self.limits);
        let peer = member.peer.clone();
        self.counters().closed[closed.index()].add(1);
        tracing::debug!(session = %self.bucket.id(slot), reason = %closed, "closed");
        self.connections.end_input(slot);
        self.leave_all(slot);
        self.bucket.forget_user(slot);
        if let (true, Some(peer)) = (was_open, peer) {
            if was_parked {
                self.unpark();
            } else {
                self.sessions_changed(slot, -1);
            }
            self.shared.entrance.end_session();
            self.report_last_losses(slot, &peer, &untold);
            self.sink.disconnected(&peer, closed);
        }
        true
    }
}
