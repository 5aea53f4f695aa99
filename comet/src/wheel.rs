//! A timer wheel: one deadline for each slot of a shard, in twelve bytes.
//!
//! Deadlines fall into buckets of [`TICK_MILLIS`]; a bucket is a list linked through the slots
//! themselves. Deadlines beyond one turn of the wheel stay in their bucket when it comes up. A
//! timer fires up to a tick late, never early.
//!
//! Not here: the meaning of a timer, which the session knows.

use crate::time::Time;

/// Width of a bucket.
const TICK_MILLIS: u64 = 16;
/// One turn of the wheel takes 65 s.
const BUCKETS: usize = 4_096;
const NONE: u32 = u32::MAX;

/// The timers of one shard.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// First slot of each bucket's list.
    heads: Box<[u32]>,
    /// Bitmap of the buckets that have a list.
    occupied: Box<[u64]>,
    nodes: Vec<Node>,
    /// The next tick to be processed.
    cursor: u64,
    armed: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    next: u32,
    prev: u32,
    /// The tick of the deadline, modulo 2^32 (two years); only read while armed.
    tick: u32,
}

const UNARMED: Node = Node { next: NONE, prev: UNARMED_MARK, tick: 0 };
const UNARMED_MARK: u32 = u32::MAX - 1;

impl Wheel {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            heads: vec![NONE; BUCKETS].into(),
            occupied: vec![0; BUCKETS / 64].into(),
            nodes: Vec::new(),
            cursor: now.millis() / TICK_MILLIS,
            armed: 0,
        }
    }

    /// Sets the slot's timer, replacing an earlier one.
    pub(crate) fn arm(&mut self, slot: u32, at: Time) {
        self.cancel(slot);
        let tick = tick_after(at).max(self.cursor);
        if self.nodes.len() <= slot as usize {
            self.nodes.resize(slot as usize + 1, UNARMED);
        }
        let bucket = bucket_of(tick);
        let next = self.heads[bucket];
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.prev = slot;
        }
        self.nodes[slot as usize] = Node { next, prev: NONE, tick: low(tick) };
        self.heads[bucket] = slot;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.armed += 1;
    }

    /// Sets the slot's timer unless it fires earlier anyway.
    pub(crate) fn arm_by(&mut self, slot: u32, at: Time) {
        if let Some(node) = self.nodes.get(slot as usize).filter(|node| node.is_armed()) {
            let tick = low(tick_after(at).max(self.cursor));
            if node.tick.wrapping_sub(low(self.cursor)) <= tick.wrapping_sub(low(self.cursor)) {
                return;
            }
        }
        self.arm(slot, at);
    }

    /// Cancels the slot's timer, if armed.
    pub(crate) fn cancel(&mut self, slot: u32) {
        let Some(node) = self.nodes.get(slot as usize).copied().filter(|node| node.is_armed())
        else {
            return;
        };
        self.nodes[slot as usize] = UNARMED;
        self.armed -= 1;
        if let Some(next) = self.nodes.get_mut(node.next as usize) {
            next.prev = node.prev;
        }
        if let Some(prev) = self.nodes.get_mut(node.prev as usize) {
            prev.next = node.next;
            return;
        }
        let bucket = node.tick as usize % BUCKETS;
        self.heads[bucket] = node.next;
        if node.next == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
    }

    /// Appends the slots whose deadline has passed at `now` to `fired`, and disarms them.
    pub(crate) fn advance(&mut self, now: Time, fired: &mut Vec<u32>) {
        let end = now.millis() / TICK_MILLIS + 1;
        if self.armed == 0 || end <= self.cursor {
            self.cursor = self.cursor.max(end);
            return;
        }
        // After a long sleep one turn visits every bucket.
        let steps = (end - self.cursor).min(BUCKETS as u64);
        for tick in self.cursor..self.cursor + steps {
            self.fire(bucket_of(tick), low(end), fired);
        }
        self.cursor = end;
    }

    /// Time of the next call of [`advance`](Self::advance): never after the first deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        if self.armed == 0 {
            return None;
        }
        let start = bucket_of(self.cursor);
        let words = self.occupied.len();
        for step in 0..=words {
            let index = (start / 64 + step) % words;
            let mut word = self.occupied[index];
            if step == 0 {
                word &= u64::MAX << (start % 64);
            }
            if word != 0 {
                let bucket = index * 64 + word.trailing_zeros() as usize;
                let ahead = (bucket + BUCKETS - start) % BUCKETS;
                let millis = (self.cursor + ahead as u64) * TICK_MILLIS;
                return Some(Time::from_micros(millis * 1_000));
            }
        }
        None
    }

    fn fire(&mut self, bucket: usize, end: u32, fired: &mut Vec<u32>) {
        let mut slot = self.heads[bucket];
        while let Some(node) = self.nodes.get(slot as usize).copied() {
            // Half of all ticks lie before the end.
            if node.tick.wrapping_sub(end) > u32::MAX / 2 {
                self.cancel(slot);
                fired.push(slot);
            }
            slot = node.next;
        }
    }
}

