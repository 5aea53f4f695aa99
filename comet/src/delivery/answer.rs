//! The router's answer to a message.

use bytes::Bytes;

use crate::Refusal;

/// Answer to a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// A send reply with this body.
    Reply(Bytes),
    /// This refusal; nothing in dialects without refusals.
    Refused(Refusal),
}

impl Answer {
    /// Bytes of the body that is kept for a repeat.
    pub(crate) fn body_len(&self) -> usize {
        match self {
            Self::Reply(body) => body.len(),
            Self::Refused(_) => 0,
        }
    }
}
