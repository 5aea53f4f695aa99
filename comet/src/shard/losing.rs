//! What sessions do not get, and who is told of it.
//!
//! Each delivery that is dropped is counted. A peer of the comet dialect is told before it gets
//! anything newer of the same kind; the router once for each stall: when what waited for the socket
//! has left, before the session is parked, when it has resumed, or before its end.
//!
//! Not here: acked deliveries of peers that acknowledge, whose gaps stand in their queues until
//! their turn comes (`delivering`).

use std::sync::Arc;

use comet_protocol::comet::GapReason;

use super::Shard;
use super::sink::Panicked;
use crate::Closed;
use crate::delivery::{Class, Delivery, Gap, Held};
use crate::identity::Peer;

impl Shard {
    /// A delivery without a number is dropped for a slow peer.
    pub(super) fn drop_item(&mut self, slot: u32, item: &Held) {
        self.drop_for(slot, item, GapReason::Slow);
    }

    pub(super) fn drop_for(&mut self, slot: u32, item: &Held, reason: GapReason) {
        if let Some(gap) = item.given_up(reason) {
            self.drop_unnumbered(slot, gap);
        }
    }

    /// A delivery without a number is dropped; a peer of the comet dialect will be told.
    pub(super) fn drop_unnumbered(&mut self, slot: u32, mut gap: Gap) {
        self.counters().deliveries_dropped.add(gap.count);
        if gap.class == Class::Acked {
            // This peer's dialect has no acks.
            gap.class = Class::BestEffort;
        }
        self.losses.add(slot, gap.clone());
        if let Some(conversation) = self.conversation_mut(slot) {
            conversation.drop_unnumbered(gap);
            // Nothing that is on its way would bring it along.
            self.say_unnumbered(slot);
        }
    }

    /// Gives up latest deliveries that wait, for want of memory. Whether there were any.
    pub(super) fn shed_latest(&mut self, slot: u32) -> bool {
        let latest = self.conversation_mut(slot).map(|conversation| conversation.latest.take());
        let latest = latest.unwrap_or_default();
        latest.iter().for_each(|held| self.drop_for(slot, held, GapReason::Memory));
        !latest.is_empty()
    }

    /// Says that a delivery will be missing, for want of memory, to everybody who was to get it.
    pub(super) fn lose_for_room(&mut self, room: u32, delivery: &Delivery) {
        let name = Arc::clone(self.bucket.room_name(room));
        let slots: Vec<u32> = self.bucket.members(room).iter().map(|place| place.slot).collect();
        slots.into_iter().for_each(|slot| self.lose_delivery(slot, delivery, Some(&name)));
    }

    /// Tells the router of sessions whose stalls are over.
    pub(super) fn report_losses(&mut self) {
        for slot in self.losses.take_due() {
            // Of who still waits it will hear later, and of a parked session when it is back.
            if self.backlog(slot) == Some(0) && self.report_loss(slot).is_err() {
                self.end(slot, &Closed::RouterPanicked);
            }
        }
    }

    /// Tells the router what a session did not get, if it has not heard of it.
    ///
    /// # Errors
    ///
    /// The router panicked.
    pub(super) fn report_loss(&mut self, slot: u32) -> Result<(), Panicked> {
        let peer = self.bucket.get(slot).and_then(|member| member.peer.clone());
        peer.map_or(Ok(()), |peer| self.report_loss_of(slot, &peer))
    }

    fn report_loss_of(&mut self, slot: u32, peer: &Peer) -> Result<(), Panicked> {
        let gaps = self.losses.take(slot);
        if !self.speaks_comet(slot) {
            self.counters().gaps.add(gaps.len() as u64);
        }
        gaps.iter().try_for_each(|gap| self.sink.gap(peer, gap))
    }

    /// Tells the router what a session that ends will never get: what was dropped, and gaps whose
    /// turn has not come.
    pub(super) fn report_last_losses(&mut self, slot: u32, peer: &Peer, untold: &[Gap]) {
        // The session has ended, so that a router that panics has nothing to be closed.
        let _ = self.report_loss_of(slot, peer);
        for gap in untold {
            self.counters().gaps.add(1);
            self.counters().deliveries_lost.add(gap.count);
            let _ = self.sink.gap(peer, gap);
        }
    }
}
