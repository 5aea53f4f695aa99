//! Sequence of deliveries of a session, and its remainder from any position.
//!
//! Phones begin with the deliveries that no phone of their user has acknowledged: first messages
//! and entries of groups, then signals. Other devices begin with those stored since their user
//! pulled. After that comes the log, in the order of ids. Entries of groups come from the database
//! until the session is in the rooms of its groups. After deliveries have been given up, the
//! session continues from the first of them.
//!
//! Pure. Not here: progress of a session (`catch_up`).

use crate::catch_up::{LogRange, Source};
use crate::tag::Tag;

/// Beginning of the stream of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Start {
    Phone,
    /// Everything through `covered` was pulled.
    Device {
        covered: i64,
    },
}

/// Deliveries of one session, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    start: Start,
    /// Deliveries with greater ids are in the log only.
    since: i64,
    /// Id up to which entries of groups come from the database; [`i64::MAX`] as long as the session
    /// is in no room.
    grouped: i64,
}

impl Stream {
    /// Sequence of a phone attached when `committed` is the last id.
    pub(crate) fn of_phone(committed: i64) -> Self {
        Self { start: Start::Phone, since: committed, grouped: i64::MAX }
    }

    /// Sequence of another device; its user has pulled everything stored through `covered`.
    pub(crate) fn of_device(covered: Option<i64>, committed: i64) -> Self {
        let covered = covered.map_or(committed, |covered| covered.min(committed));
        let grouped = if covered < committed { i64::MAX } else { committed };
        Self { start: Start::Device { covered }, since: committed, grouped }
    }

    /// The whole sequence.
    pub(crate) fn beginning(&self) -> Vec<LogRange> {
        let part = |source, after| LogRange { source, after, upto: self.since };
        match self.start {
            Start::Phone => vec![part(Source::Unreceived, 0), part(Source::UnreceivedSignals, 0)],
            Start::Device { covered } if covered < self.since => {
                vec![part(Source::LogWithGroups, covered)]
            }
            Start::Device { .. } => Vec::new(),
        }
    }

    /// Remainder from a delivery on, of everything stored when `committed` is the last id.
    pub(crate) fn from(&self, first: Tag, committed: i64) -> Vec<LogRange> {
        let (Tag::Message(id) | Tag::Signal(id) | Tag::Group(id)) = first;
        let (mut after, mut parts) = (id - 1, Vec::new());
        let mut part = |source, after, upto| {
            if after < upto {
                parts.push(LogRange { source, after, upto });
            }
        };
        if self.start == Start::Phone {
            let is_signal = matches!(first, Tag::Signal(_));
            if !is_signal {
                part(Source::Unreceived, after, self.since);
            }
            if after < self.since {
                let after = if is_signal { after } else { 0 };
                part(Source::UnreceivedSignals, after, self.since);
            }
            after = after.max(self.since);
        }
        let grouped = self.grouped.min(committed);
        part(Source::LogWithGroups, after, grouped);
        part(Source::Log, after.max(grouped), committed);
        parts
    }

    /// Deliveries with greater ids are in the log only.
    pub(crate) fn since(&self) -> i64 {
        self.since
    }

    /// Log with all later deliveries.
    pub(crate) fn log(&self) -> Source {
        if self.has_groups() { Source::LogWithGroups } else { Source::Log }
    }

    /// Id after which entries of groups came from rooms.
    pub(crate) fn in_rooms_since(&self) -> i64 {
        if self.has_groups() { 0 } else { self.grouped }
    }

    /// Whether entries of groups come from the database as well.
    pub(crate) fn has_groups(&self) -> bool {
        self.grouped == i64::MAX
    }

    /// Records that the session gets entries later than `committed` from the rooms of its groups.
    pub(crate) fn joined(&mut self, committed: i64) {
        self.grouped = self.grouped.min(committed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(source: Source, after: i64, upto: i64) -> LogRange {
        LogRange { source, after, upto }
    }

    #[test]
    fn a_phone_goes_on_where_it_was_in_the_three_parts_of_its_sequence() {
        let mut stream = Stream::of_phone(50);
        let signals = |after| part(Source::UnreceivedSignals, after, 50);
        assert_eq!(stream.beginning(), [part(Source::Unreceived, 0, 50), signals(0)]);
        let with_groups = part(Source::LogWithGroups, 59, 90);
        assert_eq!(stream.from(Tag::Message(60), 90), [with_groups]);
        stream.joined(50);
        let log = part(Source::Log, 50, 90);
        let from = |tag| stream.from(tag, 90);
        assert_eq!(from(Tag::Message(7)), [part(Source::Unreceived, 6, 50), signals(0), log]);
        assert_eq!(from(Tag::Signal(7)), [signals(6), log]);
        assert_eq!(from(Tag::Signal(51)), [log]);
        assert_eq!(from(Tag::Message(60)), [part(Source::Log, 59, 90)]);
    }

    #[test]
    fn a_device_reads_messages_of_groups_until_it_is_in_their_rooms() {
        let mut stream = Stream::of_device(Some(20), 50);
        assert_eq!(stream.beginning(), [part(Source::LogWithGroups, 20, 50)]);
        assert_eq!(stream.from(Tag::Message(70), 90), [part(Source::LogWithGroups, 69, 90)]);
        stream.joined(80);
        let expected = [part(Source::LogWithGroups, 29, 80), part(Source::Log, 80, 90)];
        assert_eq!(stream.from(Tag::Group(30), 90), expected);
        assert_eq!(stream.from(Tag::Message(85), 90), [part(Source::Log, 84, 90)]);
    }

    #[test]
    fn a_device_that_has_everything_is_in_its_rooms_at_once() {
        for covered in [None, Some(50), Some(60)] {
            let stream = Stream::of_device(covered, 50);
            assert_eq!(stream.beginning(), []);
            assert!(!stream.has_groups());
        }
    }
}
