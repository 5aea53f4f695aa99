//! Timers of sessions and connections.

use super::Sessions;
use crate::Closed;
use crate::session::Timeout;

impl Sessions {
    /// Looks after the slots whose deadline may have passed.
    pub(in crate::shard) fn fire_timers(&mut self) {
        let ep = &mut self.endpoints;
        let mut fired = std::mem::take(&mut ep.fired);
        ep.wheel.advance(ep.cx.now, &mut fired);
        for slot in fired.drain(..) {
            self.fire(slot);
            self.carry_out_effects();
        }
        self.endpoints.fired = fired;
    }

    fn fire(&mut self, slot: u32) {
        let ep = &mut self.endpoints;
        let now = ep.cx.now;
        let connection = ep.connections.get(slot);
        let blocked = connection.is_some_and(|connection| connection.state.blocked);
        let patience = ep.cx.shared.config.io.write_timeout;
        let waits = connection.and_then(|connection| connection.out.as_ref());
        let stalled =
            waits.filter(|_| blocked).is_some_and(|out| now.since(out.progress()) >= patience);
        let lanes_due = connection.and_then(|connection| connection.lanes_due(patience));
        if stalled || lanes_due.is_some_and(|due| due <= now) {
            return self.abandon(slot, &Closed::Slow);
        }
        if ep.unfinished_due(slot).is_some_and(|due| now >= due) {
            return self.end(slot, &Closed::Unfinished);
        }
        if let Err(closed) = ep.report_overdue(slot) {
            return self.end(slot, &closed);
        }
        let ep = &mut self.endpoints;
        let Some(member) = ep.bucket.get_mut(slot) else { return };
        let blocked = blocked || lanes_due.is_some();
        match member.session.handle_timeout(now, blocked, &ep.cx.limits) {
            Timeout::Nothing => ep.send_waiting(slot),
            Timeout::Resend => self.resend(slot),
            Timeout::Ping => self.ping(slot),
            Timeout::Close(closed) => return self.end(slot, &closed),
            Timeout::GiveUp => return self.remove(slot),
            Timeout::Unclaimed => return self.lifecycle.expire(&mut self.endpoints, slot),
            Timeout::Release => return self.lifecycle.release_refused(&mut self.endpoints, slot),
        }
        if self.endpoints.ping_due(slot).is_some_and(|due| due <= now) {
            self.ping(slot);
        }
        self.endpoints.rearm(slot);
    }

    fn resend(&mut self, slot: u32) {
        let ep = &mut self.endpoints;
        let now = ep.cx.now;
        ep.holders.note(slot);
        while let Some(member) = ep.bucket.get_mut(slot)
            && let Some(again) = member.session.owed_mut().poll_resend(now, &ep.cx.limits.window)
        {
            ep.cx.counters().resends.add(1);
            ep.send_item(slot, again.seq, &again.item);
        }
    }

    /// Comet peers answer pings, and the libraries of WebSocket peers do; others cannot be asked.
    fn ping(&mut self, slot: u32) {
        let ep = &mut self.endpoints;
        let now = ep.cx.now;
        let Some(connection) = ep.connections.get(slot) else { return };
        if connection.state.blocked {
            // What waits is as good as a ping, and goes first.
            return connection.last_write.note(now);
        }
        if !connection.takes_pings() {
            return;
        }
        if let Some(comet_state) = ep.bucket.comet_state_mut(slot) {
            comet_state.pinged = Some(now);
        }
        if let Some(mut out) = ep.out(slot) {
            out.ping(now);
        }
    }
}
