//! Limits of sessions, taken from the configuration.

use std::time::Duration;

use crate::config::{Config, Overflow};
use crate::delivery::{QueueLimits, WindowLimits};

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
        Self {
            handshake_timeout: config.handshake_timeout,
            idle_timeout: config.idle_timeout,
            ask_after: config.idle_timeout / 2,
            close_timeout: config.close_timeout,
            resume_ttl: config.resume_ttl,
            auth_attempts: config.auth_attempts,
            inbox: config.inbox,
            message_rate: config.message_rate,
            window: WindowLimits {
                window: config.window,
                window_bytes: config.window_bytes,
                queue: QueueLimits { entries: config.queue, bytes: config.queue_bytes },
                rto: millis(config.rto),
                max_rto: millis(config.max_rto),
                attempts: config.delivery_attempts,
            },
            latest_keys: config.latest_keys,
            overflow: config.overflow,
        }
    }
}
