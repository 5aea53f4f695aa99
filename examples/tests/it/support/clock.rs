//! The tests' clock.

use std::time::{Duration, Instant};

use super::PATIENCE;

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// When a wait has to be over.
pub(crate) fn deadline() -> Instant {
    now() + PATIENCE
}

/// Looks again and again, until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = deadline();
    while !is_so() {
        assert!(!left(deadline).is_zero(), "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// What is left until then; zero if it is past.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(now())
}