impl Node {
    fn is_armed(self) -> bool {
        self.prev != UNARMED_MARK
    }
}

/// Bytes that a slot's timer takes, armed or not.
#[cfg(feature = "internals")]
pub(crate) fn node_size() -> usize {
    size_of::<Node>()
}

/// The first tick that does not begin before `at`.
fn tick_after(at: Time) -> u64 {
    at.as_micros().div_ceil(TICK_MILLIS * 1_000)
}

fn bucket_of(tick: u64) -> usize {
    low(tick) as usize % BUCKETS
}

#[expect(clippy::cast_possible_truncation, reason = "wraps by intent")]
fn low(tick: u64) -> u32 {
    tick as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    fn fired(wheel: &mut Wheel, millis: u64) -> Vec<u32> {
        let mut fired = Vec::new();
        wheel.advance(at(millis), &mut fired);
        fired.sort_unstable();
        fired
    }

    #[test]
    fn a_timer_fires_once_within_a_tick_of_its_deadline() {
        let mut wheel = Wheel::new(at(0));
        wheel.arm(3, at(100));
        assert_eq!(fired(&mut wheel, 99), [0_u32; 0]);
        assert_eq!(fired(&mut wheel, 116), [3]);
        assert_eq!(fired(&mut wheel, 100_000), [0_u32; 0]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_deadline_between_two_milliseconds_is_not_early_either() {
        let mut wheel = Wheel::new(at(0));
        wheel.arm(3, Time::from_micros(112_001));
        wheel.arm(4, at(200));
        wheel.arm_by(4, Time::from_micros(112_001));
        assert_eq!(fired(&mut wheel, 112), [0_u32; 0]);
        assert_eq!(fired(&mut wheel, 128), [3, 4]);
    }

    #[test]
    fn a_deadline_beyond_one_turn_waits_for_its_turn() {
        let mut wheel = Wheel::new(at(0));
        wheel.arm(1, at(480_000));
        let mut now = 0;
        while let Some(next) = wheel.next() {
            now = next.millis();
            if !fired(&mut wheel, now).is_empty() {
                break;
            }
        }
        assert!((480_000..480_017).contains(&now), "{now}");
    }

    #[test]
    fn an_earlier_deadline_replaces_and_a_later_one_does_not() {
        let mut wheel = Wheel::new(at(0));
        wheel.arm(1, at(1_000));
        wheel.arm_by(1, at(2_000));
        assert_eq!(fired(&mut wheel, 1_016), [1]);
        wheel.arm(1, at(5_000));
        wheel.arm_by(1, at(3_000));
        assert_eq!(fired(&mut wheel, 3_016), [1]);
    }

    #[test]
    fn a_deadline_in_the_past_fires_at_once() {
        let mut wheel = Wheel::new(at(10_000));
        wheel.arm(1, at(0));
        assert_eq!(fired(&mut wheel, 10_016), [1]);
    }

    #[test]
    fn a_deadline_in_the_past_replaces_a_later_one() {
        let mut wheel = Wheel::new(at(0));
        assert_eq!(fired(&mut wheel, 32), [0_u32; 0]);
        wheel.arm(1, at(5_000));
        wheel.arm_by(1, at(32));
        assert_eq!(fired(&mut wheel, 48), [1]);
    }

    #[test]
    fn a_long_sleep_misses_nothing() {
        let mut wheel = Wheel::new(at(0));
        (0..100).for_each(|slot| wheel.arm(slot, at(u64::from(slot) * 10_000)));
        assert_eq!(fired(&mut wheel, 10_000_000).len(), 100);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_of_deadlines(
            steps in prop::collection::vec((0u32..20, 0u64..200_000, 0u64..40_000, 0u8..4), 1..200),
        ) {
            let mut wheel = Wheel::new(at(0));
            let mut model = std::collections::BTreeMap::new();
            let mut now = 0;
            for (slot, ahead, wait, what) in steps {
                match what {
                    0 => { wheel.arm(slot, at(now + ahead)); model.insert(slot, now + ahead); }
                    1 => {
                        wheel.arm_by(slot, at(now + ahead));
                        let entry = model.entry(slot).or_insert(u64::MAX);
                        *entry = (*entry).min(now + ahead);
                    }
                    2 => { wheel.cancel(slot); model.remove(&slot); }
                    _ => {
                        now += wait;
                        for slot in fired(&mut wheel, now) {
                            let deadline = model.remove(&slot);
                            prop_assert!(deadline.is_some_and(|deadline| deadline <= now));
                        }
                        let late = model.values().filter(|&&deadline| deadline + 16 <= now).count();
                        prop_assert_eq!(late, 0);
                    }
                }
                if let Some(first) = model.values().min() {
                    let next = wheel.next().unwrap().millis();
                    prop_assert!(next <= first.next_multiple_of(16).max(now + 16));
                } else {
                    prop_assert_eq!(wheel.next(), None);
                }
            }
        }
    }
}
