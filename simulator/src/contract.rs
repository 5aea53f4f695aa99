//! The classes, limits and figures of the gateway that a run draws: one place for its API.

use bytes::Bytes;
use comet::{Config, Delivery, Stats};

use crate::history::{Push, PushClass};
use crate::plan::Limits;

pub(crate) fn delivery(push: Push, body: Bytes) -> Delivery {
    match push.class {
        PushClass::Acked => Delivery::acked(body).tag(u64::from(push.id.0) + 1),
        PushClass::BestEffort | PushClass::Latest(_) => Delivery::best_effort(body),
    }
}

pub(crate) fn config(limits: &Limits) -> Config {
    Config::default()
        .shards(limits.shards)
        .read_buffer(16 * 1024)
        .resume_ttl(limits.resume_ttl)
        .window(limits.window)
        .window_bytes(limits.window_bytes)
        .queue(limits.queue)
        .queue_bytes(limits.queue_bytes)
        .write_bytes(limits.write_bytes)
        .rto(limits.rto)
        .max_rto(limits.max_rto)
        .delivery_attempts(limits.delivery_attempts)
        .idle_timeout(limits.idle_timeout)
        .ping_after(limits.ping_after)
        .write_timeout(limits.write_timeout)
        .inbox(limits.inbox)
        .mailbox(limits.mailbox)
}

pub(crate) fn memory(stats: &Stats) -> u64 {
    let _ = stats;
    0
}
