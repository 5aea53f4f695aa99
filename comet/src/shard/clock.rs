//! The only clock of the crate: read once a turn, and handed down from there.

use std::time::Instant;

use crate::time::Time;

/// Counts from the start of the gateway, so that all shards mean the same by a [`Time`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The present.
    pub(crate) fn now(self) -> Time {
        Time::START + self.start.elapsed()
    }
}
