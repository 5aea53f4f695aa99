//! The end of an identity's validity.

use std::time::Duration;

use super::Session;
use crate::time::Time;

/// A unit of [`Expiry`], in microseconds.
const UNIT: u64 = 250_000;

/// Expiry time of a session: four bytes, in quarters of a second since the start of the gateway.
///
/// The greatest value, after 34 years, stands for never.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Expiry(u32);

impl Expiry {
    pub(super) const NEVER: Self = Self(u32::MAX);

    /// Rounded up: never too early.
    fn at(time: Time) -> Self {
        let units = time.as_micros().div_ceil(UNIT);
        u32::try_from(units).map_or(Self::NEVER, Self)
    }

    fn time(self) -> Time {
        Time::from_micros(u64::from(self.0) * UNIT)
    }
}

impl Session {
    /// Expiry time of an open or parked session.
    pub(crate) fn expires_at(&self) -> Time {
        if self.state.is_alive() { self.expiry.time() } else { Expiry::NEVER.time() }
    }

    /// Sets the expiry to `after` from `now`; `None` removes it.
    pub(crate) fn set_expiry(&mut self, now: Time, after: Option<Duration>) {
        self.expiry = after.map_or(Expiry::NEVER, |after| Expiry::at(now + after));
    }
}
