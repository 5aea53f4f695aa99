//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::Instant;

/// Time and attempts of a wait, whichever lasts longer; a healthy one ends in milliseconds.
///
/// An attempt is answered by the browser itself, so one without processor time is polled less
/// often, and waited for longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);
const LOOKS: usize = 600;
/// Upper bound of every wait.
const LONGEST: Duration = Duration::from_secs(300);

const POLL: Duration = Duration::from_millis(40);

/// Polls until there is an answer; `Err` is the last refusal once the time is over.
pub(crate) async fn poll<T, E>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let began = Instant::now();
    let mut looks = 0;
    loop {
        looks += 1;
        let waited = began.elapsed();
        let goes_on = waited < DEADLINE || looks < LOOKS && waited < LONGEST;
        match ask().await {
            Err(_) if goes_on => tokio::time::sleep(POLL).await,
            answer => return answer,
        }
    }
}
