//! The server's clock, where dtalk shows it to clients: milliseconds since 1970.
//!
//! Pure code takes the time as an argument; this is for whoever calls it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time in milliseconds; 0 on a machine whose clock stands before 1970.
#[must_use]
pub fn unix_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
