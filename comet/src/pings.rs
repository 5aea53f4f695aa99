//! Keepalive pings: their interval, and the time of the next one.
//!
//! Proxies and NATs drop a connection that is idle for a minute or so. A peer without output for
//! its listener's interval is therefore sent a ping, if its transport or its dialect has one.
//!
//! Not here: pings that check whether the peer is alive (`session`), and their encoding
//! (`shard/sessions/timers`).

use std::cell::Cell;
use std::time::Duration;

use crate::config::PingConfig;
use crate::time::Time;

/// Intervals of all listeners. Zero: no pings.
#[derive(Debug)]
pub(crate) struct Intervals {
    listeners: Box<[Duration]>,
    adopted: Duration,
}

impl Intervals {
    /// One for each listener, in order; `None` stands for that of the configuration.
    pub(crate) fn new(
        config: &PingConfig,
        listeners: impl IntoIterator<Item = Option<Duration>>,
    ) -> Self {
        let all = config.interval;
        Self {
            listeners: listeners.into_iter().map(|own| own.unwrap_or(all)).collect(),
            adopted: config.adopted_interval.unwrap_or(all),
        }
    }

    /// The interval for connections of a listener; any higher number stands for adopted
    /// connections.
    pub(crate) fn of(&self, listener: u8) -> Duration {
        self.listeners.get(usize::from(listener)).copied().unwrap_or(self.adopted)
    }
}

/// Time of the last write to a connection, in two bytes: steps of 65.536 ms, modulo 72 minutes.
#[derive(Debug)]
pub(crate) struct LastWrite(Cell<u16>);

/// log2 of the microseconds of a step.
const STEP: u32 = 16;

impl LastWrite {
    /// A connection written to at `now`.
    pub(crate) fn at(now: Time) -> Self {
        Self(Cell::new(step(now)))
    }

    /// Notes output, written or queued behind a blocked socket.
    #[inline]
    pub(crate) fn note(&self, now: Time) {
        self.0.set(step(now));
    }

    /// Time of the next ping, unless output comes before; `None` without an interval.
    ///
    /// At most a step and an eighth of the interval early, depending on the slot: connections
    /// written to by one publish do not all become due in one turn.
    pub(crate) fn ping_due(&self, now: Time, interval: Duration, slot: u32) -> Option<Time> {
        if interval.is_zero() {
            return None;
        }
        let age = u64::from(step(now).wrapping_sub(self.0.get()));
        let written = ((now.as_micros() >> STEP).saturating_sub(age)) << STEP;
        // Neighbouring slots get distant parts of the eighth.
        let part = slot.wrapping_mul(0x9e37_79b1) >> 24;
        let early = interval / 8 / 256 * part;
        Some(Time::from_micros(written) + (interval - early))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "wraps by intent")]
const fn step(now: Time) -> u16 {
    (now.as_micros() >> STEP) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTERVAL: Duration = Duration::from_secs(25);

    #[test]
    fn slots_that_were_written_to_together_are_spread_over_an_eighth_of_the_interval() {
        let written = LastWrite::at(Time::START);
        let due = |slot| written.ping_due(Time::START, INTERVAL, slot).unwrap().millis();
        let dues: Vec<u64> = (0..100_000).map(due).collect();
        assert_eq!((dues.iter().min(), dues.iter().max()), (Some(&21_887), Some(&25_000)));
        let busiest = (0..200).map(|tick| {
            let ticks = 21_800 + tick * 16;
            dues.iter().filter(|&&due| (ticks..ticks + 16).contains(&due)).count()
        });
        // An even spread would be 512 in each tick of the wheel.
        assert!(busiest.max().unwrap() < 1_600);
    }

    #[test]
    fn no_interval_means_no_pings() {
        assert_eq!(LastWrite::at(Time::START).ping_due(Time::START, Duration::ZERO, 7), None);
    }

    #[test]
    fn listeners_and_adopted_connections_may_have_intervals_of_their_own() {
        let second = Duration::from_secs(1);
        let config = PingConfig { interval: 9 * second, ..PingConfig::default() };
        let intervals = Intervals::new(&config, [None, Some(second), Some(Duration::ZERO)]);
        let of = [0, 1, 2, 3, u8::MAX].map(|listener| intervals.of(listener).as_secs());
        assert_eq!(of, [9, 1, 0, 9, 9]);
        let config = PingConfig { adopted_interval: Some(2 * second), ..config };
        let intervals = Intervals::new(&config, [None]);
        assert_eq!([0, u8::MAX].map(|listener| intervals.of(listener).as_secs()), [9, 2]);
    }

    proptest! {
        #[test]
        fn a_ping_is_never_late_and_never_more_than_an_eighth_and_a_step_early(
            written in 0u64..1 << 40,
            later in 0u64..3_600_000_000,
            interval in 1_000u64..3_600_000,
            slot in any::<u32>(),
        ) {
            let (written, interval) = (Time::from_micros(written), Duration::from_millis(interval));
            let now = written + Duration::from_micros(later);
            let due = LastWrite::at(written).ping_due(now, interval, slot).unwrap();
            prop_assert!(due <= written + interval);
            let early = interval / 8 + Duration::from_micros(1 << STEP);
            prop_assert!(due + early >= written + interval);
        }
    }
}
