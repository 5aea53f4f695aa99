//! Bodies that identify their push or message, padded to a length.

use bytes::Bytes;

use crate::history::{Answer, MessageId, PushId};

const PUSH: u8 = b'p';
const MESSAGE: u8 = b'm';
const TAKEN: u8 = b't';

/// The subject of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Body {
    Push(PushId),
    Message(MessageId),
    /// The reply to a message.
    Reply(MessageId, Answer),
}

impl Body {
    /// The encoded body, of at least five bytes.
    pub(crate) fn to_bytes(self, len: usize) -> Bytes {
        let (kind, number) = match self {
            Self::Push(push) => (PUSH, push.0),
            Self::Message(message) => (MESSAGE, message.0),
            Self::Reply(message, _) => (TAKEN, message.0),
        };
        let mut bytes = vec![kind; len.max(5)];
        bytes[1..5].copy_from_slice(&number.to_be_bytes());
        bytes.into()
    }

    /// Parses a body; `None` if it was altered.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, filling) = rest.split_first_chunk()?;
        let number = u32::from_be_bytes(*number);
        if filling.iter().any(|byte| byte != kind) {
            return None;
        }
        match *kind {
            PUSH => Some(Self::Push(PushId(number))),
            MESSAGE => Some(Self::Message(MessageId(number))),
            TAKEN => Some(Self::Reply(MessageId(number), Answer::Taken)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_only_whole() {
        let bytes = Body::Push(PushId(0x0102_0304)).to_bytes(7);
        assert_eq!(bytes[..], [b'p', 1, 2, 3, 4, b'p', b'p']);
        assert_eq!(Body::parse(&bytes), Some(Body::Push(PushId(0x0102_0304))));
        assert_eq!(Body::parse(&bytes[..4]), None);
        assert_eq!(Body::parse(b"p\0\0\0\x01px"), None);
    }
}
