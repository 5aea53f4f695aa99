//! Word to the router of deliveries that sessions did not get: once for each stall, when what
//! waited for the socket has left, before the session is parked, when it has resumed, or before
//! its end.

use super::super::endpoints::Endpoints;
use super::super::sink::Panicked;
use super::Lifecycle;
use crate::Closed;
use crate::delivery::Gap;
use crate::event::Event;
use crate::identity::Peer;

impl Lifecycle {
    /// Tells the router of sessions whose stalls are over.
    pub(in crate::shard) fn report_losses(&mut self, ep: &mut Endpoints) {
        for slot in ep.losses.take_due() {
            // A session whose output still waits is reported later, a parked one when it is back.
            if ep.connections.backlog(slot) == Some(0) && report(ep, slot).is_err() {
                self.end(ep, slot, &Closed::RouterPanicked);
            }
        }
    }
}

/// Reports deliveries that a session did not get and the router has not heard of.
///
/// # Errors
///
/// The router panicked.
pub(super) fn report(ep: &mut Endpoints, slot: u32) -> Result<(), Panicked> {
    let peer = ep.bucket.get(slot).and_then(|member| member.peer.clone());
    peer.map_or(Ok(()), |peer| report_of(ep, slot, &peer))
}

fn report_of(ep: &mut Endpoints, slot: u32, peer: &Peer) -> Result<(), Panicked> {
    let gaps = ep.losses.take(slot);
    if !ep.connections.abilities(slot).gaps {
        ep.cx.counters().gaps.add(gaps.len() as u64);
    }
    gaps.iter().try_for_each(|gap| ep.cx.sink.event(peer, Event::Lost(gap)))
}

/// Tells the router what a session that ends will never get: what was dropped, and gaps whose turn
/// has not come.
pub(super) fn report_last(ep: &mut Endpoints, slot: u32, peer: &Peer, untold: &[Gap]) {
    // The session has ended, so that a router that panics has nothing to be closed.
    let _ = report_of(ep, slot, peer);
    for gap in untold {
        ep.cx.counters().gaps.add(1);
        ep.cx.counters().deliveries_lost.add(gap.count);
        let _ = ep.cx.sink.event(peer, Event::Gap(gap));
    }
}
