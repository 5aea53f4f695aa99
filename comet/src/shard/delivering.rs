//! Deliveries to one session, by the rules of their class; and what is done about a session that
//! cannot keep up.

use std::rc::Rc;
use std::sync::Arc;

use comet_protocol::Dialect;
use comet_protocol::comet::limits::KEY;
use comet_protocol::comet::{GapReason, Seq};

use super::Shard;
use crate::Closed;
use crate::budget::Pressure;
use crate::config::Overflow;
use crate::delivery::{Class, Delivery, Gap, Held, Item};
use crate::session::{Conversation, Wait};

impl Shard {
    /// Keeps a delivery for as long as somebody needs it. It comes back if there is no memory for
    /// it, though others were asked to give some up.
    pub(super) fn hold(
        &mut self,
        delivery: Delivery,
        room: Option<&Arc<str>>,
    ) -> Result<Rc<Held>, Delivery> {
        if self.account.pressure() == Pressure::Critical {
            // What is to be done with it takes memory, too.
            self.shed_if_short();
        }
        Held::delivery(&self.account, delivery, room).or_else(|delivery| {
            // What only waits for the end of the turn is nobody's fault.
            self.flush_dirty();
            self.shed_if_short();
            Held::delivery(&self.account, delivery, room)
        })
    }

    /// Delivers to one session.
    pub(super) fn deliver(&mut self, slot: u32, item: &Rc<Held>) {
        let Some(delivery) = item.as_delivery() else { return };
        let Some(member) = self.bucket.get(slot) else { return };
        if !member.session.is_alive() {
            return;
        }
        let connection = self.connections.get(slot);
        let has_acks = match connection {
            Some(connection) => connection.dialect.is_some_and(Dialect::has_acks),
            // Only sessions whose peers acknowledge are parked.
            None => true,
        };
        match delivery.class {
            Class::Acked if has_acks => self.deliver_acked(slot, item),
            Class::Latest if self.takes_latest(slot) => self.deliver_latest(slot, item),
            _ => self.deliver_once(slot, item),
        }
    }

    fn deliver_acked(&mut self, slot: u32, item: &Rc<Held>) {
        let (now, limits) = (self.now, &self.limits);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        let session = &mut member.session;
        let pushed = session.push(now, &self.account, std::slice::from_ref(item), limits);
        if pushed.is_sooner {
            let due = session.poll_timeout(now, limits);
            self.wheel.arm_by(slot, due);
        }
        if pushed.count > 0 {
            self.counters().deliveries.add(1);
            return self.send_item(slot, pushed.first, item);
        }
        self.shedding.holders.note(slot);
        match session.wait(&self.account, item, None, limits) {
            Wait::Queued => self.counters().deliveries.add(1),
            Wait::Lost => self.send_waiting(slot),
            Wait::Fallen => self.fall_behind(slot),
            Wait::Full => {
                self.fall_behind(slot);
                self.keep_or_lose(slot, item);
            }
            Wait::Broken => self.end_for_good(slot, &Closed::Shed),
        }
    }

    /// What found no room in the queue of a session that is parked for it.
    fn keep_or_lose(&mut self, slot: u32, item: &Rc<Held>) {
        let Some(member) = self.bucket.get_mut(slot) else { return };
        if !member.session.is_parked() {
            return;
        }
        if let Wait::Broken = member.session.wait(&self.account, item, None, &self.limits) {
            self.end_for_good(slot, &Closed::Shed);
        }
    }

    /// A session cannot keep up: it parks or ends, as the policy says.
    pub(super) fn fall_behind(&mut self, slot: u32) {
        let Some(member) = self.bucket.get(slot) else { return };
        match member.session.overflow(&self.limits) {
            Overflow::Park => self.end(slot, &Closed::Slow),
            Overflow::Close => self.end_for_good(slot, &Closed::Slow),
            // It is told what it misses, and goes on.
            Overflow::DropOldest => self.send_waiting(slot),
        }
    }

    fn deliver_latest(&mut self, slot: u32, item: &Rc<Held>) {
        if self.is_too_long(slot, item.len() + KEY) {
            return self.drop_for(slot, item, GapReason::TooLarge);
        }
        let (backlog, limit) = (self.backlog(slot), self.limits.latest_keys);
        let Some(conversation) = self.conversation_mut(slot) else { return };
        if backlog == Some(0) && !conversation.has_to_say() {
            self.counters().deliveries.add(1);
            return self.send_delivery(slot, 0, item);
        }
        if let Some(forgotten) = conversation.latest.put(item, limit) {
            self.drop_item(slot, &forgotten);
        }
        self.say_unnumbered(slot);
    }

    fn deliver_once(&mut self, slot: u32, item: &Rc<Held>) {
        if self.is_too_long(slot, item.len()) {
            return self.drop_for(slot, item, GapReason::TooLarge);
        }
        match self.backlog(slot) {
            Some(backlog) if !self.is_too_far_behind(backlog) => {
                self.say_gap_unnumbered(slot);
                self.counters().deliveries.add(1);
                self.send_delivery(slot, 0, item);
            }
            _ => self.drop_item(slot, item),
        }
    }

