//! Back-off between connection attempts.

use std::time::Duration;

/// Waits that double up to a limit, each drawn from its upper half, so that clients that lost the
/// same server do not come back together.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Waits from `first` up to `most`; the seed spreads clients.
    #[must_use]
    pub const fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { first, most, failures: 0, random: seed }
    }

    /// Resets the back-off after a successful connection.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after another failure.
    pub fn next_wait(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        let half = doubled.min(self.most) / 2;
        let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(self.draw() % micros.saturating_add(1).max(1))
    }

    /// SplitMix64: for spreading, not for secrecy.
    const fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_the_limit_within_their_upper_half() {
        let mut backoff = Backoff::new(500 * MS, 4_000 * MS, 1);
        for full in [500, 1_000, 2_000, 4_000, 4_000] {
            let wait = backoff.next_wait();
            assert!(wait >= full * MS / 2 && wait <= full * MS, "{wait:?} of {full} ms");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= 500 * MS);
    }

    #[test]
    fn seeds_set_clients_apart() {
        let wait = |seed| Backoff::new(500 * MS, 4_000 * MS, seed).next_wait();
        assert_ne!(wait(1), wait(2));
        assert_eq!(wait(1), wait(1));
    }
}
