//! An owned frame and an incremental decoder, for clients and tools.
//!
//! The gateway itself decodes packets in place with [`split`]; this decoder keeps a buffer of its
//! own, of at most one packet.

use bytes::{Buf, Bytes, BytesMut};

use crate::DecodeError;
use crate::head::{Head, Layout, Split, split};

/// A head and its body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frame {
    /// The head.
    pub head: Head,
    /// The body.
    pub body: Bytes,
}

impl Frame {
    /// A frame of protocol version 1 with `ack` 0.
    #[must_use]
    pub fn new(op: u32, seq: u32, body: impl Into<Bytes>) -> Self {
        Self { head: Head::new(op, seq, 0), body: body.into() }
    }

    /// Appends the frame to `out`.
    pub fn write(&self, layout: Layout, out: &mut Vec<u8>) {
        self.head.write(layout, &self.body, out);
    }

    /// The encoded frame.
    #[must_use]
    pub fn to_vec(&self, layout: Layout) -> Vec<u8> {
        let mut out = Vec::with_capacity(layout.head_len() + self.body.len());
        self.write(layout, &mut out);
        out
    }
}

/// Decodes a byte stream into frames.
#[derive(Debug)]
pub struct Decoder {
    layout: Layout,
    max_body: usize,
    buffer: BytesMut,
}

impl Decoder {
    /// A decoder that refuses bodies longer than `max_body` bytes by their length field.
    #[must_use]
    pub fn new(layout: Layout, max_body: usize) -> Self {
        Self { layout, max_body, buffer: BytesMut::new() }
    }

    /// Appends the next bytes of the stream.
    pub fn push(&mut self, input: &[u8]) {
        self.buffer.extend_from_slice(input);
    }

    /// Removes the next complete frame; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]: the stream cannot be continued.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        let Split::Packet { head, len, .. } = split(self.layout, &self.buffer, self.max_body)?
        else {
            return Ok(None);
        };
        let mut packet = self.buffer.split_to(len);
        packet.advance(self.layout.head_len());
        Ok(Some(Frame { head, body: packet.freeze() }))
    }

    /// Buffered bytes that are not yet a frame.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

/// All frames of one message of a message transport: a message may hold several packets.
///
/// # Errors
///
/// [`DecodeError`] when a length is refused, or the message ends inside a packet.
pub fn frames_of(
    layout: Layout,
    mut message: &[u8],
    max_body: usize,
) -> Result<Vec<Frame>, DecodeError> {
    let mut frames = Vec::new();
    while !message.is_empty() {
        match split(layout, message, max_body)? {
            Split::Packet { head, body, len } => {
                frames.push(Frame { head, body: Bytes::copy_from_slice(body) });
                message = &message[len..];
            }
            Split::Need(need) => {
                return Err(DecodeError::Truncated { have: message.len(), need });
            }
        }
    }
    Ok(frames)
}
