//! Events of the decoder.

use std::borrow::Cow;

use bytes::Bytes;

use super::{CloseReason, Opcode, WsError};

/// Result of one call of [`Decoder::decode`](super::Decoder::decode).
#[derive(Debug, Eq, PartialEq)]
pub struct Decoded<'a> {
    /// Bytes consumed from the front of the input.
    pub consumed: usize,
    /// The next event; `None` if more bytes are needed.
    pub event: Option<Event<'a>>,
}

/// One event from the peer.
#[derive(Debug, Eq, PartialEq)]
pub enum Event<'a> {
    /// A whole message, reassembled from its frames.
    Message(Message<'a>),
    /// A ping, to be answered by a pong with the same bytes (section 5.5.2).
    Ping(Cow<'a, [u8]>),
    /// A pong, solicited or not (section 5.5.3).
    Pong(Cow<'a, [u8]>),
    /// The closing handshake; further input is to be ignored (section 5.5.1).
    Close(Option<CloseReason<'a>>),
}

impl<'a> Event<'a> {
    /// The event of a message in a single frame.
    pub(super) fn message(
        kind: MessageKind,
        compressed: bool,
        payload: &'a [u8],
    ) -> Result<Self, WsError> {
        if kind == MessageKind::Text && !compressed && std::str::from_utf8(payload).is_err() {
            return Err(WsError::InvalidUtf8);
        }
        Ok(Self::Message(Message { kind, compressed, payload: Cow::Borrowed(payload) }))
    }

    /// The event of a control frame; of no other opcode.
    pub(super) fn control(opcode: Opcode, body: Cow<'a, [u8]>) -> Result<Self, WsError> {
        match opcode {
            Opcode::Close => CloseReason::parse(body).map(Event::Close),
            Opcode::Ping => Ok(Self::Ping(body)),
            _ => Ok(Self::Pong(body)),
        }
    }
}

/// A whole message.
#[derive(Debug, Eq, PartialEq)]
pub struct Message<'a> {
    /// Type given by the sender.
    pub kind: MessageKind,
    /// Whether the payload is compressed, and a text therefore not checked: see
    /// [`Inflater::inflate`](super::deflate::Inflater::inflate). Never set unless permessage-deflate
    /// was agreed.
    pub compressed: bool,
    /// Borrowed from the input if it arrived in one piece, otherwise the buffer that gathered it.
    pub payload: Cow<'a, [u8]>,
}

impl Message<'_> {
    /// The owned payload: copied only if it was borrowed.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.payload {
            Cow::Borrowed(payload) => Bytes::copy_from_slice(payload),
            Cow::Owned(payload) => payload.into(),
        }
    }
}

/// The two kinds of message (section 5.6).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MessageKind {
    /// Validated UTF-8, once inflated.
    Text,
    /// Any bytes.
    Binary,
}

impl MessageKind {
    /// The kind of message begun by a frame of this opcode.
    pub(super) const fn begun_by(opcode: Opcode) -> Option<Self> {
        match opcode {
            Opcode::Text => Some(Self::Text),
            Opcode::Binary => Some(Self::Binary),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => None,
        }
    }
}
