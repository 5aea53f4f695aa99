//! Tags of deliveries, returned by the gateway with acks.
//!
//! Ids leave eleven bits of a tag free; two of them encode the kind of id. The tag of a message is
//! its id.

use comet_dtalk::id::Id;

const SIGNAL: u64 = 1 << 62;
const GROUP: u64 = 1 << 61;

/// Kind and id of a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tag {
    /// Message between users.
    Message(i64),
    /// Signal.
    Signal(i64),
    /// Message to a group.
    Group(i64),
}

impl Tag {
    pub(crate) const fn encode(self) -> u64 {
        match self {
            Self::Message(id) => id.unsigned_abs(),
            Self::Signal(id) => id.unsigned_abs() | SIGNAL,
            Self::Group(id) => id.unsigned_abs() | GROUP,
        }
    }

    /// Decodes a tag; `None` if it is not one of the store.
    pub(crate) fn decode(tag: u64) -> Option<Self> {
        let number = i64::try_from(tag & !(SIGNAL | GROUP)).ok()?;
        let id = Id::new(number)?.get();
        match tag & (SIGNAL | GROUP) {
            0 => Some(Self::Message(id)),
            SIGNAL => Some(Self::Signal(id)),
            GROUP => Some(Self::Group(id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tagged_with_its_id() {
        assert_eq!(Tag::Message(1000).encode(), 1000);
        assert_eq!(Tag::decode(1000), Some(Tag::Message(1000)));
    }

    #[test]
    fn kinds_come_back_with_the_greatest_id() {
        let id = Id::MAX.get();
        for tag in [Tag::Message(id), Tag::Signal(id), Tag::Group(id)] {
            assert_eq!(Tag::decode(tag.encode()), Some(tag));
        }
    }

    #[test]
    fn foreign_tags_are_nothing() {
        for tag in [0, SIGNAL, GROUP, SIGNAL | GROUP | 7, 1 << 53, u64::MAX] {
            assert_eq!(Tag::decode(tag), None, "{tag:#x}");
        }
    }
}
