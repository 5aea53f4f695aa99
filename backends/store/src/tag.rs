//! What the gateway gives back when a delivery is acknowledged.
//!
//! Ids leave eleven bits of a tag free; two of them tell what kind of id it is. A message's tag is
//! its id itself.

use comet_dtalk::id::Id;

const SIGNAL: u64 = 1 << 62;
const GROUP: u64 = 1 << 61;

/// What was delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tag {
    /// A message between users.
    Message(i64),
    /// A signal.
    Signal(i64),
    /// A message to a group.
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

    /// `None` for a tag that is not the store's.
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
