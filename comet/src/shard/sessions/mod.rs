//! Sessions of a shard: the endpoints, their lifecycle, and memory that runs short.
//!
//! The parts below note [effects](super::effect); here they are carried out. The parts above
//! (`admission`, `reader`, `publisher`, the shard itself) end sessions through here.

mod timers;

use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;

use super::connections::ConnectionKey;
use super::effect::Effect;
use super::endpoints::Endpoints;
use super::lifecycle::Lifecycle;
use super::pressure::Shedding;
use crate::Closed;
use crate::budget::Pressure;
use crate::config::Overflow;
use crate::delivery::{Delivery, Held};
use crate::session::Wait;

/// Endpoints, and all that can happen to them.
pub(super) struct Sessions {
    pub(super) endpoints: Endpoints,
    pub(super) lifecycle: Lifecycle,
    shedding: Shedding,
}

impl Sessions {
    pub(super) fn new(endpoints: Endpoints) -> Self {
        let lifecycle = Lifecycle::new(&endpoints.cx);
        Self { endpoints, lifecycle, shedding: Shedding::default() }
    }

    /// Whether effects wait to be carried out.
    #[inline]
    pub(super) fn has_effects(&self) -> bool {
        !self.endpoints.effects.is_empty()
    }

    /// Carries out the effects that were noted, and those that they have in turn.
    #[inline]
    pub(super) fn carry_out_effects(&mut self) {
        if self.has_effects() {
            self.carry_out_all();
        }
    }

    #[cold]
    fn carry_out_all(&mut self) {
        while let Some((session, effect)) = self.endpoints.effects.next() {
            if let Some(slot) = self.endpoints.bucket.find(session) {
                self.carry_out(slot, effect);
            }
        }
    }

    fn carry_out(&mut self, slot: u32, effect: Effect) {
        match effect {
            Effect::End(closed) => self.end(slot, &closed),
            Effect::EndForGood(closed) => self.end_for_good(slot, &closed),
            // The session may have got another connection since, or have been parked.
            Effect::Lost { key, .. } if !self.endpoints.connections.has(key) => {}
            Effect::Lost { kind: ErrorKind::OutOfMemory, .. } | Effect::OutOfMemory => {
                self.run_out_of_memory(slot);
            }
            Effect::Lost { kind, .. } => self.abandon(slot, &Closed::Lost(kind)),
            Effect::NoRoom(key) => self.make_room_for(key),
            Effect::FallBehind => self.fall_behind(slot),
            Effect::Full(item) => {
                self.fall_behind(slot);
                self.keep_or_lose(slot, &item);
            }
            Effect::HandOver(to) => {
                let (handler, read) = *to;
                self.lifecycle.hand_to_http(&mut self.endpoints, slot, &handler, read);
            }
            Effect::Flushed => self.lifecycle.flushed(&mut self.endpoints, slot),
        }
    }

    /// Ends or parks the session, and ends its connection as soon as everything is written.
    pub(super) fn end(&mut self, slot: u32, closed: &Closed) {
        self.lifecycle.end(&mut self.endpoints, slot, closed);
    }

    /// The same, also where the session could be parked: something promised to it is lost.
    pub(super) fn end_for_good(&mut self, slot: u32, closed: &Closed) {
        self.lifecycle.end_for_good(&mut self.endpoints, slot, closed);
    }

    /// Ends or parks the session, and drops the connection without another word.
    pub(super) fn abandon(&mut self, slot: u32, closed: &Closed) {
        self.lifecycle.abandon(&mut self.endpoints, slot, closed);
    }

    /// Drops the connection and frees its slot.
    pub(super) fn remove(&mut self, slot: u32) {
        self.lifecycle.remove(&mut self.endpoints, slot);
    }

    /// A session cannot keep up: it parks or ends, as the policy says, unless it is parked already.
    pub(super) fn fall_behind(&mut self, slot: u32) {
        let Some(member) = self.endpoints.bucket.get(slot) else { return };
        if member.session.state().is_parked() {
            return;
        }
        match member.session.overflow(&self.endpoints.cx.limits) {
            Overflow::Park => self.end(slot, &Closed::Slow),
            Overflow::Close => self.end_for_good(slot, &Closed::Slow),
            // It is told what it misses, and goes on.
            Overflow::DropOldest => self.endpoints.send_waiting(slot),
        }
    }

    /// A delivery that found no room in the queue of a session, which is parked for it by now.
    fn keep_or_lose(&mut self, slot: u32, item: &Rc<Held>) {
        let ep = &mut self.endpoints;
        let Some(member) = ep.bucket.get_mut(slot) else { return };
        if !member.session.state().is_parked() {
            return;
        }
        if let Wait::Broken = member.session.wait(&ep.account, item, None, &ep.cx.limits) {
            self.end_for_good(slot, &Closed::Shed);
        }
    }

    /// Writes all output queued in the turn, and carries out the effects.
    pub(super) fn flush(&mut self) {
        self.endpoints.flush_dirty();
        while self.has_effects() {
            // The end of a session may queue a close frame.
            self.carry_out_effects();
            self.endpoints.flush_dirty();
        }
    }

    /// Keeps a delivery for as long as a session needs it.
    ///
    /// # Errors
    ///
    /// There is no memory for it by now: some has to be [given up](Self::give_up_memory).
    pub(super) fn hold(
        &self,
        delivery: Delivery,
        room: Option<&Arc<str>>,
    ) -> Result<Rc<Held>, Delivery> {
        Held::delivery(self.endpoints.cx.now, &self.endpoints.account, delivery, room)
    }

    /// Whether so little memory is left that some should be given up before more is kept.
    pub(super) fn is_critical(&self) -> bool {
        self.endpoints.account.pressure() == Pressure::Critical
    }

    /// Has sessions give up memory, if it is short.
    pub(super) fn give_up_memory(&mut self) {
        self.shedding.shed_if_short(&mut self.endpoints, &mut self.lifecycle);
        self.carry_out_effects();
    }

    /// Whether a newcomer cannot be let in: memory is gone, and no stalled session could give way.
    pub(super) fn has_no_room(&mut self) -> bool {
        self.shedding.has_no_room(&mut self.endpoints, &mut self.lifecycle)
    }

    /// Another shard is short of memory: sessions to give way are looked for when the turn ends.
    pub(super) fn relieve_others(&mut self) {
        self.shedding.ask();
    }

    /// Tells the router of sessions whose stalls are over.
    pub(super) fn report_losses(&mut self) {
        self.lifecycle.report_losses(&mut self.endpoints);
        self.carry_out_effects();
    }

    /// Has others give way for input that waits, or ends its connection.
    fn make_room_for(&mut self, key: ConnectionKey) {
        let (ep, life) = (&mut self.endpoints, &mut self.lifecycle);
        let fits = |ep: &mut Endpoints| ep.connections.charge_tail(key).is_ok();
        if !fits(ep) && !self.shedding.make_room_for(ep, life, key.slot(), fits) {
            self.run_out_of_memory(key.slot());
        }
    }

    fn run_out_of_memory(&mut self, slot: u32) {
        self.shedding.run_out_of_memory(&mut self.endpoints, &mut self.lifecycle, slot);
    }
}
