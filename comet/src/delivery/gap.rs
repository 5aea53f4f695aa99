//! Counted runs of deliveries that a peer will never get.

use std::sync::Arc;

pub use comet_protocol::comet::GapReason;

use super::{Class, Delivery, Replay};

/// Consecutive deliveries that will never arrive.
///
/// If they belong to one record, `position` is the first that is missing, and `position + count`
/// the first that is not.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Gap {
    /// Class promised to this peer. [`Class::Acked`] deliveries were ordered with the others, and a
    /// router that has a record pushes them again; nothing was promised of the rest. Acked ones of
    /// a peer whose dialect has no acks are [`Class::BestEffort`].
    pub class: Class,
    /// Number of deliveries missing.
    pub count: u64,
    /// Reason of the loss.
    pub reason: GapReason,
    /// Room they were published to; `None` if they were pushed, or belong to several rooms.
    pub room: Option<Arc<str>>,
    /// Position of the first in its record; 0 if unknown.
    pub position: u64,
    /// Point from which the router is to push again; `None` if nothing
    /// [replayable](Delivery::replayable) is missing. `count` is then the number given up so far.
    pub replay: Option<Replay>,
}

impl Gap {
    /// A gap of one delivery.
    pub(crate) fn of(delivery: &Delivery, room: Option<&Arc<str>>, reason: GapReason) -> Self {
        // A delivery that is too long would be too long again.
        let again = room.is_none() && reason != GapReason::TooLarge;
        let pass = delivery.pass.filter(|_| again);
        let replay = pass.map(|pass| Replay { from: delivery.tag, pass });
        let (class, position) = (delivery.class, delivery.position);
        Self { class, count: 1, reason, room: room.cloned(), position, replay }
    }

    /// Whether `next` directly continues this gap: same room, same reason, dense positions.
    pub(crate) fn goes_on_with(&self, next: &Self) -> bool {
        let same_record = self.room == next.room && self.reason == next.reason;
        let dense = self.position == 0 && next.position == 0
            || self.position != 0 && self.position + self.count == next.position;
        same_record && dense
    }

    /// Adds a later gap; the position is lost unless `next` [continues](Self::goes_on_with) this
    /// one.
    pub(crate) fn extend(&mut self, next: &Self) {
        if !self.goes_on_with(next) {
            self.position = 0;
            if self.room != next.room {
                self.room = None;
            }
            if self.reason != next.reason {
                self.reason = GapReason::Unspecified;
            }
        }
        self.count += next.count;
        self.replay = self.replay.or(next.replay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(room: &str, position: u64, count: u64) -> Gap {
        let (class, room, replay) = (Class::Acked, Some(room.into()), None);
        Gap { class, count, reason: GapReason::Slow, room, position, replay }
    }

    #[test]
    fn a_dense_range_of_one_room_stays_exact() {
        let mut lost = gap("a", 10, 2);
        assert!(lost.goes_on_with(&gap("a", 12, 3)));
        lost.extend(&gap("a", 12, 3));
        assert_eq!(lost, gap("a", 10, 5));
    }

    #[test]
    fn what_is_of_several_rooms_is_only_counted() {
        let mut lost = gap("a", 10, 2);
        assert!(!lost.goes_on_with(&gap("b", 12, 1)));
        lost.extend(&gap("b", 12, 1));
        assert_eq!(lost, Gap { room: None, ..gap("", 0, 3) });
    }

    #[test]
    fn a_hole_between_positions_leaves_only_the_count() {
        let mut lost = gap("a", 10, 2);
        assert!(!lost.goes_on_with(&gap("a", 13, 1)));
        lost.extend(&gap("a", 13, 1));
        assert_eq!(lost, gap("a", 0, 3));
    }
}
