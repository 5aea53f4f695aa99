//! Repeating a transaction that failed for a reason that passes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;

/// Attempts of one transaction, with the first.
const ATTEMPTS: u32 = 6;
/// From the beginning: no attempt starts later than this.
const WITHIN: Duration = Duration::from_millis(1_500);
/// Wait before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Bounds of repeating one transaction: six attempts, within 1.5 s.
///
/// ```
/// # use comet_sql::{Error, Pool, Retry, sql};
/// async fn forget(pool: &Pool, uid: &str) -> Result<(), Error> {
///     let mut db = pool.begin().await?;
///     sql("DELETE FROM t WHERE uid = ?").bind(uid).execute(&mut db).await?;
///     db.commit().await
/// }
///
/// # async fn example(pool: &Pool) -> Result<(), Error> {
/// let mut retry = Retry::new();
/// while let Err(error) = forget(pool, "alice").await {
///     retry.after(error).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Retry {
    began: Instant,
    attempts: u32,
}

impl Retry {
    /// Before the first attempt.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), attempts: 1 }
    }

    /// Waits before the next attempt. It must begin with a new transaction.
    ///
    /// # Errors
    ///
    /// The same error, if another attempt would not help, or there were enough.
    pub async fn after(&mut self, error: Error) -> Result<(), Error> {
        let wait = FIRST_WAIT * 2_u32.pow(self.attempts - 1);
        let late = self.began.elapsed() + wait > WITHIN;
        if !error.is_transient() || self.attempts >= ATTEMPTS || late {
            return Err(error);
        }
        self.attempts += 1;
        // Two that met must not meet again.
        sleep(wait + wait.mul_f64(jitter())).await;
        Ok(())
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

/// From 0 to 1, different for each call.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn attempts(error: fn() -> Error) -> u32 {
        let mut retry = Retry::new();
        let mut attempts = 1;
        while retry.after(error()).await.is_ok() {
            attempts += 1;
        }
        attempts
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again_and_not_for_ever() {
        assert_eq!(attempts(|| Error::Conflict("deadlock".into())).await, ATTEMPTS);
        assert_eq!(attempts(|| Error::Lost("reset".into())).await, ATTEMPTS);
        assert_eq!(attempts(|| Error::Full("no space".into())).await, 1);
        assert_eq!(attempts(|| Error::Unavailable("refused".into())).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_failure_is_the_last() {
        let mut retry = Retry::new();
        tokio::time::advance(WITHIN).await;
        assert!(retry.after(Error::Lost("reset".into())).await.is_err());
    }
}
