//! The server's clock, where dtalk shows it to clients: milliseconds since 1970.
//!
//! Pure code takes the time as an argument; this is for whoever calls it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix time in milliseconds; 0 on a machine whose clock stands before 1970.
#[must_use]
pub fn unix_ms() -> u64 {
    u64::try_from(unix().as_millis()).unwrap_or(u64::MAX)
}

/// Unix time; 0 on a machine whose clock stands before 1970.
#[must_use]
pub fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
