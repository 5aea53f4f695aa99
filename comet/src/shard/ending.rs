//! How sessions and connections end.
//!
//! A session ends at once and for one reason, which the router hears once. Its connection may stay
//! a little: to write what was queued, say goodbye, and see the peer close, so that no reset
//! destroys bytes on their way.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Shutdown};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shard;
use super::connection::Connection;
use crate::Closed;
use crate::time::Time;

/// A draining shard ends a share of its sessions each step, so that not all come back at once.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// Slots that were in use when it began, to be ended from the back.
    left: Vec<u32>,
    /// How many to end at each step.
    share: usize,
    next: Time,
    /// From when on it no longer matters whether a session waits for replies or acks.
    patience: Time,
    /// When what is left is dropped.
    deadline: Time,
}

/// What `read` is told about a connection that is closing.
pub(super) use super::input::Progress;

impl Shard {
    /// Ends the session for a reason, and its connection as soon as everything is written.
    pub(super) fn end(&mut self, slot: u32, closed: &Closed) {
        if self.end_session(slot, closed) {
            self.send_close(slot, closed.ws_code());
            self.rearm(slot);
            self.flush(slot);
        }
    }

    /// Ends the session, and drops the connection without another word.
    pub(super) fn abandon(&mut self, slot: u32, closed: &Closed) {
        self.end_session(slot, closed);
        self.remove(slot);
    }

    /// The connection broke.
    pub(super) fn lose(&mut self, slot: u32, kind: ErrorKind) {
        self.abandon(slot, &Closed::Lost(kind));
    }

    /// The peer sends no more.
    pub(super) fn end_of_input(&mut self, slot: u32) {
        if let Some(connection) = self.connection(slot) {
            connection.state.ended = true;
        }
        self.end(slot, &Closed::ByPeer);
    }

    /// Everything queued is written: a closing connection may go on to its end.
    pub(super) fn flushed(&mut self, slot: u32) {
        if !self.bucket.get(slot).is_some_and(|member| member.session.is_closing()) {
            return;
        }
        let Some(connection) = self.connection(slot) else { return };
        if connection.state.ended {
            return self.remove(slot);
        }
        if !connection.state.shut {
            connection.state.shut = true;
            if connection.socket.shutdown(Shutdown::Write).is_err() {
                return self.remove(slot);
            }
            // What the peer sent before it learns of the end is read and thrown away.
            self.resume_later(slot);
        }
    }

    /// Throws away what a closing connection still sends.
    pub(super) fn discard(&mut self, slot: u32, buffer: &mut [u8]) -> Progress {
        let Some(connection) = self.connection(slot) else { return Progress::Stop };
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
        let Some(connection) = self.take_out(slot) else { return };
        let counted = connection.counted.as_deref().copied();
        drop(connection);
        self.forget_connection(counted);
    }

    /// Takes the connection out of its slot, alive.
    pub(super) fn take_out(&mut self, slot: u32) -> Option<Connection> {
        let mut connection = self.connections.get_mut(slot as usize)?.take()?;
        if let Some(out) = connection.out.take() {
            self.pool.put(out);
        }
        self.leave_all(slot);
        self.wheel.cancel(slot);
        self.bucket.remove(slot);
        Some(connection)
    }

    /// A connection is no longer this gateway's.
    pub(super) fn forget_connection(&self, counted: Option<IpAddr>) {
        self.shared.open_connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = counted {
            self.shared.addresses.leave(self.now, address);
        }
    }

    pub(super) fn sessions_changed(&mut self, by: i64) {
        self.sessions = self.sessions.saturating_add_signed(by);
        self.counters().sessions.set(self.sessions);
    }

    /// Whether the session had not ended before.
    fn end_session(&mut self, slot: u32, closed: &Closed) -> bool {
        let Some(member) = self.bucket.get_mut(slot) else { return false };
        if member.session.is_closing() {
            return false;
        }
        let was_open = member.session.close(self.now, &self.limits);
        let peer = member.peer.clone();
        self.counters().closed[closed.index()].add(1);
        tracing::debug!(session = %self.bucket.id(slot), reason = %closed, "closed");
        if let Some(connection) = self.connection(slot) {
            connection.tail = None;
            connection.state.paused = false;
        }
        self.leave_all(slot);
        self.bucket.forget_user(slot);
        if let (true, Some(peer)) = (was_open, peer) {
            self.sessions_changed(-1);
            self.sink.disconnected(&peer, closed);
        }
        true
    }

    /// Takes no more connections and begins to end what is here.
    pub(super) fn begin_drain(&mut self, within: Duration) {
        if self.drain.is_some() {
            return;
        }
        for listener in std::mem::take(&mut self.listeners) {
            drop(listener);
        }
        let left: Vec<u32> = self.bucket.occupied().collect();
        let steps = (within / 2).as_millis() / DRAIN_STEP.as_millis();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).max(1);
        let share = left.len().div_ceil(steps).max(1);
        self.drain = Some(Drain {
            left,
            share,
            next: self.now,
            patience: self.now + within / 2,
            deadline: self.now + within,
        });
        self.drain_more();
    }

    /// Ends the next share of a drain under way.
    pub(super) fn drain_more(&mut self) {
        let Some(drain) = &mut self.drain else { return };
        if self.now >= drain.deadline {
            let rest: Vec<u32> = self.bucket.occupied().collect();
            return rest.into_iter().for_each(|slot| self.abandon(slot, &Closed::Draining));
        }
        if self.now < drain.next {
            return;
        }
        drain.next = self.now + DRAIN_STEP;
        let keep = drain.left.len().saturating_sub(drain.share);
        let mut share = drain.left.split_off(keep);
        if self.now < drain.patience {
            let settled = |slot: &u32| {
                self.bucket.get(*slot).is_none_or(|member| member.session.is_settled())
            };
            let (now, later): (Vec<u32>, Vec<u32>) = share.into_iter().partition(settled);
            share = now;
            drain.left.splice(0..0, later);
        }
        share.into_iter().for_each(|slot| self.end(slot, &Closed::Draining));
    }

    pub(super) fn drain_at(&self) -> Option<Time> {
        self.drain.as_ref().map(|drain| drain.next.min(drain.deadline))
    }

    pub(super) fn is_drained(&self) -> bool {
        self.drain.is_some() && self.bucket.len() == 0
    }
}
