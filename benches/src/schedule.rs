//! Times when messages are due, whether or not the last one has arrived.

use std::time::Duration;

use comet_protocol::client::Time;

/// Times at an even rate. A message that could not be sent in time keeps its due time, so that a
/// gateway that stands still is charged for all waiting messages.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start: Time,
    /// Microseconds from one moment to the next; not a number if there are none.
    every: f64,
    taken: u64,
}

impl Schedule {
    /// A rate a second, from a time on.
    #[must_use]
    pub fn new(start: Time, per_second: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "nothing happens that often")]
        Self::at(start, per_second as f64)
    }

    /// A rate a second, also below one, from a time on.
    #[must_use]
    pub fn at(start: Time, per_second: f64) -> Self {
        let every = if per_second > 0.0 { 1e6 / per_second } else { f64::NAN };
        Self { start, every, taken: 0 }
    }

    /// The same, but the first moment comes later, by a part of the time between two.
    #[must_use]
    pub fn in_phase(start: Time, per_second: f64, phase: f64) -> Self {
        let later = Duration::try_from_secs_f64(phase / per_second).unwrap_or_default();
        Self::at(start + later, per_second)
    }

    /// The next moment; `None` when there are none at this rate.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        if self.every.is_nan() {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a run has far fewer than 2^53 microseconds"
        )]
        let micros = (self.taken as f64 * self.every) as u64;
        Some(self.start + Duration::from_micros(micros))
    }

    /// Takes the next moment if it has come.
    pub fn take(&mut self, now: Time) -> Option<Time> {
        let due = self.next().filter(|due| *due <= now)?;
        self.taken += 1;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    #[test]
    fn moments_come_evenly_and_are_not_lost() {
        let mut schedule = Schedule::new(at(1_000), 3);
        assert_eq!(schedule.take(at(999)), None);
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(at(1_001_000))).collect();
        assert_eq!(taken, [at(1_000), at(334_333), at(667_666), at(1_001_000)]);
        assert_eq!(schedule.next(), Some(at(1_334_333)));
        assert_eq!(Schedule::new(at(0), 0).take(at(9)), None);
    }

    #[test]
    fn moments_may_be_more_than_a_second_apart() {
        let mut schedule = Schedule::at(at(0), 0.4);
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(at(5_000_000))).collect();
        assert_eq!(taken, [at(0), at(2_500_000), at(5_000_000)]);
    }
}
