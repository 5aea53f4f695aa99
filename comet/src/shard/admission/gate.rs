//! Rate of authentications, and staggered reconnect delays beyond it.

use std::time::Duration;

use crate::time::Time;

/// A burst may be a tenth of a second's worth.
const BURST: Duration = Duration::from_millis(100);

/// Longest delay that a peer is asked for.
const MOST: Duration = Duration::from_secs(60);

/// Lets authentications in at a rate; gives each that is turned away a time of its own.
#[derive(Debug)]
pub(super) struct Gate {
    /// Between two; zero for no limit.
    interval: Duration,
    /// When the bucket would be full again.
    full_at: Time,
    /// The last time that was given out.
    promised: Time,
}

impl Gate {
    /// A rate per second over all shards; 0 for no limit.
    pub(super) fn new(rate: u32, shards: usize) -> Self {
        let shards = u32::try_from(shards).unwrap_or(u32::MAX);
        let interval = Duration::from_secs(u64::from(rate > 0)) * shards / rate.max(1);
        Self { interval, full_at: Time::START, promised: Time::START }
    }

    /// Lets one in, or says after which time it is to come back.
    pub(super) fn admit(&mut self, now: Time) -> Result<(), Duration> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let full_at = self.full_at.max(now) + self.interval;
        if full_at.since(now) <= BURST.max(self.interval) {
            self.full_at = full_at;
            return Ok(());
        }
        Err(self.later(now))
    }

    /// When one that is turned away is to come back: after all others that were.
    pub(super) fn later(&mut self, now: Time) -> Duration {
        let least = now + BURST;
        self.promised = (self.promised.max(least) + self.interval).min(now + MOST);
        self.promised.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(5_000_000);

    #[test]
    fn a_burst_is_let_in_and_then_the_rate_holds() {
        let mut gate = Gate::new(100, 1);
        assert_eq!((0..50).filter(|_| gate.admit(NOW).is_ok()).count(), 10);
        let later = NOW + Duration::from_millis(50);
        assert_eq!((0..50).filter(|_| gate.admit(later).is_ok()).count(), 5);
    }

    #[test]
    fn each_that_is_turned_away_gets_a_time_of_its_own() {
        let mut gate = Gate::new(1_000, 2);
        while gate.admit(NOW).is_ok() {}
        let times: Vec<Duration> = (0..100).map(|_| gate.admit(NOW).unwrap_err()).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(2)));
        assert!(times[0] >= BURST);
    }

    #[test]
    fn nobody_is_sent_away_for_more_than_a_minute() {
        let mut gate = Gate::new(1, 1);
        while gate.admit(NOW).is_ok() {}
        assert!((0..500).all(|_| gate.admit(NOW).unwrap_err() <= MOST));
    }

    #[test]
    fn no_rate_is_no_limit() {
        let mut gate = Gate::new(0, 4);
        assert!((0..100_000).all(|_| gate.admit(NOW).is_ok()));
    }
}
