//! Pings that keep a connection open: how often, and when the next one is due.
//!
//! Proxies and address translators drop a connection on which nothing passes for a minute or so. A
//! peer that has been sent nothing for its listener's interval is therefore sent a ping, if its
//! transport or its dialect has one.
//!
//! Not here: pings that ask whether the peer is there (`session`), and how a ping is written
//! (`shard/sessions/timers`).

use std::cell::Cell;
use std::time::Duration;

use crate::config::Config;
use crate::time::Time;

/// Intervals of all listeners. Zero: no pings.
#[derive(Debug)]
pub(crate) struct Intervals {
    listeners: Box<[Duration]>,
    adopted: Duration,
}

impl Intervals {
    /// One for each listener, in their order; `None` stands for the one of the configuration.
    pub(crate) fn new(
        config: &Config,
        listeners: impl IntoIterator<Item = Option<Duration>>,
    ) -> Self {
        let all = config.ping_interval;
        Self {
            listeners: listeners.into_iter().map(|own| own.unwrap_or(all)).collect(),
            adopted: config.adopted_ping_interval.unwrap_or(all),
        }
    }

    /// The interval for connections of a listener; any number beyond them stands for those that
    /// were adopted.
    pub(crate) fn of(&self, listener: u8) -> Duration {
        self.listeners.get(usize::from(listener)).copied().unwrap_or(self.adopted)
    }
}

/// When a connection was last written to, in two bytes: steps of 65.536 ms, modulo 72 minutes.
#[derive(Debug)]
pub(crate) struct LastWrite(Cell<u16>);

/// log2 of the microseconds of a step.
const STEP: u32 = 16;

impl LastWrite {
    /// A connection that is written to now.
    pub(crate) fn at(now: Time) -> Self {
        Self(Cell::new(step(now)))
    }

    /// Something is written, or queued behind what the socket does not take.
    #[inline]
    pub(crate) fn note(&self, now: Time) {
        self.0.set(step(now));
    }

    /// When the next ping is due, unless something is written before; `None` without an interval.
    ///
    /// At most a step and an eighth of the interval early, depending on the slot: those that were
    /// written to by one publish do not all become due in one turn.
    pub(crate) fn ping_due(&self, now: Time, interval: Duration, slot: u32) -> Option<Time> {
        if interval.is_zero() {
            return None;
        }
        let age = u64::from(step(now).wrapping_sub(self.0.get()));
        let written = ((now.as_micros() >> STEP).saturating_sub(age)) << STEP;
        // Neighbouring slots get parts of the eighth that are far from each other.
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
        let config = Config::default().ping_interval(9 * second);
        let intervals = Intervals::new(&config, [None, Some(second), Some(Duration::ZERO)]);
        let of = [0, 1, 2, 3, u8::MAX].map(|listener| intervals.of(listener).as_secs());
        assert_eq!(of, [9, 1, 0, 9, 9]);
        let config = config.adopted_ping_interval(2 * second);
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
