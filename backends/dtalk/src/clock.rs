//! Server clock as seen by clients: milliseconds since 1970.
//!
//! Pure code takes the time as an argument; its callers read it here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix time in milliseconds; 0 if the system clock is set before 1970.
#[must_use]
pub fn unix_ms() -> u64 {
    u64::try_from(unix().as_millis()).unwrap_or(u64::MAX)
}

/// Unix time; 0 if the system clock is set before 1970.
#[must_use]
pub fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
