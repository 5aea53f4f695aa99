//! The tests' clock.

use std::time::{Duration, Instant};

use super::PATIENCE;

/// The present.
#[expect(clippy::disallowed_methods, reason = "tests look at the gateway's time from outside")]
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

/// Polls until `look` finds something.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    poll(look).unwrap_or_else(|| panic!("never happened: {what}"))
}

/// Polls until the condition holds.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    assert!(poll(|| is_so().then_some(())).is_some(), "never happened: {what}");
}

/// `None` when the deadline has passed.
fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = deadline();
    loop {
        let found = look();
        if found.is_some() || left(deadline).is_zero() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
