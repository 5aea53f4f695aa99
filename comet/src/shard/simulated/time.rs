//! A clock that somebody sets.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Time;

/// What the wall clock says when a run begins: 2026-01-01 00:00 UTC.
const BEGIN_UNIX_MILLIS: u64 = 1_767_225_600_000;

/// Time that passes when told to.
#[derive(Debug)]
pub(crate) struct VirtualTime {
    micros: AtomicU64,
    /// What the wall clock would have said at the beginning, with every step it made since.
    began_at_millis: AtomicU64,
}

impl VirtualTime {
    pub(crate) fn new() -> Self {
        Self { micros: AtomicU64::new(0), began_at_millis: AtomicU64::new(BEGIN_UNIX_MILLIS) }
    }

    pub(crate) fn micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_micros(self.micros())
    }

    /// Goes on to a moment, unless it has passed.
    pub(crate) fn advance_to(&self, micros: u64) {
        self.micros.fetch_max(micros, Ordering::Relaxed);
    }

    pub(crate) fn unix_millis(&self) -> u64 {
        self.began_at_millis.load(Ordering::Relaxed).saturating_add(self.micros() / 1_000)
    }

    /// Sets the wall clock forward or back.
    pub(crate) fn step_wall_clock(&self, millis: i64) {
        let began = self.began_at_millis.load(Ordering::Relaxed);
        self.began_at_millis.store(began.saturating_add_signed(millis), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_when_told_to_and_never_goes_back() {
        let time = VirtualTime::new();
        time.advance_to(1_500);
        time.advance_to(700);
        assert_eq!((time.micros(), time.now()), (1_500, Time::from_micros(1_500)));
        assert_eq!(time.unix_millis(), BEGIN_UNIX_MILLIS + 1);
    }

    #[test]
    fn the_wall_clock_may_go_back() {
        let time = VirtualTime::new();
        time.advance_to(2_000_000);
        time.step_wall_clock(-60_000);
        assert_eq!(time.unix_millis(), BEGIN_UNIX_MILLIS - 58_000);
        assert_eq!(time.micros(), 2_000_000);
    }
}
