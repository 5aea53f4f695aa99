//! Histograms of durations: fixed bounds, no locks, no allocation on recording.
//!
//! *Independent of names and exposition formats.*

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in microseconds; one more bucket takes everything above.
const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// Counts durations by size, from 100 us to 10 s in steps of about 2.5. 144 bytes.
///
/// Any thread may record and any thread may read. A reader may see a duration in its bucket shortly
/// before it is in the sum.
#[derive(Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Records a duration.
    pub fn record(&self, duration: Duration) {
        let us = as_us(duration);
        self.buckets[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Records a duration; only the single writer thread of this histogram may call it.
    pub(crate) fn record_alone(&self, duration: Duration) {
        self.record_us_alone(as_us(duration));
    }

    /// [`record_alone`](Self::record_alone) of a duration in microseconds.
    pub(crate) fn record_us_alone(&self, us: u64) {
        for (counter, by) in [(&self.buckets[bucket(us)], 1), (&self.sum_us, us)] {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let mut distribution = Distribution::default();
        self.add_to(&mut distribution);
        distribution
    }

    pub(crate) fn add_to(&self, distribution: &mut Distribution) {
        for (sum, counter) in distribution.buckets.iter_mut().zip(&self.buckets) {
            *sum += counter.load(Ordering::Relaxed);
        }
        distribution.sum_us += self.sum_us.load(Ordering::Relaxed);
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

/// The counts of a [`Histogram`], or of several together, at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Distribution {
    buckets: [u64; BUCKETS],
    sum_us: u64,
}

impl Distribution {
    /// Durations recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Sum of all durations, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        seconds(self.sum_us)
    }

    /// The buckets in ascending order: the upper bound in seconds, infinity for the last, and the
    /// durations in this bucket alone.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
        bounds.zip(self.buckets.iter().copied())
    }
}

fn bucket(us: u64) -> usize {
    BOUNDS.partition_point(|&bound| bound < us)
}

fn as_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(distribution: &Distribution) -> Vec<(f64, u64)> {
        distribution.buckets().filter(|&(_, count)| count > 0).collect()
    }

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        for us in [0, 100, 101, 250, 10_000_000, 10_000_001] {
            histogram.record(Duration::from_micros(us));
        }
        histogram.record_alone(Duration::from_millis(4));
        let read = histogram.read();
        let expected = [(0.0001, 2), (0.00025, 2), (0.005, 1), (10.0, 1), (f64::INFINITY, 1)];
        assert_eq!(counts(&read), expected);
        assert_eq!(read.count(), 7);
        assert!((read.sum() - 20.004_452).abs() < 1e-9, "{}", read.sum());
    }

    #[test]
    fn histograms_of_several_threads_add_up() {
        let (one, other) = (Histogram::default(), Histogram::default());
        one.record_alone(Duration::from_millis(1));
        other.record_alone(Duration::from_millis(1));
        let mut sum = one.read();
        other.add_to(&mut sum);
        assert_eq!(counts(&sum), [(0.001, 2)]);
    }
}
