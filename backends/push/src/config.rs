//! Limits of pushes.

use std::sync::Arc;
use std::time::Duration;

/// Limits, each with its cost.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) after: Duration,
    pub(crate) time_limit: Duration,
    pub(crate) text: Arc<str>,
    pub(crate) queue: usize,
    pub(crate) requests: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(15),
            time_limit: Duration::from_secs(7 * 60),
            text: "You have a new message".into(),
            queue: 16_384,
            requests: 16,
        }
    }
}

impl Config {
    /// Time for which a message is stored without an ack of a phone before a push is due. Default
    /// 15 s, enough for a phone that changes its network.
    #[must_use]
    pub const fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// Time after which a message is not pushed any more, from its storing. Default 7 min. It also
    /// bounds repeats while a vendor fails, and what is made up for after a restart.
    #[must_use]
    pub const fn time_limit(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }

    /// Text of every push. Default "You have a new message".
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = text.into();
        self
    }

    /// Maximum number of pushes that wait for one vendor, at least 1. Default 16,384, of about 500
    /// bytes each.
    ///
    /// While there are more, nothing further is read from the record; if the vendor fails at the
    /// time, a further push is dropped instead, so that other vendors do not wait.
    #[must_use]
    pub const fn queue(mut self, pushes: usize) -> Self {
        self.queue = if pushes == 0 { 1 } else { pushes };
        self
    }

    /// Maximum number of requests under way at one vendor, at least 1. Default 16.
    #[must_use]
    pub const fn requests(mut self, at_once: usize) -> Self {
        self.requests = if at_once == 0 { 1 } else { at_once };
        self
    }
}
