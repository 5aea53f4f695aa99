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

/// Looks again and again, until there is something to be seen.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = deadline();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(!left(deadline).is_zero(), "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// The same for something that comes true.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, || is_so().then_some(()));
}
