//! Deliveries to one session, by the rules of their class.

use std::rc::Rc;
use std::sync::Arc;

use comet_protocol::comet::limits::KEY;
use comet_protocol::comet::{GapReason, Seq};

use super::super::connections::outgoing_lane;
use super::lanes::{deliver_datagram, way_of};
use super::{Effect, Endpoints};
use crate::Closed;
use crate::bucket::Bucket;
use crate::budget::Pressure;
use crate::delivery::{Class, Delivery, Gap, Held, Item};
use crate::event::Event;
use crate::session::{CometState, Wait};

impl Endpoints {
    /// Delivers to one session.
    pub(in crate::shard) fn deliver(&mut self, slot: u32, item: &Rc<Held>) {
        let Some(delivery) = item.as_delivery() else { return };
        let Some(member) = self.bucket.get(slot) else { return };
        if !member.session.state().is_alive() {
            return;
        }
        let connection = self.connections.get(slot);
        let has_acks = match connection {
            Some(connection) => connection.dialect.is_some_and(|it| it.abilities().has_acks()),
            // Only sessions whose peers acknowledge are parked.
            None => true,
        };
        if delivery.datagram && deliver_datagram(self, slot, item) {
            return;
        }
        match delivery.class {
            Class::Acked if has_acks => self.deliver_acked(slot, item),
            Class::Latest if takes_latest(&self.bucket, slot) => self.deliver_latest(slot, item),
            Class::Acked | Class::Latest if !delivery.falls_back => {}
            _ => self.deliver_once(slot, item),
        }
    }

    fn deliver_acked(&mut self, slot: u32, item: &Rc<Held>) {
        let (now, limits) = (self.cx.now, &self.cx.limits);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        let session = &mut member.session;
        let pushed = session.push(now, &self.account, std::slice::from_ref(item), limits);
        if let Some(due) = pushed.due {
            self.wheel.arm_by(slot, due);
        }
        if pushed.count > 0 {
            self.cx.counters().deliveries.add(1);
            return self.send_item(slot, pushed.first, item);
        }
        self.holders.note(slot);
        // The timer of a parked session is set for its end.
        if session.state().is_parked()
            && let Some(by) = limits.overdue_by(now)
        {
            self.wheel.arm_by(slot, by);
        }
        match session.wait(&self.account, item, None, limits) {
            Wait::Queued => self.cx.counters().deliveries.add(1),
            Wait::Lost => self.send_waiting(slot),
            Wait::Fallen => self.effect(slot, Effect::FallBehind),
            Wait::Full => self.effect(slot, Effect::Full(Rc::clone(item))),
            Wait::Broken => self.effect(slot, Effect::EndForGood(Closed::Shed)),
        }
    }

    fn deliver_latest(&mut self, slot: u32, item: &Rc<Held>) {
        if self.bucket.comet_state(slot).is_some_and(|it| it.is_too_long(item.len() + KEY)) {
            return self.drop_for(slot, item, GapReason::TooLarge);
        }
        let (backlog, limit) = (self.connections.backlog(slot), self.cx.limits.latest_keys);
        let Some(comet_state) = self.bucket.comet_state_mut(slot) else { return };
        if backlog == Some(0) && !comet_state.has_to_say() {
            self.cx.counters().deliveries.add(1);
            return self.send_item(slot, Seq::NONE, item);
        }
        if let Some(forgotten) = comet_state.latest.put(item, limit) {
            self.drop_item(slot, &forgotten);
        }
        self.send_unnumbered(slot);
    }

    fn deliver_once(&mut self, slot: u32, item: &Rc<Held>) {
        if self.bucket.comet_state(slot).is_some_and(|it| it.is_too_long(item.len())) {
            return self.drop_for(slot, item, GapReason::TooLarge);
        }
        match self.connections.backlog(slot) {
            Some(backlog) if !self.is_too_far_behind(backlog) => {
                self.send_unnumbered_gap(slot);
                self.cx.counters().deliveries.add(1);
                self.send_item(slot, Seq::NONE, item);
            }
            _ => self.drop_item(slot, item),
        }
    }

    /// Whether best-effort deliveries are dropped for a peer with this backlog. While memory is
    /// short the limit is a fair share of the memory that is left before sessions must give some
    /// up, so that those which made it short do not cost the others anything.
    pub(in crate::shard) fn is_too_far_behind(&self, backlog: usize) -> bool {
        let is_short = || self.account.pressure() >= Pressure::High;
        // From twelve sixteenths, where memory begins to be short, to fifteen, where it is gone.
        let fair = || self.account.share(3) as u64 / self.population.open.max(1);
        backlog > self.cx.shared.config.memory.write_bytes
            || (backlog > 0 && is_short() && backlog as u64 > fair())
    }

