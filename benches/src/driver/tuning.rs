//! Settings of a driver.

use std::time::Duration;

use crate::dialect::ClientTiming;

/// Settings of a [`Driver`](super::Driver).
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Connections that may be under way at once: more than a listener's backlog are lost.
    pub dialing: usize,
    /// Limit of the time for a connection and the opening of its transport.
    pub dial_timeout: Duration,
    /// Burn the last part of a millisecond instead of oversleeping.
    pub is_precise: bool,
    /// Bytes that may wait for a socket before a session takes no more messages.
    pub unsent: usize,
    /// Timing of the sessions.
    pub timing: ClientTiming,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            dialing: 256,
            dial_timeout: Duration::from_secs(10),
            is_precise: false,
            unsent: 1 << 20,
            timing: ClientTiming::default(),
        }
    }
}
