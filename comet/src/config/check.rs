//! Validation of a configuration.

use std::time::Duration;

use super::Config;

impl Config {
    /// Checks for invalid values, as [`Builder::start`](crate::Builder::start) does before anything
    /// else.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`](crate::StartError::Config) with the first of them.
    pub fn validate(&self) -> Result<(), crate::StartError> {
        self.check().map_err(crate::StartError::Config)
    }

    /// Description of an invalid ping interval.
    pub(crate) fn check_ping_interval(&self, interval: Duration) -> Result<(), &'static str> {
        if interval.is_zero() {
            return Ok(());
        }
        if interval < Duration::from_millis(100) || interval > super::LONGEST_PING {
            return Err("ping_interval must be from 100 ms to an hour, or zero");
        }
        if self.idle_timeout < interval * 2 {
            return Err("idle_timeout must be at least twice ping_interval");
        }
        Ok(())
    }

    /// Description of the first invalid value.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.shards == 0 || self.shards > crate::id::MAX_SHARDS {
            return Err("shards must be from 1 to 4096");
        }
        if self.window == 0 || self.inbox == 0 || self.auth_attempts == 0 {
            return Err("window, inbox and auth_attempts must be at least 1");
        }
        if self.accept_batch == 0 || self.mailbox == 0 {
            return Err("accept_batch and mailbox must be at least 1");
        }
        if self.delivery_attempts == 0 {
            return Err("delivery_attempts must be at least 1");
        }
        if self.queue == 0 || self.room_log == 0 {
            return Err("queue and room_log must be at least 1");
        }
        if self.memory_budget < self.shards * 16 * 1024 {
            return Err("memory_budget must be at least 16 KiB for each shard");
        }
        if self.max_body > i32::MAX as usize / 2 {
            return Err("max_body must be below 1 GiB");
        }
        if self.read_buffer < 16 * 1024 {
            return Err("read_buffer must be at least 16 KiB");
        }
        if self.message_timeout.is_zero() {
            return Err("message_timeout must not be zero");
        }
        if self.rto < Duration::from_millis(10) {
            return Err("rto must be at least 10 ms");
        }
        if !self.keepalive.is_zero() && self.keepalive < Duration::from_secs(2) {
            return Err("keepalive must be at least 2 s, or zero");
        }
        if !self.user_timeout.is_zero() && self.user_timeout <= self.write_timeout {
            return Err("user_timeout must be above write_timeout");
        }
        self.check_ping_interval(self.ping_interval)?;
        self.adopted_ping_interval.map_or(Ok(()), |interval| self.check_ping_interval(interval))
    }
}
