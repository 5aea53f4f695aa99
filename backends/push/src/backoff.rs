//! Waits between the attempts of one request.

use std::time::Duration;

/// First wait, doubled with each attempt.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait, also of those that a vendor asks for.
const LONGEST: Duration = Duration::from_secs(60);
/// Attempts of one request.
const ATTEMPTS: u32 = 8;

/// Wait after so many attempts; `None` if there were enough. `asked` is the wait that the vendor
/// wants, `chance` from 0 to 1 spreads those of many requests over a fifth in each direction.
pub(crate) fn wait(attempts: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
    if attempts >= ATTEMPTS {
        return None;
    }
    let own = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST);
    let spread = own.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0));
    Some(asked.unwrap_or_default().min(LONGEST).max(spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_end() {
        let seconds = |attempts| wait(attempts, None, 0.5).map(|wait| wait.as_secs());
        let expected = [1, 2, 4, 8, 16, 32, 60].map(Some);
        assert_eq!((1..=7).map(seconds).collect::<Vec<_>>(), expected);
        assert_eq!(seconds(8), None);
        assert_eq!(wait(1, None, 0.0), Some(Duration::from_millis(800)));
        assert_eq!(wait(1, None, 1.0), Some(Duration::from_millis(1_200)));
    }

    #[test]
    fn a_vendor_may_ask_for_more_within_a_minute() {
        let asked = |seconds| wait(1, Some(Duration::from_secs(seconds)), 0.5).unwrap().as_secs();
        assert_eq!([0, 5, 600].map(asked), [1, 5, 60]);
    }
}
