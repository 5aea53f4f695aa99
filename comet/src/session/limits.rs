//! Limits of sessions, taken from the configuration.

use std::time::Duration;

use crate::config::{Config, Overflow};
use crate::delivery::{QueueLimits, WindowLimits};
use crate::time::Time;

/// Limits of a session; one copy for each shard.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    /// Silence after which the peer is pinged.
    pub(crate) ask_after: Duration,
    pub(crate) close_timeout: Duration,
    /// Zero: sessions are not parked.
    pub(crate) resume_ttl: Duration,
    pub(crate) auth_attempts: u8,
    pub(crate) inbox: u16,
    pub(crate) message_rate: u32,
    pub(crate) window: WindowLimits,
    pub(crate) latest_keys: usize,
    pub(crate) overflow: Overflow,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX / 4);
        let Config { handshake, limits, delivery, ping, .. } = config;
        Self {
            handshake_timeout: handshake.timeout,
            idle_timeout: ping.idle_timeout,
            ask_after: ping.idle_timeout / 2,
            close_timeout: config.io.close_timeout,
            resume_ttl: config.resume.ttl,
            auth_attempts: handshake.attempts,
            inbox: limits.inbox,
            message_rate: limits.message_rate,
            window: WindowLimits {
                window: delivery.window,
                window_bytes: delivery.window_bytes,
                queue: QueueLimits { entries: delivery.queue, bytes: delivery.queue_bytes },
                rto: millis(delivery.rto),
                max_rto: millis(delivery.max_rto),
                attempts: delivery.attempts,
                overdue: match delivery.overdue.is_zero() {
                    true => u32::MAX,
                    false => millis(delivery.overdue),
                },
            },
            latest_keys: delivery.latest_keys,
            overflow: delivery.overflow,
        }
    }

    /// Time at which a delivery taken now is overdue.
    pub(crate) fn overdue_by(&self, now: Time) -> Option<Time> {
        let age = self.window.overdue;
        (age < u32::MAX).then(|| now.plus_millis(age))
    }
}