    /// Whether best-effort deliveries are dropped for a peer for whose socket so much waits. While
    /// memory is short it may be no more than what everybody could have of what is left before
    /// others must give something up: who made it short is not to cost the others anything.
    pub(super) fn is_too_far_behind(&self, backlog: usize) -> bool {
        let is_short = || self.account.pressure() >= Pressure::High;
        backlog > self.shared.config.write_bytes
            || (backlog > 0 && is_short() && backlog as u64 > self.fair_backlog())
    }

    fn fair_backlog(&self) -> u64 {
        // From twelve sixteenths, where memory begins to be short, to fifteen, where it is gone.
        self.account.share(3) as u64 / self.sessions.max(1)
    }

    /// Whether the peer has said that it takes no body of this length.
    pub(super) fn is_too_long(&self, slot: u32, len: usize) -> bool {
        let conversation = self.bucket.get(slot).and_then(|it| it.session.conversation());
        conversation.is_some_and(|conversation| conversation.is_too_long(len))
    }

    /// Whether the session has no connection.
    pub(super) fn is_parked(&self, slot: u32) -> bool {
        self.bucket.get(slot).is_some_and(|member| member.session.is_parked())
    }

    /// Says that a delivery will be missing, for want of memory.
    pub(super) fn lose_delivery(
        &mut self,
        slot: u32,
        delivery: &Delivery,
        room: Option<&Arc<str>>,
    ) {
        let Some(member) = self.bucket.get_mut(slot) else { return };
        if !member.session.is_alive() {
            return;
        }
        let gap = Gap::of(delivery, room, GapReason::Memory);
        if delivery.class != Class::Acked {
            return self.drop_unnumbered(slot, gap);
        }
        match member.session.say_lost(&self.account, delivery.lane, &gap) {
            Wait::Broken => self.end_for_good(slot, &Closed::Shed),
            _ => self.send_waiting(slot),
        }
    }

    /// Sends what waited for room in the window, and what a new connection is to get again.
    pub(super) fn send_waiting(&mut self, slot: u32) {
        let now = self.now;
        if !self.bucket.get(slot).is_some_and(|member| member.session.has_to_send()) {
            return;
        }
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some(next) = member.session.poll_transmit(now, &self.limits)
        {
            let due = member.session.poll_timeout(now, &self.limits);
            self.wheel.arm_by(slot, due);
            if !next.seq.is_none() {
                self.send_item(slot, next.seq, &next.item);
            }
            if let (true, Item::Gap(gap)) = (next.is_new, &next.item.item) {
                self.counters().gaps.add(1);
                self.counters().deliveries_lost.add(gap.count);
                let peer = self.bucket.get(slot).and_then(|member| member.peer.clone());
                if peer.is_some_and(|peer| self.sink.gap(&peer, gap).is_err()) {
                    return self.end(slot, &Closed::RouterPanicked);
                }
            }
        }
        if let Some(member) = self.bucket.get(slot)
            && member.session.is_stuck()
        {
            let again = member.session.poll_timeout(now, &self.limits);
            self.wheel.arm_by(slot, again);
        }
    }

    /// Queues what stands under a number.
    pub(super) fn send_item(&mut self, slot: u32, seq: Seq, item: &Rc<Held>) {
        match &item.item {
            Item::Delivery(_) => self.send_delivery(slot, seq.get(), item),
            Item::Gap(gap) => self.send_gap(slot, seq, gap),
        }
    }

    /// Sends what a peer of the comet dialect missed without numbers, once its socket is empty.
    pub(super) fn say_unnumbered(&mut self, slot: u32) {
        let has = |it: &mut Conversation| it.has_to_say();
        if !self.conversation_mut(slot).is_some_and(has) || self.backlog(slot) != Some(0) {
            return;
        }
        self.say_gap_unnumbered(slot);
        let latest = self.conversation_mut(slot).map(|conversation| conversation.latest.take());
        for item in latest.iter().flatten() {
            self.counters().deliveries.add(1);
            self.send_delivery(slot, 0, item);
        }
    }

    fn say_gap_unnumbered(&mut self, slot: u32) {
        let gap = self.conversation_mut(slot).and_then(|it| it.unnumbered.take());
        if let Some(gap) = gap {
            self.counters().gaps.add(1);
            self.send_gap(slot, Seq::NONE, &gap);
        }
    }

    /// Whether the peer understands latest deliveries.
    pub(super) fn takes_latest(&self, slot: u32) -> bool {
        let conversation = self.bucket.get(slot).and_then(|it| it.session.conversation());
        conversation.is_some_and(|conversation| conversation.takes_latest)
    }

    /// What a session of the comet dialect has beyond others.
    pub(super) fn conversation_mut(&mut self, slot: u32) -> Option<&mut Conversation> {
        self.bucket.get_mut(slot)?.session.conversation_mut()
    }

    /// Bytes that wait for the socket; `None` if there is no connection.
    pub(super) fn backlog(&self, slot: u32) -> Option<usize> {
        let connection = self.connections.get(slot)?;
        Some(connection.backlog())
    }
}
