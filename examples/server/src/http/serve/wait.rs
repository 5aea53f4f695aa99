//! Time spent waiting for the peer.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes per second that extend the limit of a body or a response: a peer that is at least this
/// fast has no limit in total.
const LEAST_RATE: u64 = 1_024;

/// Time spent waiting for the peer, and the bytes received or sent. Time in which nothing was
/// expected of it does not count.
///
/// A single wait is limited to the limit, all waits together to the limit plus the time for the
/// bytes at [`LEAST_RATE`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    pub(super) since: Option<Instant>,
    spent: Duration,
    bytes: u64,
}

impl Wait {
    /// The peer is waited for.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// It is not any more, and has taken or sent these bytes.
    pub(super) fn end(&mut self, now: Instant, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.spent += now.saturating_duration_since(since);
        }
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// The time at which it is over.
    pub(super) fn deadline(&self, limit: Duration) -> Option<Instant> {
        let since = self.since?;
        let earned = Duration::from_millis(self.bytes.saturating_mul(1_000) / LEAST_RATE);
        let left = limit.saturating_add(earned).saturating_sub(self.spent);
        Some(since + left.min(limit))
    }
}
