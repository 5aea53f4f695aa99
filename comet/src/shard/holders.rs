//! Sessions that may hold much memory, and the largest of them.
//!
//! A session is noted when it begins to stall: its socket takes no more, its window is full, a
//! delivery was sent again, input is unfinished, its connection is gone. Noting sets one bit. What
//! each of them holds is asked only when memory is short, of a bounded part of them at once, in
//! turns: the answer is exact for that part.
//!
//! Not here: the memory that a session holds, and shedding it (`pressure`).

/// Sessions that a look asks at most.
const LOOK: usize = 1_024;

/// Work of one look: about a millisecond of following references.
const WORK: usize = 65_536;

/// Number of the largest that a look finds.
const WORST: usize = 64;

/// A session and the bytes that it holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Holding {
    pub(super) bytes: usize,
    pub(super) slot: u32,
}

/// Answer of a session to a look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// By share, where others hold the same.
    pub(super) bytes: usize,
    /// References that were followed to find out.
    pub(super) work: usize,
    /// Whether it is to be asked again: something still waits for it.
    pub(super) stays: bool,
}

/// The sessions that have been noted.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// A bit for each slot, up to the last that was ever noted.
    noted: Vec<u64>,
    /// Where the next look begins.
    at: usize,
    /// Whether the last look left out sessions that hold something.
    left_out: bool,
}

impl Holders {
    /// From now on the session is asked.
    #[inline]
    pub(super) fn note(&mut self, slot: u32) {
        let word = slot as usize / 64;
        if word >= self.noted.len() {
            self.noted.resize(word + 1, 0);
        }
        self.noted[word] |= 1 << (slot % 64);
    }

    /// Asks some of the sessions for their holdings. The largest, the largest last.
    pub(super) fn look(&mut self, mut ask: impl FnMut(u32) -> Asked) -> Vec<Holding> {
        let (mut asked, mut work) = (0, 0);
        let mut found: Vec<Holding> = Vec::new();
        self.left_out = false;
        for _ in 0..self.noted.len() {
            if asked >= LOOK || work >= WORK {
                self.left_out = true;
                break;
            }
            let word = self.at % self.noted.len();
            self.at = word + 1;
            let mut bits = self.noted[word];
            while bits != 0 {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                let Ok(slot) = u32::try_from(word * 64 + bit as usize) else { continue };
                let held = ask(slot);
                asked += 1;
                work += held.work;
                if !held.stays {
                    self.noted[word] &= !(1 << bit);
                }
                if held.bytes > 0 {
                    found.push(Holding { bytes: held.bytes, slot });
                }
            }
        }
        found.sort_unstable();
        self.left_out |= found.len() > WORST;
        found.drain(..found.len().saturating_sub(WORST));
        found
    }

    /// Whether the last look did not find all who hold something.
    pub(super) fn has_left_out(&self) -> bool {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stays(bytes: usize) -> Asked {
        Asked { bytes, work: 1, stays: true }
    }

    #[test]
    fn the_largest_comes_last_and_who_was_not_noted_is_not_asked() {
        let mut holders = Holders::default();
        [3, 64, 200].into_iter().for_each(|slot| holders.note(slot));
        let mut asked = Vec::new();
        let found = holders.look(|slot| {
            asked.push(slot);
            stays(1_000 - slot as usize)
        });
        assert_eq!(asked, [3, 64, 200]);
        assert_eq!(found.iter().map(|it| it.slot).collect::<Vec<_>>(), [200, 64, 3]);
    }

    #[test]
    fn whoever_holds_nothing_any_more_is_not_asked_again() {
        let mut holders = Holders::default();
        [1, 2].into_iter().for_each(|slot| holders.note(slot));
        assert_eq!(holders.look(|_| Asked::default()), []);
        assert_eq!(holders.look(|_| panic!("nobody is asked")), []);
        holders.note(2);
        assert_eq!(holders.look(|_| stays(5)), [Holding { bytes: 5, slot: 2 }]);
    }

    #[test]
    fn a_look_is_bounded_and_the_next_goes_on() {
        let mut holders = Holders::default();
        (0..100_000).for_each(|slot| holders.note(slot));
        let mut asked = vec![0; 100_000];
        for _ in 0..100_000 / LOOK + 1 {
            let mut now = 0;
            holders.look(|slot| {
                (asked[slot as usize], now) = (asked[slot as usize] + 1, now + 1);
                stays(1)
            });
            assert!(now <= LOOK + 64, "{now}");
        }
        assert!(asked.iter().all(|count| (1..=2).contains(count)), "everybody, in turns");
        let mut now = 0;
        holders.look(|_| {
            now += 1;
            Asked { work: WORK / 100, ..stays(1) }
        });
        assert!((100..200).contains(&now), "what is much work counts for more: {now}");
    }

    proptest! {
        #[test]
        fn what_is_found_are_the_largest_of_those_asked(
            bytes in prop::collection::btree_map(0u32..2_000, 0usize..1_000_000, 0..300),
        ) {
            let mut holders = Holders::default();
            bytes.keys().for_each(|slot| holders.note(*slot));
            let found = holders.look(|slot| stays(bytes[&slot]));
            let mut expected: Vec<usize> = bytes.values().copied().filter(|it| *it > 0).collect();
            expected.sort_unstable();
            expected.drain(..expected.len().saturating_sub(WORST));
            prop_assert_eq!(found.iter().map(|it| it.bytes).collect::<Vec<_>>(), expected);
        }
    }
}
