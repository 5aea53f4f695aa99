//! Deliveries beside the stream of a session: on lanes, and as datagrams.
//!
//! Not here: the queues of lanes (`connections/lanes`).

use std::rc::Rc;

use bytes::Bytes;
use comet_protocol::codec;
use comet_protocol::comet::Seq;
use comet_protocol::{Dialect, Framing};

use super::super::connections::{has_lane_news, take_lane_news};
use super::Endpoints;
use crate::delivery::{Class, Delivery, Held, Kind, Lane};

/// Begins the ways beside the stream of a connection that its peer and its transport have. With
/// `in_order` there are no lanes.
pub(in crate::shard) fn begin(ep: &mut Endpoints, slot: u32, in_order: bool) {
    let Some(connection) = ep.connections.get_mut(slot) else { return };
    if let Some(comet_state) = ep.bucket.comet_state_mut(slot) {
        comet_state.ways.begin(connection.transport.beside(), in_order);
    }
}

/// Whether the acked deliveries of a session leave on lanes.
#[inline]
pub(in crate::shard) fn has_lanes(ep: &Endpoints, slot: u32) -> bool {
    ep.bucket.comet_state(slot).is_some_and(|comet_state| comet_state.ways.has_lanes())
}

/// The lane on which an item leaves, none for the stream of the session; and its number, or its
/// count if it has none.
#[inline]
pub(super) fn way_of(ep: &mut Endpoints, slot: u32, seq: Seq, item: &Held) -> (Seq, Option<Lane>) {
    let Some(comet_state) = ep.bucket.comet_state_mut(slot) else { return (seq, None) };
    if seq.is_none() {
        return (comet_state.count(), None);
    }
    (seq, comet_state.ways.has_lanes().then(|| item.lane()))
}

/// Sends a delivery as a datagram; `false` if it has to go another way.
pub(super) fn deliver_datagram(ep: &mut Endpoints, slot: u32, item: &Rc<Held>) -> bool {
    let Some(delivery) = item.as_delivery() else { return false };
    let Some(comet_state) = ep.bucket.comet_state_mut(slot) else { return false };
    let prefix = delivery.key.as_ref().map_or(0, |key| key.len() + 1);
    if !comet_state.ways.counts() || comet_state.is_too_long(item.len() + prefix) {
        return false;
    }
    let class = match delivery.class {
        Class::Acked => return false,
        Class::Latest if !comet_state.takes_latest && !delivery.falls_back => return false,
        Class::Latest if !comet_state.takes_latest => Class::BestEffort,
        class => class,
    };
    let Some(connection) = ep.connections.get_mut(slot) else { return false };
    let Some(dialect) = connection.dialect else { return false };
    let packet = packet(dialect, class, comet_state.next_count(), item.room(), delivery);
    let len = packet.len();
    if !connection.transport.send_datagram(packet) {
        return false;
    }
    connection.last_write.note(ep.cx.now);
    comet_state.count();
    // An older value that waits must not follow.
    comet_state.latest.replace(item);
    ep.cx.counters().deliveries.add(1);
    ep.cx.counters().bytes_out.add(len as u64);
    true
}

/// A delivery as one packet.
fn packet(
    dialect: Dialect,
    class: Class,
    seq: Seq,
    room: Option<&str>,
    delivery: &Delivery,
) -> Bytes {
    let Delivery { key, kind, body, .. } = delivery;
    let mut packet = Vec::with_capacity(64 + body.len());
    let mut write = |bytes: &[u8]| packet.extend_from_slice(bytes);
    let (key, is_text) = (key.as_deref(), *kind == Kind::Text);
    let delivery = codec::Delivery { class, seq, key, room, is_text, body };
    let written = dialect.codec().delivery(Framing::Stream, &delivery, &mut write);
    if !written.has_body {
        packet.extend_from_slice(body);
    }
    packet.into()
}

/// Tells sessions of lanes that take no more, whose deliveries wait in the session, and of those
/// that go on.
#[inline]
pub(super) fn settle(ep: &mut Endpoints) {
    if has_lane_news(&ep.connections) {
        settle_all(ep);
    }
}

#[cold]
fn settle_all(ep: &mut Endpoints) {
    for (slot, blocked) in take_lane_news(&mut ep.connections) {
        if blocked != 0 {
            ep.wheel.arm_by(slot, ep.cx.now + ep.cx.shared.config.io.write_timeout);
            ep.holders.note(slot);
        }
        let Some(member) = ep.bucket.get_mut(slot) else { continue };
        if member.session.owed_mut().hold_lanes(blocked) {
            ep.send_waiting(slot);
        }
    }
}
