//! Dropped deliveries without numbers, until they are reported to the router.
//!
//! Only sessions with drops have an entry. It sums up all drops of one stall, so that a reader that
//! stopped costs the router one report and not one for each delivery.
//!
//! Not here: the end of a stall, and the notices to peers (`shard`).

use std::collections::HashMap;

use super::Gap;

/// Gaps of a session that are kept apart before they are summed up, at least one of each class.
const GAPS: usize = 8;

/// Drops of each session, by slot. Some 64 bytes for each gap, at most ten for a session.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    by_slot: HashMap<u32, Vec<Gap>>,
    /// Slots of sessions whose stalls may be over.
    due: Vec<u32>,
}

impl Losses {
    /// Records a gap of a session.
    pub(crate) fn add(&mut self, slot: u32, gap: Gap) {
        let gaps = self.by_slot.entry(slot).or_insert_with(|| {
            self.due.push(slot);
            Vec::new()
        });
        let last = |same: &dyn Fn(&Gap) -> bool| gaps.iter().rposition(same);
        let at = last(&|known| known.class == gap.class && known.goes_on_with(&gap))
            .or((gaps.len() < GAPS).then_some(usize::MAX))
            .or_else(|| last(&|known| known.class == gap.class && known.room == gap.room))
            .or_else(|| last(&|known| known.class == gap.class));
        match at.and_then(|at| gaps.get_mut(at)) {
            Some(known) => known.extend(&gap),
            None => gaps.push(gap),
        }
    }

    /// Notes that the stall of a session may be over.
    #[inline]
    pub(crate) fn may_be_over(&mut self, slot: u32) {
        if !self.by_slot.is_empty() && self.by_slot.contains_key(&slot) {
            self.due.push(slot);
        }
    }

    /// Takes the sessions whose stalls may be over.
    pub(crate) fn take_due(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.due)
    }

    /// Takes the gaps of a session.
    pub(crate) fn take(&mut self, slot: u32) -> Vec<Gap> {
        if self.by_slot.is_empty() {
            return Vec::new();
        }
        self.by_slot.remove(&slot).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::delivery::{Class, GapReason};

    fn gap(class: Class, room: Option<&str>, position: u64) -> Gap {
        let room = room.map(Arc::from);
        Gap { class, count: 1, reason: GapReason::Slow, room, position, replay: None }
    }

    #[test]
    fn what_is_dropped_in_a_row_is_one_gap() {
        let mut losses = Losses::default();
        (10..1_010).for_each(|at| losses.add(3, gap(Class::BestEffort, Some("a"), at)));
        losses.may_be_over(3);
        losses.may_be_over(4);
        assert_eq!(losses.take_due(), [3, 3]);
        let whole = Gap { count: 1_000, ..gap(Class::BestEffort, Some("a"), 10) };
        assert_eq!(losses.take(3), [whole]);
        assert!(losses.take(3).is_empty() && losses.take_due().is_empty());
        losses.may_be_over(3);
        assert!(losses.take_due().is_empty());
    }

    #[test]
    fn rooms_and_classes_stand_beside_each_other() {
        let mut losses = Losses::default();
        for room in ["a", "b", "a", "b"] {
            losses.add(1, gap(Class::BestEffort, Some(room), 0));
            losses.add(1, gap(Class::Latest, Some(room), 0));
        }
        let of = |class, room| Gap { count: 2, ..gap(class, Some(room), 0) };
        let (once, latest) = (Class::BestEffort, Class::Latest);
        let expected = [of(once, "a"), of(latest, "a"), of(once, "b"), of(latest, "b")];
        assert_eq!(losses.take(1), expected);
    }

    proptest! {
        #[test]
        fn the_count_of_each_class_is_exact_and_the_list_is_short(
            dropped in proptest::collection::vec((0..3_usize, 0..20_u8, 0..50_u64), 1..300),
        ) {
            let classes = [Class::Acked, Class::BestEffort, Class::Latest];
            let mut losses = Losses::default();
            for &(class, room, position) in &dropped {
                losses.add(7, gap(classes[class], Some(&room.to_string()), position));
            }
            let gaps = losses.take(7);
            prop_assert!(gaps.len() <= GAPS + classes.len());
            for (number, class) in classes.into_iter().enumerate() {
                let expected = dropped.iter().filter(|(of, ..)| *of == number).count() as u64;
                let told = gaps.iter().filter(|gap| gap.class == class).map(|gap| gap.count);
                prop_assert_eq!(told.sum::<u64>(), expected);
            }
        }
    }
}
