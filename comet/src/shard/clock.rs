//! The only clock of the crate: read once a turn, and handed down from there.

#[cfg(feature = "simulation")]
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[cfg(feature = "simulation")]
use super::simulated::VirtualTime;
use crate::time::Time;

/// Counts from the start of the gateway, so that all shards mean the same by a [`Time`].
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The system's, since this instant.
    System(Instant),
    /// Set from outside.
    #[cfg(feature = "simulation")]
    Virtual(Arc<VirtualTime>),
}

impl Clock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub(crate) fn start() -> Self {
        Self::System(Instant::now())
    }

    /// The present.
    pub(crate) fn now(&self) -> Time {
        match self {
            Self::System(start) => Time::START + start.elapsed(),
            #[cfg(feature = "simulation")]
            Self::Virtual(time) => time.now(),
        }
    }

    /// Milliseconds since 1970 by the wall clock, which may jump: for what outlives the process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub(crate) fn unix_millis(&self) -> u64 {
        match self {
            Self::System(_) => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            #[cfg(feature = "simulation")]
            Self::Virtual(time) => time.unix_millis(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_begins_at_zero_and_does_not_go_back() {
        let clock = Clock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(first <= second && second.millis() < 60_000);
    }

    #[test]
    fn the_wall_clock_counts_milliseconds_of_this_century() {
        let millis = Clock::start().unix_millis();
        assert!((1_767_225_600_000..4_102_444_800_000).contains(&millis), "{millis}");
    }
}
