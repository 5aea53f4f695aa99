//! The simulator's limits, pushes and gaps as values of the gateway's API, and back.

use std::time::Duration;

use bytes::Bytes;
use comet::{Config, Delivery, Gap, Stats};
use comet_protocol::comet::GapReason;

use crate::history::{Lane, MissingGap, Push, PushClass, PushId};
use crate::names;
use crate::plan::Limits;

/// Shared by successive gateways, so that each accepts the tickets of the previous one.
const TICKET_KEY: [u8; 32] = [7; 32];

/// The delivery of a push. If it is acked, its tag names the push.
pub(crate) fn delivery(push: Push, body: Bytes) -> Delivery {
    let lane = match push.lane {
        Lane::Signal => comet::Lane::Signal,
        Lane::Normal => comet::Lane::Normal,
        Lane::Bulk => comet::Lane::Bulk,
    };
    let delivery = match push.class {
        PushClass::Acked => Delivery::acked(body).tag(u64::from(push.id.0) + 1),
        PushClass::BestEffort => Delivery::best_effort(body),
        PushClass::Latest(key) => Delivery::latest([key], body),
    };
    let delivery = delivery.lane(lane).position(push.position);
    if push.datagram { delivery.datagram() } else { delivery }
}

/// The push of a delivery with this tag.
pub(crate) fn push_of(tag: u64) -> PushId {
    PushId(u32::try_from(tag.saturating_sub(1)).unwrap_or(u32::MAX))
}

/// The configuration with these limits.
pub(crate) fn config(limits: &Limits) -> Config {
    let Limits { window, queue, room_log, timeouts, admission, .. } = limits;
    Config::default()
        .shards(limits.shards)
        .handshake(|it| {
            it.rate = admission.handshake_rate;
            it.held_refusals = admission.held_refusals;
        })
        .limits(|it| it.inbox = limits.inbox)
        .delivery(|it| {
            it.window = window.deliveries;
            it.window_bytes = window.bytes;
            it.rto = window.rto;
            it.max_rto = window.max_rto;
            it.attempts = window.attempts;
            it.queue = queue.deliveries;
            it.queue_bytes = queue.bytes;
            it.latest_keys = queue.latest_keys;
            it.overflow = queue.overflow;
            it.room_log = room_log.deliveries;
            it.room_log_bytes = room_log.bytes;
        })
        .memory(|it| {
            it.budget = limits.memory_budget;
            it.mailbox = limits.mailbox;
            it.read_buffer = 16 * 1024;
            it.write_bytes = limits.write_bytes;
        })
        .io(|it| {
            it.write_timeout = timeouts.write;
            // Virtual sockets have no such timer.
            it.user_timeout = Duration::ZERO;
        })
        .ping(|it| {
            it.interval = timeouts.ping_interval;
            it.idle_timeout = timeouts.idle;
        })
        .resume(|it| {
            it.ttl = timeouts.resume_ttl;
            it.ticket_key = Some(TICKET_KEY);
            it.return_rate = admission.return_rate;
            it.return_spread = admission.return_spread;
        })
}

/// An unnumbered gap, as reported to the router.
pub(crate) fn missing(gap: &Gap) -> MissingGap {
    let room = gap.room.as_deref().and_then(names::parse_room);
    let (count, position) = (gap.count, gap.position);
    MissingGap { from: 0, to: 0, count, room, position, reason: reason(gap.reason) }
}

/// The label of the reason of a gap.
pub(crate) const fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Unspecified => "unspecified",
        GapReason::Slow => "slow",
        GapReason::Expired => "expired",
        GapReason::Memory => "memory",
        GapReason::TooLarge => "too large",
        GapReason::Failover => "failover",
    }
}

/// Bytes charged to the memory budget.
pub(crate) const fn memory(stats: &Stats) -> u64 {
    stats.memory
}
