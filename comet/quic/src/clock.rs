//! The clock of the listener's threads: each reads it once a turn.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
