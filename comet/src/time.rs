//! Time for code without I/O: passed in by the caller, never read from a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Microseconds since the gateway started.
///
/// Eight bytes instead of the sixteen of an `Instant`, and easy to construct in tests.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Time(u64);

impl Time {
    /// Start of the gateway.
    pub(crate) const START: Self = Self(0);

    /// The time `micros` microseconds after the start.
    pub(crate) const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Milliseconds since the start, modulo 2^32 (49 days): enough for differences.
    #[expect(clippy::cast_possible_truncation, reason = "wraps by intent")]
    pub(crate) const fn wrapping_millis(self) -> u32 {
        (self.0 / 1_000) as u32
    }

    /// Microseconds since the start, modulo 2^32.
    #[expect(clippy::cast_possible_truncation, reason = "wraps by intent")]
    pub(crate) const fn wrapping_micros(self) -> u32 {
        self.0 as u32
    }

    /// Microseconds since the start.
    pub(crate) const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start.
    pub(crate) const fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The time `millis` milliseconds later.
    pub(crate) const fn plus_millis(self, millis: u32) -> Self {
        Self(self.0.saturating_add(millis as u64 * 1_000))
    }

    /// Time since `earlier`; zero if it is later.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_mul(1_000_000);
        let micros = seconds.saturating_add(duration.subsec_micros().into());
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}
