//! One delivery in flight, its retransmission time, and the room for another.

use std::rc::Rc;

use super::super::{Held, Lane};
use super::{WindowLimits, with_signals};

#[derive(Debug)]
pub(super) struct InFlight {
    /// `None` once acknowledged out of order.
    pub(super) item: Option<Rc<Held>>,
    pub(super) sent_at: u32,
    pub(super) attempts: u8,
}

/// Parameters of the retransmission time.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    /// First time-out, from the measured round trips.
    pub(super) rto: u32,
    pub(super) max_rto: u32,
    pub(super) salt: u32,
}

impl InFlight {
    pub(super) fn is_due(&self, millis: u32, timing: Timing) -> bool {
        millis.wrapping_sub(self.due_at(timing)) < u32::MAX / 2
    }

    pub(super) fn due_at(&self, timing: Timing) -> u32 {
        self.sent_at.wrapping_add(timing.timeout(self.attempts))
    }
}

impl Timing {
    /// The time-out of an attempt, counted from 1.
    ///
    /// It doubles with each attempt, and a hash adds up to an eighth, so that deliveries sent to
    /// many peers together are not sent again together. The hash is the same for all those sent to
    /// one peer together, which are thus sent again in order.
    #[inline]
    pub(super) fn timeout(self, attempt: u8) -> u32 {
        let doublings = u32::from(attempt.saturating_sub(1)).min(16);
        let timeout = u64::from(self.rto) << doublings;
        let timeout = u32::try_from(timeout).unwrap_or(u32::MAX).min(self.max_rto);
        let hash = (self.salt ^ (doublings << 16)).wrapping_mul(0x9e37_79b9) >> 16;
        let jitter = (u64::from(timeout / 8) * u64::from(hash)) >> 16;
        timeout.saturating_add(u32::try_from(jitter).unwrap_or(0))
    }
}

/// Deliveries in flight and their limits.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) limits: &'a WindowLimits,
}

impl Room<'_> {
    /// Whether one more may be in flight; one delivery always may.
    pub(super) fn fits(&self, lane: Lane, len: usize) -> bool {
        let WindowLimits { window, window_bytes, .. } = *self.limits;
        let (window, window_bytes) = match lane {
            Lane::Signal => (with_signals(window), window_bytes + window_bytes / 8),
            Lane::Normal | Lane::Bulk => (window.into(), window_bytes),
        };
        self.count == 0 || (self.count < window && self.bytes + len <= window_bytes)
    }
}
