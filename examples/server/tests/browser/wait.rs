//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::Instant;

/// Time and looks that a wait has, whichever lasts longer; a healthy one ends in milliseconds.
///
/// A look at a page is answered by the browser itself, so that one which gets no processor time is
/// looked at less often, and waited for longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);
const LOOKS: usize = 600;
/// Longer than this nothing takes that happens at all.
const LONGEST: Duration = Duration::from_secs(300);

const POLL: Duration = Duration::from_millis(40);

/// Asks until there is an answer; `Err` is the last refusal once there is no time left.
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
