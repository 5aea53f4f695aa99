//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::Instant;

/// Generous, as a loaded machine starts browsers slowly; a healthy wait ends in milliseconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

const POLL: Duration = Duration::from_millis(40);

/// Asks until there is an answer; `Err` is the last refusal once the deadline has passed.
pub(crate) async fn poll<T, E>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let end = Instant::now() + DEADLINE;
    loop {
        match ask().await {
            Err(_) if Instant::now() < end => tokio::time::sleep(POLL).await,
            answer => return answer,
        }
    }
}
