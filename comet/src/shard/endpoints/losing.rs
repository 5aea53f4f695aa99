//! Deliveries that sessions do not get.
//!
//! Each is counted. A peer of the comet dialect is told before it gets anything newer of the same
//! kind; the router once for each stall (`lifecycle::losses`).
//!
//! Not here: acked deliveries of peers that acknowledge, whose gaps stand in their queues until
//! their turn comes (`delivering`).

use comet_protocol::comet::GapReason;

use super::Endpoints;
use crate::delivery::{Class, Gap, Held};

impl Endpoints {
    /// A delivery without a number is dropped for a slow peer.
    pub(in crate::shard) fn drop_item(&mut self, slot: u32, item: &Held) {
        self.drop_for(slot, item, GapReason::Slow);
    }

    pub(in crate::shard) fn drop_for(&mut self, slot: u32, item: &Held, reason: GapReason) {
        if let Some(gap) = item.given_up(reason) {
            self.drop_unnumbered(slot, gap);
        }
    }

    /// A delivery without a number is dropped; a peer of the comet dialect will be told.
    pub(in crate::shard) fn drop_unnumbered(&mut self, slot: u32, mut gap: Gap) {
        self.cx.counters().deliveries_dropped.add(gap.count);
        if gap.class == Class::Acked {
            // This peer's dialect has no acks.
            gap.class = Class::BestEffort;
        }
        self.losses.add(slot, gap.clone());
        if let Some(comet_state) = self.bucket.comet_state_mut(slot) {
            comet_state.drop_unnumbered(gap);
            // Nothing that is on its way would bring it along.
            self.send_unnumbered(slot);
        }
    }

    /// Gives up latest deliveries that wait, for want of memory. Whether there were any.
    pub(in crate::shard) fn shed_latest(&mut self, slot: u32) -> bool {
        let latest = self.bucket.comet_state_mut(slot).map(|comet_state| comet_state.latest.take());
        let latest = latest.unwrap_or_default();
        latest.iter().for_each(|held| self.drop_for(slot, held, GapReason::Memory));
        !latest.is_empty()
    }
}
