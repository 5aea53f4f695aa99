//! Validation of a configuration.

use std::time::Duration;

use super::{Config, PingConfig};
use crate::StartError;

/// Longest interval of pings that two bytes can represent: beyond it they would wrap.
pub(crate) const LONGEST_PING: Duration = Duration::from_secs(60 * 60);

impl Config {
    /// Checks for invalid values, as [`Builder::start`](crate::Builder::start) does before anything
    /// else.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`] with the first of them, by its full path, such as
    /// `limits.max_body`.
    pub fn validate(&self) -> Result<(), StartError> {
        let (limits, delivery, memory, io) = (&self.limits, &self.delivery, &self.memory, &self.io);
        let too_short = |time: Duration, least| !time.is_zero() && time < least;
        let rules = [
            (
                self.shards == 0 || self.shards > crate::id::MAX_SHARDS,
                "shards must be from 1 to 4096",
            ),
            (self.handshake.attempts == 0, "handshake.attempts must be at least 1"),
            (self.handshake.max_hello > 64 * 1024, "handshake.max_hello must be at most 64 KiB"),
            (limits.inbox == 0, "limits.inbox must be at least 1"),
            (limits.message_timeout.is_zero(), "limits.message_timeout must not be zero"),
            (limits.max_body > i32::MAX as usize / 2, "limits.max_body must be below 1 GiB"),
            (delivery.window == 0, "delivery.window must be at least 1"),
            (delivery.queue == 0, "delivery.queue must be at least 1"),
            (delivery.room_log == 0, "delivery.room_log must be at least 1"),
            (delivery.attempts == 0, "delivery.attempts must be at least 1"),
            (delivery.rto < Duration::from_millis(10), "delivery.rto must be at least 10 ms"),
            (
                delivery.overdue > Duration::from_secs(24 * 24 * 60 * 60),
                "delivery.overdue must be at most 24 days",
            ),
            (memory.mailbox == 0, "memory.mailbox must be at least 1"),
            (memory.read_buffer < 16 * 1024, "memory.read_buffer must be at least 16 KiB"),
            (
                memory.budget < self.shards.saturating_mul(16 * 1024),
                "memory.budget must be at least 16 KiB for each shard",
            ),
            (io.accept_batch == 0, "io.accept_batch must be at least 1"),
            (
                too_short(io.keepalive, Duration::from_secs(2)),
                "io.keepalive must be at least 2 s, or zero",
            ),
            (
                !io.user_timeout.is_zero() && io.user_timeout <= io.write_timeout,
                "io.user_timeout must be above io.write_timeout",
            ),
        ];
        let rules = rules.into_iter().chain(self.deflate.rules());
        let broken = { rules }.find_map(|(is_broken, rule)| is_broken.then_some(rule));
        broken.map_or_else(|| self.ping.check(), |rule| Err(StartError::Config(rule)))
    }
}

impl PingConfig {
    fn check(&self) -> Result<(), StartError> {
        self.check_interval(self.interval)?;
        self.adopted_interval.map_or(Ok(()), |interval| self.check_interval(interval))
    }

    /// Checks an interval of pings, which may be that of a listener.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`] with the rule that it breaks.
    pub(crate) fn check_interval(&self, interval: Duration) -> Result<(), StartError> {
        if interval.is_zero() {
            return Ok(());
        }
        if interval < Duration::from_millis(100) || interval > LONGEST_PING {
            let rule = "ping.interval must be from 100 ms to an hour, or zero";
            return Err(StartError::Config(rule));
        }
        if self.idle_timeout < interval * 2 {
            let rule = "ping.idle_timeout must be at least twice ping.interval";
            return Err(StartError::Config(rule));
        }
        Ok(())
    }
}
