//! Sequence of deliveries of a session, and its remainder from any position.
//!
//! Phones begin with the deliveries that no phone of their user has acknowledged: first messages,
//! then signals. Other devices begin with those stored since their user pulled. After that comes
//! the log, in the order of ids. After deliveries have been given up, the session continues from
//! the first of them.
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
    /// Whether group messages come from the database too, because the session is in no room yet.
    has_groups: bool,
}

impl Stream {
    /// Sequence of a phone attached when `committed` is the last id.
    pub(crate) fn of_phone(committed: i64) -> Self {
        Self { start: Start::Phone, since: committed, has_groups: false }
    }

    /// Sequence of another device; its user has pulled everything stored through `covered`.
    pub(crate) fn of_device(covered: Option<i64>, committed: i64) -> Self {
        let covered = covered.map_or(committed, |covered| covered.min(committed));
        let start = Start::Device { covered };
        Self { start, since: committed, has_groups: covered < committed }
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
        let (after, since) = (id - 1, self.since);
        if id > since {
            return vec![LogRange { source: self.log(), after, upto: committed }];
        }
        let part = |source, after| LogRange { source, after, upto: since };
        let mut parts = match (self.start, first) {
            (Start::Phone, Tag::Signal(_)) => vec![part(Source::UnreceivedSignals, after)],
            (Start::Phone, _) => {
                vec![part(Source::Unreceived, after), part(Source::UnreceivedSignals, 0)]
            }
            (Start::Device { .. }, _) => vec![part(Source::LogWithGroups, after)],
        };
        if since < committed {
            parts.push(LogRange { source: self.log(), after: since, upto: committed });
        }
        parts
    }

    /// Deliveries with greater ids are in the log only.
    pub(crate) fn since(&self) -> i64 {
        self.since
    }

    /// Log with all later deliveries.
    pub(crate) fn log(&self) -> Source {
        if self.has_groups { Source::LogWithGroups } else { Source::Log }
    }

    /// Whether group messages come from the database as well.
    pub(crate) fn has_groups(&self) -> bool {
        self.has_groups
    }

    /// Records that the session gets group messages later than `committed` from the rooms of its
    /// groups.
    pub(crate) fn joined(&mut self, committed: i64) {
        if std::mem::take(&mut self.has_groups) {
            self.since = committed;
        }
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
        let stream = Stream::of_phone(50);
        let signals = |after| part(Source::UnreceivedSignals, after, 50);
        assert_eq!(stream.beginning(), [part(Source::Unreceived, 0, 50), signals(0)]);
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
