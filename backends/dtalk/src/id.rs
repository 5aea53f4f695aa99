//! Ids of messages, signals and groups: ordered by time, and exact in a JavaScript number.
//!
//! ```text
//!  52                                          12 11     8 7          0
//! ┌──────────────────────────────────────────────┬────────┬────────────┐
//! │  milliseconds since 2020-05-31T16:00Z  (41)  │node (4)│  seq  (8)  │  = 53 bits
//! └──────────────────────────────────────────────┴────────┴────────────┘
//! ```
//!
//! * 2^41 ms are 69.68 years: the last id is at 2090-02-05T07:47:35.551Z.
//! * 4 bits distinguish 16 nodes; each makes up to 256 ids per millisecond, 256,000 per second.
//! * A burst beyond that runs ahead of the clock instead of waiting for it, and a clock that steps
//!   back is waited out in the same way, so ids of one generator strictly increase in any case.
//!
//! All ids are below 2^53 because clients represent them as doubles. Not here: storage. On a
//! restart the greatest stored id is passed to [`IdGenerator::after`].

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock;

/// Unix milliseconds at time part 0.
pub const EPOCH_MILLIS: u64 = 1_590_940_800_000;

const SEQ_BITS: u32 = 8;
const NODE_BITS: u32 = 4;
const TIME_BITS: u32 = 41;
const NODE_SHIFT: u32 = SEQ_BITS;
const TIME_SHIFT: u32 = SEQ_BITS + NODE_BITS;
/// First value of time and sequence together that does not fit.
const TICK_END: u64 = 1 << (TIME_BITS + SEQ_BITS);

/// Id of at most 53 bits, never 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(i64);

impl Id {
    /// The greatest possible id, 2^53 - 1.
    pub const MAX: Self = Self((1 << (TIME_BITS + TIME_SHIFT)) - 1);

    /// Id from an external number; `None` if it is out of range.
    #[must_use]
    pub const fn new(number: i64) -> Option<Self> {
        if number > 0 && number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The number, as sent over the wire.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Time part, as Unix milliseconds.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        (self.0.unsigned_abs() >> TIME_SHIFT) + EPOCH_MILLIS
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a process among those that make ids for the same database.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Node(u8);

impl Node {
    /// `None` above 15.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 1 << NODE_BITS { Some(Self(number)) } else { None }
    }
}

/// No ids left: the time part is used up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[error("no ids are left before 2^53")]
pub struct Exhausted;

/// Generator of strictly increasing ids, usable from any number of threads.
#[derive(Debug)]
pub struct IdGenerator {
    node: Node,
    /// Time and sequence of the last id, adjacent without the node between them, so that a full
    /// sequence carries into the time.
    tick: AtomicU64,
}

impl IdGenerator {
    /// Generator of ids greater than `last`, regardless of the node of `last`.
    #[must_use]
    pub const fn after(node: Node, last: Option<Id>) -> Self {
        let tick = match last {
            Some(id) => {
                let time = id.0.unsigned_abs() >> TIME_SHIFT;
                (time << SEQ_BITS) | ((1 << SEQ_BITS) - 1)
            }
            None => 0,
        };
        Self { node, tick: AtomicU64::new(tick) }
    }

    /// Next id by the system clock.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] once 2^53 is reached.
    pub fn next(&self) -> Result<Id, Exhausted> {
        self.next_at(clock::unix_ms())
    }

    /// Next id for the clock value `now`, in Unix milliseconds.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] once 2^53 is reached.
    pub fn next_at(&self, now: u64) -> Result<Id, Exhausted> {
        // Relaxed: only uniqueness and order of this one number matter.
        let advanced =
            self.tick.try_update(Ordering::Relaxed, Ordering::Relaxed, |tick| advance(tick, now));
        let last = advanced.map_err(|_| Exhausted)?;
        advance(last, now).map_or(Err(Exhausted), |tick| Ok(self.compose(tick)))
    }

