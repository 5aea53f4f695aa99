//! Rate limiter: a token bucket in eight bytes.

use crate::time::Time;

/// A bucket with a capacity of two seconds, initially full.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    /// Thousandths of tokens taken and not yet refilled.
    used: u32,
    /// Time of that value; wrapping milliseconds.
    at: u32,
}

impl Rate {
    /// Takes one token at `now`; false if the bucket is empty. A `rate` of 0 a second is unlimited.
    pub(crate) fn admit(&mut self, now: Time, rate: u32) -> bool {
        if rate == 0 {
            return true;
        }
        let now = now.wrapping_millis();
        let returned = u64::from(now.wrapping_sub(self.at)) * u64::from(rate);
        let used = u64::from(self.used).saturating_sub(returned) + 1_000;
        self.at = now;
        let admitted = used <= u64::from(rate) * 2_000;
        let used = if admitted { used } else { used - 1_000 };
        self.used = u32::try_from(used).unwrap_or(u32::MAX);
        admitted
    }

    /// Whether the bucket has been refilled.
    pub(crate) fn is_full(self, now: Time, rate: u32) -> bool {
        let returned = u64::from(now.wrapping_millis().wrapping_sub(self.at)) * u64::from(rate);
        u64::from(self.used) <= returned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_two_seconds_worth_and_then_the_rate_holds() {
        let (mut rate, mut now) = (Rate::default(), Time::from_micros(5_000_000));
        let admitted = (0..100).filter(|_| rate.admit(now, 10)).count();
        assert_eq!(admitted, 20);
        now = now + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| rate.admit(now, 10)).count(), 5);
    }

    #[test]
    fn no_rate_is_no_limit() {
        let mut rate = Rate::default();
        assert!((0..10_000).all(|_| rate.admit(Time::START, 0)));
    }
}
