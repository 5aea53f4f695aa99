//! What the clock brings to connections.

use std::time::Duration;

use comet_protocol::Dialect;
use comet_protocol::ws::Opcode;

use super::Shard;
use super::command::Told;
use super::connection::{ADOPTED, Connection};
use super::connections::ConnectionKey;
use crate::session::Timeout;
use crate::time::Time;
use crate::{Closed, SessionId};

impl Shard {
    /// Looks after every connection whose moment has come.
    pub(super) fn fire_timers(&mut self) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.advance(self.now, &mut fired);
        for slot in fired.drain(..) {
            self.fire(slot);
        }
        self.fired = fired;
        self.drain_more();
    }

    /// Sets the connection's timer to the next moment at which it wants attention.
    pub(super) fn rearm(&mut self, slot: u32) {
        let Some(member) = self.bucket.get(slot) else { return };
        let mut at = member.session.poll_timeout(self.now, &self.limits);
        if let Some(connection) = self.connections.get(slot)
            && connection.state.blocked
            && let Some(out) = &connection.out
        {
            at = at.min(out.progress() + self.shared.config.write_timeout);
        }
        let dues = [self.unfinished_due(slot), self.ping_due(slot)];
        if let Some(due) = dues.into_iter().flatten().min() {
            at = at.min(due);
        }
        self.wheel.arm(slot, at);
    }

    fn fire(&mut self, slot: u32) {
        let now = self.now;
        let connection = self.connections.get(slot);
        let blocked = connection.is_some_and(|connection| connection.state.blocked);
        let waits = connection.and_then(|connection| connection.out.as_ref());
        let stalled = waits
            .filter(|_| blocked)
            .is_some_and(|out| now.since(out.progress()) >= self.shared.config.write_timeout);
        if stalled {
            return self.abandon(slot, &Closed::Slow);
        }
        if self.unfinished_due(slot).is_some_and(|due| now >= due) {
            return self.end(slot, &Closed::Unfinished);
        }
        let Some(member) = self.bucket.get_mut(slot) else { return };
        match member.session.handle_timeout(now, blocked, &self.limits) {
            Timeout::Nothing => self.send_waiting(slot),
            Timeout::Resend => self.resend(slot),
            Timeout::Ping => self.ping(slot),
            Timeout::Close(closed) => return self.end(slot, &closed),
            Timeout::GiveUp => return self.remove(slot),
            Timeout::Expired => return self.expire(slot),
            Timeout::Release => return self.release_refused(slot),
        }
        if self.ping_due(slot).is_some_and(|due| due <= now) {
            self.ping(slot);
        }
        self.rearm(slot);
    }

    /// Puts off the end of a handshake: the router says that it needs longer to decide.
    pub(super) fn extend_handshake(&mut self, slot: u32, by: Duration) {
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.put_off_handshake(by);
            self.rearm(slot);
        }
    }

    /// Tells the router whether a peer still waits for its decision.
    pub(super) fn tell_awaited(&mut self, id: SessionId, serial: u32, then: Told) {
        // It is not read while it waits, so that only the event tells of its end.
        let is_there = |it: &mut Connection| !it.state.ending;
        let slot = self.bucket.find(id).filter(|&slot| {
            self.connections.find(ConnectionKey::new(slot, serial)).is_some_and(is_there)
        });
        let is_awaited = slot.and_then(|slot| self.bucket.get(slot)).is_some_and(|member| {
            member.session.is_renewing() || member.session.is_authenticating()
        });
        self.sink.answer(Box::new(move || then.0(is_awaited)));
    }

    fn resend(&mut self, slot: u32) {
        let now = self.now;
        self.shedding.holders.note(slot);
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some(again) = member.session.poll_resend(now, &self.limits)
        {
            self.counters().resends.add(1);
            self.send_item(slot, again.seq, &again.item);
        }
    }

    /// How often a peer is to be heard, and hears something itself. Where there are no pings of
    /// ours, often enough not to be idle.
    pub(super) fn heartbeat(&mut self, slot: u32) -> Duration {
        let listener =
            self.connections.get_mut(slot).map_or(ADOPTED, |connection| connection.listener);
        let interval = self.shared.intervals.of(listener);
        if interval.is_zero() { self.limits.ask_after } else { interval }
    }

    /// When an open session's peer is to be sent a ping, unless it is sent something before.
    fn ping_due(&self, slot: u32) -> Option<Time> {
        let connection = self.connections.get(slot)?;
        let is_open = self.bucket.get(slot)?.session.is_open();
        let interval = self.shared.intervals.of(connection.listener);
        (is_open && connection.takes_pings())
            .then(|| connection.last_write.ping_due(self.now, interval, slot))?
    }

    /// Comet peers answer pings, and the libraries of WebSocket peers do; others cannot be asked.
    fn ping(&mut self, slot: u32) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.state.blocked {
            // What waits is as good as a ping, and goes first.
            connection.last_write.note(now);
        } else if connection.dialect == Some(Dialect::Comet) {
            self.send_ping(slot);
        } else if connection.takes_pings() {
            self.send_control(slot, Opcode::Ping, &[]);
        }
    }
}