    fn compose(&self, tick: u64) -> Id {
        let time = tick >> SEQ_BITS;
        let seq = tick & ((1 << SEQ_BITS) - 1);
        let number = (time << TIME_SHIFT) | (u64::from(self.node.0) << NODE_SHIFT) | seq;
        Id(number.cast_signed())
    }
}

/// Tick after `last` at `now`: that of the clock if later, else `last` plus one.
///
/// A clock beyond the range is ignored, so that a temporarily wrong date does not use up all ids.
fn advance(last: u64, now: u64) -> Option<u64> {
    let time = now.saturating_sub(EPOCH_MILLIS);
    let by_clock = if time < 1 << TIME_BITS { time << SEQ_BITS } else { 0 };
    let tick = by_clock.max(last + 1);
    (tick < TICK_END).then_some(tick)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn fresh(node: u8) -> IdGenerator {
        IdGenerator::after(Node::new(node).unwrap(), None)
    }

    #[test]
    fn the_parts_stand_where_the_picture_shows_them() {
        let generator = fresh(5);

        let first = generator.next_at(NOW).unwrap();
        let second = generator.next_at(NOW).unwrap();

        let time: i64 = 1_700_000_000_000 - 1_590_940_800_000;
        assert_eq!(first.get(), time * 4096 + 5 * 256);
        assert_eq!(second.get(), time * 4096 + 5 * 256 + 1);
        assert_eq!(second.unix_millis(), NOW);
    }

    #[test]
    fn a_full_millisecond_borrows_from_the_next() {
        let generator = fresh(15);
        let ids: Vec<Id> = (0..257).map(|_| generator.next_at(NOW).unwrap()).collect();

        assert_eq!(ids[255].unix_millis(), NOW);
        assert_eq!(ids[256].unix_millis(), NOW + 1);
        assert_eq!(ids[256].get() - ids[255].get(), 4096 - 255);
    }

    #[test]
    fn the_first_id_of_all_is_not_zero() {
        assert_eq!(fresh(0).next_at(0).unwrap().get(), 1);
        assert_eq!(Id::new(0), None);
    }

    #[test]
    fn a_clock_beyond_the_range_is_not_believed() {
        let generator = fresh(0);
        let before = generator.next_at(NOW).unwrap();
        let wrong = generator.next_at(u64::MAX).unwrap();
        let after = generator.next_at(NOW + 1).unwrap();

        assert_eq!(wrong.get(), before.get() + 1);
        assert_eq!(after.unix_millis(), NOW + 1);
    }

    #[test]
    fn the_last_id_is_two_to_the_fifty_three_minus_one_and_then_none_is_made() {
        let generator =
            IdGenerator { node: Node::new(15).unwrap(), tick: AtomicU64::new(TICK_END - 2) };

        assert_eq!(generator.next_at(NOW), Ok(Id::MAX));
        assert_eq!(Id::MAX.get(), 9_007_199_254_740_991);
        assert_eq!(Id::MAX.unix_millis(), 3_789_964_055_551);
        assert_eq!(generator.next_at(NOW), Err(Exhausted));
        assert_eq!(generator.next_at(NOW), Err(Exhausted));
    }

    #[test]
    fn numbers_that_a_double_cannot_hold_are_no_ids() {
        assert_eq!(Id::new(-1), None);
        assert_eq!(Id::new(1 << 53), None);
        assert_eq!(Id::new(i64::MAX), None);
        assert_eq!(Id::new((1 << 53) - 1), Some(Id::MAX));
        assert_eq!(Node::new(16), None);
    }

    #[test]
    fn threads_share_a_generator_without_a_repeat() {
        let generator = fresh(1);
        let ids: Vec<Vec<Id>> = thread::scope(|scope| {
            let make = || (0..5000).map(|_| generator.next().unwrap()).collect();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });

        assert!(ids.iter().all(|of_one| of_one.is_sorted_by(|a, b| a < b)));
        assert_eq!(ids.iter().flatten().collect::<HashSet<_>>().len(), 20_000);
    }

    fn any_clock() -> impl Strategy<Value = u64> {
        prop_oneof![Just(NOW), NOW..NOW + 5, Just(0), EPOCH_MILLIS..3_700_000_000_000, any::<u64>()]
    }

    proptest! {
        #[test]
        fn ids_increase_whatever_the_clock_does(
            clocks in prop::collection::vec(any_clock(), 1..600),
        ) {
            let generator = fresh(3);
            let mut last = 0;
            for now in clocks {
                let id = generator.next_at(now).unwrap().get();
                prop_assert!(last < id && id < 1 << 53);
                last = id;
            }
        }

        #[test]
        fn ids_increase_over_a_restart_on_any_node(
            before in any_clock(), after in any_clock(), burst in 1..600_usize,
            nodes in (0..16_u8, 0..16_u8),
        ) {
            let first = fresh(nodes.0);
            let last = (0..burst).map(|_| first.next_at(before).unwrap()).last();
            let second = IdGenerator::after(Node::new(nodes.1).unwrap(), last);

            prop_assert!(second.next_at(after).ok() > last);
        }

        #[test]
        fn nodes_never_make_the_same_id(clocks in prop::collection::vec(any_clock(), 1..50)) {
            let (left, right) = (fresh(0), fresh(1));
            let of_left: HashSet<_> = clocks.iter().map(|now| left.next_at(*now)).collect();
            let of_right: HashSet<_> = clocks.iter().map(|now| right.next_at(*now)).collect();
            prop_assert!(of_left.is_disjoint(&of_right));
        }
    }
}
