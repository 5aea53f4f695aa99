//! The tests' clock.

use std::time::{Duration, Instant};

use super::PATIENCE;

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The deadline of a wait that begins now.
pub(crate) fn deadline() -> Instant {
    now() + PATIENCE
}

/// Polls until the condition holds.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = deadline();
    while !is_so() {
        assert!(!left(deadline).is_zero(), "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Time until the deadline; zero if it has passed.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(now())
}
