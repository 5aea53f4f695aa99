//! Rate limits, single and per key.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Number of keys kept before the first sweep of expired ones.
const FIRST_SWEEP: usize = 1_024;

/// Steady rate with a burst limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Interval between two units; zero for no limit.
    interval: Duration,
    /// Maximum lead over the rate.
    burst: Duration,
}

/// Time at which a key is within its rate again; takes 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace(Option<Instant>);

/// Paces by key. A key within its rate is removed, so that the size is at most twice the number of
/// keys that were ahead of the rate one burst ago, plus a fixed thousand.
#[derive(Debug)]
pub struct Paces<K> {
    rate: Rate,
    paces: HashMap<K, Pace>,
    sweep_at: usize,
}

impl Rate {
    /// `count` per period, in bursts of `burst` periods' worth; a `count` of 0 means no limit.
    #[must_use]
    pub fn new(count: u32, period: Duration, burst: u32) -> Self {
        let interval = if count == 0 { Duration::ZERO } else { period / count };
        Self { interval, burst: period * burst }
    }

    const fn is_limited(self) -> bool {
        !self.interval.is_zero()
    }
}

impl Pace {
    /// Takes one unit; `false` if the rate does not allow it now.
    pub fn admit(&mut self, rate: Rate, now: Instant) -> bool {
        let next = self.0.map_or(now, |at| at.max(now)) + rate.interval;
        let is_admitted = !rate.is_limited() || next - now <= rate.burst;
        if is_admitted && rate.is_limited() {
            self.0 = Some(next);
        }
        is_admitted
    }

    fn is_spent(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at > now)
    }
}

impl<K: Eq + Hash> Paces<K> {
    /// The same rate for every key, each counted separately.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, paces: HashMap::new(), sweep_at: FIRST_SWEEP }
    }

    /// Applies another rate from now on. The lead of keys over the old rate is kept.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Takes one unit of this key; `false` if the rate does not allow it now.
    pub fn admit<Q>(&mut self, key: &Q, now: Instant) -> bool
    where
        K: std::borrow::Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.rate.is_limited() {
            return true;
        }
        if let Some(pace) = self.paces.get_mut(key) {
            return pace.admit(self.rate, now);
        }
        if self.paces.len() >= self.sweep_at {
            self.paces.retain(|_, pace| pace.is_spent(now));
            self.sweep_at = FIRST_SWEEP.max(2 * self.paces.len());
        }
        let mut pace = Pace::default();
        let is_admitted = pace.admit(self.rate, now);
        self.paces.insert(key.into(), pace);
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_let_through_and_then_the_rate_holds() {
        let (rate, now) = (Rate::new(10, SECOND, 2), Instant::now());
        let mut pace = Pace::default();
        assert_eq!((0..100).filter(|_| pace.admit(rate, now)).count(), 20);
        let later = now + SECOND / 2;
        assert_eq!((0..100).filter(|_| pace.admit(rate, later)).count(), 5);
        let rested = now + 60 * SECOND;
        assert_eq!((0..100).filter(|_| pace.admit(rate, rested)).count(), 20);
    }

    #[test]
    fn no_rate_is_no_limit() {
        let mut paces: Paces<Box<str>> = Paces::new(Rate::new(0, SECOND, 2));
        let now = Instant::now();
        assert!((0..10_000).all(|_| paces.admit("alice", now)));
        assert!(paces.paces.is_empty());
    }

    #[test]
    fn keys_are_apart_and_forgotten_once_they_are_on_their_rate() {
        let mut paces: Paces<Box<str>> = Paces::new(Rate::new(1, SECOND, 2));
        let now = Instant::now();
        let admitted = |paces: &mut Paces<Box<str>>, key: &str, now| {
            (0..5).filter(|_| paces.admit(key, now)).count()
        };
        assert_eq!(admitted(&mut paces, "alice", now), 2);
        assert_eq!(admitted(&mut paces, "bob", now), 2);
        for number in 0..FIRST_SWEEP - 2 {
            assert!(paces.admit(&*number.to_string(), now));
        }
        let later = now + SECOND;
        assert!(paces.admit("one more", later));
        // Of all keys only alice and bob were a second ahead.
        assert_eq!(paces.paces.len(), 3);
        assert_eq!(admitted(&mut paces, "alice", later), 1);
    }
}
