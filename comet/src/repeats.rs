//! Rate-limited log lines, with the count of those left out.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Interval between two lines on the same subject.
const EVERY: Duration = Duration::from_secs(10);

/// Lets one line in 10 seconds through and counts those between.
///
/// ```
/// # use std::time::Duration;
/// let refusals = comet::Repeats::default();
/// let seconds = Duration::from_secs;
/// assert_eq!(refusals.admit(seconds(5)).unwrap().to_string(), "");
/// assert!(refusals.admit(seconds(6)).is_none());
/// assert_eq!(refusals.admit(seconds(15)).unwrap().to_string(), "; 1 more in 10 s");
/// ```
#[derive(Debug, Default)]
pub struct Repeats {
    /// Time of the last line in milliseconds, plus one; 0 before the first.
    told: AtomicU64,
    left_out: AtomicU64,
}

/// Number of lines left out before one that is logged. Displayed behind that line; empty if none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeftOut {
    count: u64,
    within: Duration,
}

impl Repeats {
    /// A limiter that has logged nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { told: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Counts a line at `now`, on any clock; a clock that steps back costs a line. Returns the text
    /// to append if the line is to be logged. Takes no lock; of concurrent callers one is admitted.
    pub fn admit(&self, now: Duration) -> Option<LeftOut> {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let told = self.told.load(Ordering::Relaxed);
        let within = Duration::from_millis(now.saturating_sub(told));
        let due = told == 0 || now < told || within >= EVERY;
        let first = || {
            let exchanged =
                self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed);
            exchanged.is_ok()
        };
        if !(due && first()) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(LeftOut { count: self.left_out.swap(0, Ordering::Relaxed), within })
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => Ok(()),
            count => write!(f, "; {} more in {} s", grouped(count), self.within.as_secs()),
        }
    }
}

/// Number with commas between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_is_told_and_then_one_in_ten_seconds_with_the_count_of_the_others() {
        let repeats = Repeats::default();
        let told = (0..25_000).filter_map(|n| repeats.admit(at(n)).map(|more| (n, more)));
        let told: Vec<_> = told.map(|(n, more)| (n, more.to_string())).collect();
        let more = "; 9,999 more in 10 s".to_owned();
        assert_eq!(told, [(0, String::new()), (10_000, more.clone()), (20_000, more)]);
    }

    #[test]
    fn what_is_rare_is_always_told_and_without_a_count() {
        let repeats = Repeats::default();
        assert!((0..100).all(|n| repeats.admit(at(n * 10_000)).unwrap().to_string().is_empty()));
    }

    #[test]
    fn none_is_lost_from_the_count_between_threads() {
        let repeats = Repeats::default();
        let told = || (0..10_000).filter(|_| repeats.admit(at(1)).is_some()).count();
        let told: usize = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(told));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(told, 1);
        let more = repeats.admit(at(10_001)).unwrap();
        assert_eq!(more.to_string(), "; 39,999 more in 10 s");
    }

    #[test]
    fn thousands_are_grouped() {
        let texts = [1, 999, 1_234, 1_234_567].map(grouped);
        assert_eq!(texts, ["1", "999", "1,234", "1,234,567"]);
    }
}
