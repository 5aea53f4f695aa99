//! One delivery in flight, when it is due to be sent again, and whether another may fly beside it.

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

/// What decides when a delivery is due.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    /// First time-out, by the measured round trips.
    pub(super) rto: u32,
    pub(super) max_rto: u32,
    pub(super) salt: u32,
}

impl InFlight {
    pub(super) fn is_due(&self, millis: u32, timing: Timing) -> bool {
        millis.wrapping_sub(self.due_at(timing)) < u32::MAX / 2
    }

    /// The time-out doubles with each attempt, and up to an eighth is added by a hash, so that what
    /// was sent to many peers together is not sent again together. The hash is the same for all
    /// that was sent to one peer together, which is thus sent again in its order.
    pub(super) fn due_at(&self, timing: Timing) -> u32 {
        let doublings = u32::from(self.attempts.saturating_sub(1)).min(16);
        let timeout = u64::from(timing.rto) << doublings;
        let timeout = u32::try_from(timeout).unwrap_or(u32::MAX).min(timing.max_rto);
        let hash = (timing.salt ^ (doublings << 16)).wrapping_mul(0x9e37_79b9) >> 16;
        let jitter = (u64::from(timeout / 8) * u64::from(hash)) >> 16;
        let wait = timeout.saturating_add(u32::try_from(jitter).unwrap_or(0));
        self.sent_at.wrapping_add(wait)
    }
}

/// What is in flight, against its limits.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) limits: &'a WindowLimits,
}

impl Room<'_> {
    /// Whether one more may fly; one delivery always may.
    pub(super) fn fits(&self, lane: Lane, len: usize) -> bool {
        let WindowLimits { window, window_bytes, .. } = *self.limits;
        let (window, window_bytes) = match lane {
            Lane::Signal => (with_signals(window), window_bytes + window_bytes / 8),
            Lane::Normal | Lane::Bulk => (window.into(), window_bytes),
        };
        self.count == 0 || (self.count < window && self.bytes + len <= window_bytes)
    }
}
