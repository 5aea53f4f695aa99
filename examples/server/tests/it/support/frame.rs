//! Frames as clients write and read them: a head of 20 bytes, and a body.
//!
//! ```text
//!  0         4      6      8        12       16       20
//! ┌─────────┬──────┬──────┬────────┬────────┬────────┬──────┐
//! │ packLen │  20  │ ver  │   op   │  seq   │  ack   │ body │
//! └─────────┴──────┴──────┴────────┴────────┴────────┴──────┘
//! ```

use bytes::{Buf, Bytes, BytesMut};

pub(crate) const HEAD_LEN: usize = 20;
/// The longest body sent by a server.
const MAX_BODY: usize = 16_384;

pub(crate) const AUTH: u32 = 1;
pub(crate) const AUTH_REPLY: u32 = 2;
pub(crate) const HEARTBEAT: u32 = 3;
pub(crate) const HEARTBEAT_REPLY: u32 = 4;
pub(crate) const DISCONNECT: u32 = 5;
pub(crate) const SEND: u32 = 7;
pub(crate) const SEND_REPLY: u32 = 8;
pub(crate) const DELIVER: u32 = 9;
pub(crate) const DELIVER_ACK: u32 = 10;

/// One frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) ver: u16,
    pub(crate) op: u32,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) body: Bytes,
}

/// A frame that acknowledges nothing.
pub(crate) fn frame(op: u32, seq: u32, body: impl Into<Bytes>) -> Frame {
    Frame { ver: 1, op, seq, ack: 0, body: body.into() }
}

/// The ack of a delivery.
pub(crate) fn ack(seq: u32, delivery: u32) -> Frame {
    Frame { ack: delivery, ..frame(DELIVER_ACK, seq, "") }
}

impl Frame {
    /// The frame's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_LEN + self.body.len());
        bytes.extend_from_slice(&((HEAD_LEN + self.body.len()) as u32).to_be_bytes());
        bytes.extend_from_slice(&[0, 20]);
        bytes.extend_from_slice(&self.ver.to_be_bytes());
        bytes.extend_from_slice(&self.op.to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.ack.to_be_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Takes the frame at the front, if it is complete.
    pub(crate) fn take(unread: &mut BytesMut) -> Option<Self> {
        let len = u32::from_be_bytes(*unread.first_chunk()?) as usize;
        assert!((HEAD_LEN..=HEAD_LEN + MAX_BODY).contains(&len), "packLen {len}");
        (unread.len() >= len).then(|| Self::decode(unread.split_to(len).freeze()))
    }

    /// Parses the bytes of exactly one frame.
    pub(crate) fn decode(mut bytes: Bytes) -> Self {
        assert_eq!(bytes.get_u32() as usize, bytes.len() + 4, "packLen is the length");
        assert_eq!(bytes.get_u16(), 20, "headerLen");
        Self {
            ver: bytes.get_u16(),
            op: bytes.get_u32(),
            seq: bytes.get_u32(),
            ack: bytes.get_u32(),
            body: bytes,
        }
    }
}

/// A protobuf field of bytes or text.
pub(crate) fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(value.len() as u64), value].concat()
}

/// A protobuf varint: seven bits per byte, least significant first.
pub(crate) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Bytes from pairs of hexadecimal digits, with optional blanks.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    assert!(digits.len().is_multiple_of(2), "pairs of digits");
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}
