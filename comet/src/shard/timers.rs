//! What the clock brings to connections.

use comet_protocol::ws::Opcode;

use super::Shard;
use super::connection::Transport;
use crate::Closed;
use crate::session::Timeout;

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
        if let Some(connection) = self.connections.get(slot as usize).and_then(Option::as_ref)
            && connection.state.blocked
            && let Some(out) = &connection.out
        {
            at = at.min(out.progress() + self.shared.config.write_timeout);
        }
        if let Some(due) = self.unfinished_due(slot) {
            at = at.min(due);
        }
        self.wheel.arm(slot, at);
    }

    fn fire(&mut self, slot: u32) {
        let now = self.now;
        let connection = self.connections.get(slot as usize).and_then(Option::as_ref);
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
        }
        self.rearm(slot);
    }

    fn resend(&mut self, slot: u32) {
        let now = self.now;
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some(again) = member.session.poll_resend(now, &self.limits)
        {
            self.counters().resends.add(1);
            self.send_item(slot, again.seq, &again.item);
        }
    }

    /// Comet peers answer pings, and the libraries of WebSocket peers do; others cannot be asked.
    fn ping(&mut self, slot: u32) {
        if self.speaks_comet(slot) {
            return self.send_ping(slot);
        }
        let transport = self.connection(slot).map(|connection| &connection.transport);
        if matches!(transport, Some(Transport::WebSocket(_))) {
            self.send_control(slot, Opcode::Ping, &[]);
        }
    }
}