    /// Says that a delivery will be missing, for want of memory.
    pub(in crate::shard) fn lose_delivery(
        &mut self,
        slot: u32,
        delivery: &Delivery,
        room: Option<&Arc<str>>,
    ) {
        let Some(member) = self.bucket.get(slot) else { return };
        if !member.session.state().is_alive() {
            return;
        }
        let is_latest = delivery.class == Class::Latest;
        if is_latest && !delivery.falls_back && !takes_latest(&self.bucket, slot) {
            return;
        }
        let gap = Gap::of(delivery, room, GapReason::Memory);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        if delivery.class != Class::Acked {
            return self.drop_unnumbered(slot, gap);
        }
        match member.session.say_lost(&self.account, delivery.lane, &gap) {
            Wait::Broken => self.effect(slot, Effect::EndForGood(Closed::Shed)),
            _ => self.send_waiting(slot),
        }
    }

    /// Sends deliveries that waited for room in the window, and those due again on a new
    /// connection.
    pub(in crate::shard) fn send_waiting(&mut self, slot: u32) {
        let now = self.cx.now;
        if !self.bucket.get(slot).is_some_and(|member| member.session.owed().has_to_send()) {
            return;
        }
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some(next) = member.session.poll_transmit(now, &self.cx.limits)
        {
            let due = member.session.poll_timeout(now, &self.cx.limits);
            self.wheel.arm_by(slot, due);
            if !next.seq.is_none() {
                self.send_item(slot, next.seq, &next.item);
            }
            if let (true, Item::Gap(gap)) = (next.is_new, &next.item.item) {
                self.cx.counters().gaps.add(1);
                self.cx.counters().deliveries_lost.add(gap.count);
                let peer = self.bucket.get(slot).and_then(|member| member.peer.clone());
                if peer.is_some_and(|peer| self.cx.sink.event(&peer, Event::Gap(gap)).is_err()) {
                    return self.effect(slot, Effect::End(Closed::RouterPanicked));
                }
            }
        }
        if let Some(member) = self.bucket.get(slot)
            && member.session.state().is_open()
            && member.session.owed().is_stuck()
        {
            let again = member.session.poll_timeout(now, &self.cx.limits);
            self.wheel.arm_by(slot, again);
        }
    }

    /// Queues a delivery or a gap under its number, if it has one.
    pub(in crate::shard) fn send_item(&mut self, slot: u32, seq: Seq, item: &Rc<Held>) {
        let is_latest = item.as_delivery().is_some_and(|it| it.class == Class::Latest);
        let takes_latest = is_latest && takes_latest(&self.bucket, slot);
        let (seq, lane) = way_of(self, slot, seq, item);
        let out = match lane {
            None => self.out(slot),
            Some(lane) => outgoing_lane(&mut self.connections, slot, self.cx.now, lane),
        };
        if let Some(mut out) = out {
            out.item(seq, item, takes_latest);
        }
    }

    /// Sends the gap and the latest values that wait without numbers, once the socket is empty.
    pub(in crate::shard) fn send_unnumbered(&mut self, slot: u32) {
        let has = |it: &mut CometState| it.has_to_say();
        if !self.bucket.comet_state_mut(slot).is_some_and(has)
            || self.connections.backlog(slot) != Some(0)
        {
            return;
        }
        self.send_unnumbered_gap(slot);
        let latest = self.bucket.comet_state_mut(slot).map(|comet_state| comet_state.latest.take());
        for item in latest.iter().flatten() {
            self.cx.counters().deliveries.add(1);
            self.send_item(slot, Seq::NONE, item);
        }
    }

    fn send_unnumbered_gap(&mut self, slot: u32) {
        let gap = self.bucket.comet_state_mut(slot).and_then(|it| it.unnumbered.take());
        if let Some(gap) = gap {
            self.cx.counters().gaps.add(1);
            if let Some(mut out) = self.out(slot) {
                out.gap(Seq::NONE, &gap);
            }
        }
    }
}

/// Whether a peer understands latest deliveries.
fn takes_latest(bucket: &Bucket, slot: u32) -> bool {
    bucket.comet_state(slot).is_some_and(|comet_state| comet_state.takes_latest)
}
