//! The times at which a certificate is asked for: at once if there is none, after two thirds of its
//! life, and with growing distances while that fails.
//!
//! Not here: the clock.

use std::time::{Duration, SystemTime};

/// Longest time between two attempts.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// The attempts for one certificate.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Time to the first attempt after a failed one; each further one takes twice as long.
    retry: Duration,
    failures: u32,
    due: SystemTime,
}

/// First and last second in which a certificate is valid.
pub(super) type Validity = (SystemTime, SystemTime);

impl Schedule {
    /// Of a certificate that is there already, or not.
    pub(super) fn new(retry: Duration, current: Option<Validity>, now: SystemTime) -> Self {
        let due = current.map_or(now, renewal);
        Self { retry, failures: 0, due }
    }

    /// The time of the next attempt.
    pub(super) fn due(&self) -> SystemTime {
        self.due
    }

    /// A certificate was issued.
    pub(super) fn issued(&mut self, validity: Validity) {
        (self.failures, self.due) = (0, renewal(validity));
    }

    /// An attempt has failed. `luck` from 0 to 1 spreads the next one over a fifth of the time, so
    /// that servers that failed together do not come back together.
    pub(super) fn failed(&mut self, now: SystemTime, luck: f64) {
        let pause = self.retry.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures += 1;
        self.due = now + pause.mul_f64(0.8 + 0.2 * luck.clamp(0.0, 1.0));
    }
}

/// After two thirds of the life, whatever its length.
fn renewal((first, last): Validity) -> SystemTime {
    let life = last.duration_since(first).unwrap_or_default();
    first + life.mul_f64(2.0 / 3.0)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn one_that_is_missing_is_due_at_once_and_others_after_two_thirds() {
        let now = UNIX_EPOCH + DAY * 1_000;
        assert_eq!(Schedule::new(MINUTE, None, now).due(), now);
        let life = (now - DAY * 10, now + DAY * 80);
        assert_eq!(Schedule::new(MINUTE, Some(life), now).due(), now + DAY * 50);
        let past = (now - DAY * 90, now - DAY);
        assert!(Schedule::new(MINUTE, Some(past), now).due() < now);
    }

    #[test]
    fn failures_are_followed_by_longer_and_longer_pauses_until_one_is_issued() {
        let now = UNIX_EPOCH + DAY;
        let mut schedule = Schedule::new(MINUTE, None, now);
        let mut pause = |luck| {
            schedule.failed(now, luck);
            schedule.due().duration_since(now).unwrap()
        };
        assert_eq!([pause(1.0), pause(1.0), pause(1.0)], [MINUTE, MINUTE * 2, MINUTE * 4]);
        assert_eq!(pause(0.0), MINUTE * 8 * 4 / 5);
        for _ in 0..100 {
            pause(1.0);
        }
        assert_eq!(pause(1.0), LONGEST);
        schedule.issued((now, now + DAY * 3));
        assert_eq!(schedule.due(), now + DAY * 2);
        schedule.failed(now, 1.0);
        assert_eq!(schedule.due(), now + MINUTE);
    }
}
