//! The tests' clock: deadlines, and polling of conditions.

use std::time::{Duration, Instant};

/// Timeout of every wait: anything that a healthy gateway does takes far less.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The present.
#[expect(clippy::disallowed_methods, reason = "tests look at the gateway's time from outside")]
pub fn now() -> Instant {
    Instant::now()
}

/// The deadline of a wait that begins now.
pub fn deadline() -> Instant {
    now() + PATIENCE
}

/// Time until the deadline; zero if it has passed.
pub fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(now())
}

/// Polls until `look` finds something.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    poll(look).unwrap_or_else(|| panic!("never happened: {what}"))
}

/// Polls until the condition holds.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
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
