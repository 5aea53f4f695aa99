//! Received cursor of a user in a stay: the entries that a phone of the user has.
//!
//! It is the position up to which all are received, and ranges above it: some clients never
//! acknowledge what they cannot decrypt. The ranges are bounded: beyond that, the oldest entry that
//! was not acknowledged counts as received, since many after it were.
//!
//! Pure. Not here: where it is kept (`db`).

use std::fmt::Write;

/// Maximum number of ranges above the cursor.
const RANGES: usize = 64;

/// Received entries of a stay.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Received {
    /// Position up to which all are received.
    pub(crate) through: i64,
    /// Id up to which no entry is above `through`; a lower bound, for reading from there.
    pub(crate) through_id: i64,
    /// Received ranges above it, ascending and apart from each other.
    above: Vec<(i64, i64)>,
}

impl Received {
    /// All entries up to this position, whose ids go up to this one.
    pub(crate) fn up_to(position: i64, id: i64) -> Self {
        Self { through: position, through_id: id, above: Vec::new() }
    }

    /// With ranges that were [encoded](Self::encode_above); what is none is left out.
    pub(crate) fn with_above(mut self, text: &str) -> Self {
        let range = |range: &str| {
            let (first, last) = range.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        self.above = text.split_ascii_whitespace().filter_map(range).collect();
        // The cursor may have been moved since they were written.
        self.above.retain(|&(_, last)| last > self.through);
        if let Some(&(first, last)) = self.above.first()
            && first <= self.through + 1
        {
            self.through = last;
            self.above.remove(0);
        }
        self
    }

    /// The ranges above as text.
    pub(crate) fn encode_above(&self) -> String {
        let mut text = String::new();
        for (first, last) in &self.above {
            let blank = if text.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{blank}{first}-{last}");
        }
        text
    }

    /// Whether the entry at this position is received.
    pub(crate) fn has(&self, position: i64) -> bool {
        let is_in = |&(first, last): &(i64, i64)| (first..=last).contains(&position);
        position <= self.through || self.above.iter().any(is_in)
    }

    /// Number of entries up to this position that are not received.
    pub(crate) fn missing_up_to(&self, position: i64) -> i64 {
        let beyond = (position - self.through).max(0);
        let within =
            self.above.iter().map(|&(first, last)| (last.min(position) - first + 1).max(0));
        beyond - within.sum::<i64>()
    }

    /// Records a received entry.
    pub(crate) fn add(&mut self, position: i64, id: i64) {
        if !self.has(position) {
            let at = self.above.partition_point(|&(first, _)| first < position);
            self.above.insert(at, (position, position));
            self.above.dedup_by(|next, before| {
                let touches = before.1 + 1 == next.0;
                if touches {
                    before.1 = next.1;
                }
                touches
            });
        }
        while let Some(&(first, last)) = self.above.first()
            && (first == self.through + 1 || self.above.len() > RANGES)
        {
            self.through = last;
            self.above.remove(0);
        }
        if position <= self.through {
            self.through_id = self.through_id.max(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn with(positions: impl IntoIterator<Item = i64>) -> Received {
        let mut received = Received::up_to(10, 1000);
        positions.into_iter().for_each(|position| received.add(position, 100 * position));
        received
    }

    #[test]
    fn what_is_in_order_moves_the_cursor_alone() {
        assert_eq!(with([11, 12, 13]), Received::up_to(13, 1300));
        assert_eq!(with([5, 10]), Received::up_to(10, 1000));
    }

    #[test]
    fn what_is_above_a_hole_waits_until_it_is_filled() {
        let received = with([14, 12, 13, 16]);
        assert_eq!((received.through, received.through_id), (10, 1000));
        assert_eq!(received.encode_above(), "12-14 16-16");
        let has = [10, 11, 12, 14, 15, 16, 17].map(|position| received.has(position));
        assert_eq!(has, [true, false, true, true, false, true, false]);
        let filled = with([14, 12, 13, 16, 11]);
        assert_eq!((filled.through, &*filled.encode_above()), (14, "16-16"));
        assert_eq!(filled.through_id, 1100, "the ids of the others are not known any more");
    }

    #[test]
    fn ranges_come_back_from_text() {
        let received = with([12, 13, 16]);
        assert_eq!(Received::up_to(10, 1000).with_above(&received.encode_above()), received);
        assert_eq!(Received::up_to(1, 2).with_above("x 3 4-x"), Received::up_to(1, 2));
    }

    #[test]
    fn ranges_that_a_moved_cursor_has_passed_are_dropped() {
        let moved = |through| Received::up_to(through, 0).with_above("12-14 16-16 20-21");
        for (through, expected) in [(11, (14, "16-16 20-21")), (13, (14, "16-16 20-21"))] {
            let received = moved(through);
            assert_eq!((received.through, &*received.encode_above()), expected);
        }
        assert_eq!((moved(15).through, &*moved(15).encode_above()), (16, "20-21"));
        assert_eq!((moved(30).through, &*moved(30).encode_above()), (30, ""));
    }

    #[test]
    fn entries_in_the_holes_are_missing() {
        let received = with([12, 13, 16]);
        let missing = [9, 10, 11, 12, 14, 15, 16, 18].map(|at| received.missing_up_to(at));
        assert_eq!(missing, [0, 0, 1, 1, 2, 3, 3, 5]);
    }

    #[test]
    fn beyond_the_bound_the_oldest_hole_counts_as_received() {
        let all = with((0..=64).map(|n| 12 + 2 * n));
        assert_eq!((all.through, all.above.len(), all.has(11)), (12, 64, true));
        assert!(!all.has(13));
    }

    proptest! {
        #[test]
        fn the_cursor_is_before_the_first_missing(
            positions in prop::collection::vec(11..60_i64, 0..80)
        ) {
            let received = with(positions.iter().copied());
            let known: BTreeSet<i64> = positions.into_iter().collect();
            let first_missing = (11..).find(|position| !known.contains(position));
            prop_assert_eq!(Some(received.through + 1), first_missing);
            for position in 11..70 {
                prop_assert_eq!(received.has(position), known.contains(&position));
            }
        }
    }
}
