//! Delivery classes on the wire, and the heads of deliveries.

use bytes::Bytes;

use super::limits::KEY;
use super::{Seq, VER, op};
use crate::head::{Head, Layout, MAX_HEAD};

/// Guarantee of a delivery.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Class {
    /// Sent again until acknowledged, in order within its lane, as long as the session lives. Best
    /// effort for peers whose dialect has no acks.
    Acked,
    /// Sent once, in order with other best-effort deliveries; dropped for a peer that reads too
    /// slowly, which is told if its dialect can. May overtake acked deliveries that wait for room
    /// in the window.
    BestEffort,
    /// Sent once, and only the newest of its key: while the peer cannot take it, a newer one
    /// replaces it. Best effort for peers whose dialect has no keys.
    Latest,
}

/// Offset of the seq in a head: the only bytes in which the deliveries of one message to several
/// sessions differ.
pub const SEQ_AT: usize = 12;

/// Head of a delivery with a body of `body_len` bytes, including the prefix of a [`Key`].
///
/// `seq` is the number of an acked delivery; that of others is their count on a connection with
/// datagrams, and none elsewhere.
///
/// # Panics
///
/// When the body is longer than 2 GiB, which no receiver takes.
#[must_use]
pub fn deliver_head(class: Class, seq: Seq, body_len: usize) -> [u8; MAX_HEAD] {
    let op = match class {
        Class::Acked => op::DELIVER,
        Class::BestEffort => op::DELIVER_BEST_EFFORT,
        Class::Latest => op::DELIVER_LATEST,
    };
    Head { ver: VER, op, seq: seq.get(), ack: 0 }.to_bytes(Layout::Dtalk, body_len)
}

/// Key by which latest deliveries replace each other; opaque, 0 to 255 bytes.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Key(Bytes);

/// A key longer than its one-byte length field allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a key of {0} bytes is longer than {KEY}")]
pub struct KeyTooLong(pub usize);

impl Key {
    /// A key of these bytes.
    ///
    /// # Errors
    ///
    /// [`KeyTooLong`] above 255 bytes.
    pub fn new(key: impl Into<Bytes>) -> Result<Self, KeyTooLong> {
        let key = key.into();
        if key.len() > KEY { Err(KeyTooLong(key.len())) } else { Ok(Self(key)) }
    }

    /// The bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Appends the prefix of the body of a latest delivery: the length and the key.
    pub fn write_prefix(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(&self.0);
    }

    /// Length of the prefix in bytes.
    #[must_use]
    pub const fn prefix_len(&self) -> usize {
        1 + self.0.len()
    }

    /// Splits the body of a latest delivery without copying; `None` if truncated.
    pub(super) fn split(mut body: Bytes) -> Option<(Self, Bytes)> {
        let len = usize::from(*body.first()?);
        if body.len() <= len {
            return None;
        }
        let rest = body.split_off(1 + len);
        Some((Self(body.slice(1..)), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_one_message_differ_in_their_seq_only() {
        let mut one = deliver_head(Class::Acked, Seq::new(7), 2);
        let two = deliver_head(Class::Acked, Seq::new(0x0102_0304), 2);
        assert_ne!(one, two);
        one[SEQ_AT..SEQ_AT + 4].copy_from_slice(&[1, 2, 3, 4]);
        assert_eq!(one, two);
    }

    #[test]
    fn a_key_is_split_from_the_body_that_follows() {
        let body = Bytes::from_static(b"\x02k1rest");
        let (key, rest) = Key::split(body).unwrap();
        assert_eq!((key.as_bytes().as_ref(), rest.as_ref()), (&b"k1"[..], &b"rest"[..]));
        assert_eq!(Key::split(Bytes::from_static(b"\0")).unwrap(), Default::default());
        assert_eq!(Key::split(Bytes::from_static(b"\x02k")), None);
        assert_eq!(Key::split(Bytes::new()), None);
    }

    #[test]
    fn a_key_has_at_most_255_bytes() {
        assert_eq!(Key::new(vec![0; 256]), Err(KeyTooLong(256)));
        assert_eq!(Key::new(vec![0; 255]).unwrap().prefix_len(), 256);
    }
}
