//! Histograms of durations.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Durations of up to an hour, each to three digits; longer ones count as an hour.
#[derive(Clone, Debug)]
pub struct Latency {
    micros: Histogram<u64>,
}

/// The quantiles of tables, with their names.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

const MOST: u64 = 3_600_000_000;

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

impl Latency {
    /// Without any duration.
    ///
    /// # Panics
    ///
    /// Never: the bounds are good ones.
    #[must_use]
    pub fn new() -> Self {
        let micros = Histogram::new_with_bounds(1, MOST, 3).expect("1 to an hour in three digits");
        Self { micros }
    }

    /// One took so long.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(MOST);
        self.micros.saturating_record(micros.max(1));
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        self.micros.reset();
    }

    /// The number of durations.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.micros.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// The quantile of this share, in milliseconds.
    #[must_use]
    pub fn ms(&self, share: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an hour in microseconds is exact")]
        let micros = self.micros.value_at_quantile(share) as f64;
        micros / 1e3
    }

    /// All of them, in microseconds.
    #[must_use]
    pub const fn histogram(&self) -> &Histogram<u64> {
        &self.micros
    }

    /// Adds the durations of another part of the run.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _added = self.micros.add(&other.micros);
    }
}

/// Takes a histogram of microseconds; values out of bounds are moved to the bounds.
impl From<Histogram<u64>> for Latency {
    fn from(micros: Histogram<u64>) -> Self {
        let mut latency = Self::new();
        for step in micros.iter_recorded() {
            let value = step.value_iterated_to().max(1);
            latency.micros.saturating_record_n(value, step.count_at_value());
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_milliseconds() {
        let mut latency = Latency::new();
        (1..=100).for_each(|ms| latency.record(Duration::from_millis(ms)));
        latency.record(Duration::ZERO);
        assert_eq!(latency.len(), 101);
        assert!((latency.ms(0.5) - 50.0).abs() < 0.1, "{}", latency.ms(0.5));
        assert!((latency.ms(1.0) - 100.0).abs() < 0.1, "{}", latency.ms(1.0));
    }

    #[test]
    fn who_waits_for_minutes_is_told_so() {
        let mut latency = Latency::new();
        latency.record(Duration::from_secs(600));
        assert!((latency.ms(0.5) - 600_000.0).abs() < 600.0, "{}", latency.ms(0.5));
        latency.record(Duration::from_secs(7_200));
        assert!((latency.ms(1.0) - 3_600_000.0).abs() < 3_600.0, "{}", latency.ms(1.0));
    }
}
