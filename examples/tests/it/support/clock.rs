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

/// What is left until then; zero if it is past.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(now())
}
