//! Decoding of bytes into events (RFC 6455 sections 5.4, 5.5, 6.2).
//!
//! A message that lies in the input as one whole frame is unmasked in place and borrowed. Any other
//! is gathered in a buffer that exists only while a message is incomplete, and grows with the bytes
//! received, not with the declared length. The caller only has to keep an incomplete frame head.

use std::{borrow::Cow, mem};

use super::{
    Decoded, Event, FrameHead, MessageKind, Opcode, WsError,
    agreement::Window,
    apply_mask,
    assembly::{Assembly, OpenFrame, OpenMessage},
};

/// Side of the connection that the decoder is on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Receives from clients: every frame must be masked.
    Server,
    /// Receives from a server: no frame may be masked.
    Client,
}

/// Limits of one message. Shared by all connections, so passed to each call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one message. A longer one is refused from its frame head, before it is buffered.
    ///
    /// An unfinished message costs its connection at most twice the bytes received of it. A
    /// compressed one is held as it is until it is complete, and may then be longer by a sixteenth
    /// and 64 bytes, for data that does not compress; it is inflated to no more than the limit.
    pub max_message: usize,
    /// Frames of one message. Fragments cost no memory of their own; this bounds an endless message
    /// of empty fragments.
    pub max_fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 1 << 20,
            // 4 MiB in pieces of 64 bytes, as sent by conformance suites, times two.
            max_fragments: 1 << 17,
        }
    }
}

impl Limits {
    /// Payload bytes of one message. A sender that flushes often needs several bytes for each
    /// block that does not compress.
    const fn most(&self, compressed: bool) -> usize {
        let more = if compressed { self.max_message / 16 + 64 } else { 0 };
        self.max_message.saturating_add(more)
    }
}

/// The receiving half of one WebSocket connection.
#[derive(Debug)]
pub struct Decoder {
    assembly: Option<Box<Assembly>>,
    role: Role,
    deflate: Option<Window>,
}

impl Decoder {
    /// A decoder that holds no memory beyond itself.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self { assembly: None, role, deflate: None }
    }

    /// The same for a connection on which permessage-deflate was agreed, with this window for
    /// messages to the peer: messages of the peer may be
    /// [compressed](super::Message::compressed). It costs the connection nothing.
    #[must_use]
    pub const fn with_deflate(role: Role, window: Window) -> Self {
        Self { assembly: None, role, deflate: Some(window) }
    }

    /// Window for messages to the peer, if permessage-deflate was agreed.
    #[must_use]
    #[inline]
    pub const fn deflate(&self) -> Option<Window> {
        self.deflate
    }

    /// Decodes up to the next event, or to the end of the decodable input.
    ///
    /// Call again with the bytes after [`Decoded::consumed`] until there is no event. The rest is
    /// then an incomplete frame head, shorter than [`MAX_HEAD_LEN`](super::MAX_HEAD_LEN): keep it,
    /// and prepend it to the next input. The consumed bytes must not be used again: payloads have
    /// been unmasked in place.
    ///
    /// # Errors
    ///
    /// The violation by the peer. The connection is then lost, and the decoder must not be used
    /// again.
    pub fn decode<'a>(
        &mut self,
        input: &'a mut [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, WsError> {
        let available = input.len();
        let mut rest = input;
        if let Some(event) = self.resume(&mut rest)? {
            return Ok(Decoded { consumed: available - rest.len(), event: Some(event) });
        }
        while let Some((head, head_len)) = FrameHead::parse_with(rest, self.deflate.is_some())? {
            self.check_mask(&head)?;
            let payload_len = self.admit(&head, limits)?;
            let body = mem::take(&mut rest).split_at_mut(head_len).1;
            if body.len() < payload_len {
                self.begin(&head, payload_len, body)?;
                return Ok(Decoded { consumed: available, event: None });
            }
            let (payload, after) = body.split_at_mut(payload_len);
            rest = after;
            if let Some(mask) = head.mask {
                apply_mask(mask, payload);
            }
            if let Some(event) = self.whole_frame(&head, payload)? {
                return Ok(Decoded { consumed: available - rest.len(), event: Some(event) });
            }
        }
        Ok(Decoded { consumed: available - rest.len(), event: None })
    }

    /// Whether no message and no frame is incomplete.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.assembly.is_none()
    }

    /// Bytes of buffers held for incomplete messages and frames.
    #[must_use]
    pub fn held(&self) -> usize {
        self.assembly.as_ref().map_or(0, |assembly| assembly.capacity())
    }

    /// Continues the frame in which the previous input ended, consuming from the input.
    fn resume(&mut self, input: &mut &mut [u8]) -> Result<Option<Event<'static>>, WsError> {
        let Some(assembly) = &mut self.assembly else { return Ok(None) };
        let Some(frame) = &assembly.frame else { return Ok(None) };
        let here = frame.remaining.min(input.len());
        let (part, after) = mem::take(input).split_at_mut(here);
        *input = after;
        let event = assembly.receive(part)?;
        self.release();
        Ok(event)
    }

    /// Begins a frame of which only `part` has arrived.
    fn begin(&mut self, head: &FrameHead, len: usize, part: &mut [u8]) -> Result<(), WsError> {
        let assembly = self.assembly.get_or_insert_default();
        if let Some(kind) = MessageKind::begun_by(head.opcode) {
            assembly.message = Some(OpenMessage::new(kind, head));
        }
        assembly.frame = Some(OpenFrame::new(head, len));
        // The frame lacks at least one byte, so there is no event yet.
        assembly.receive(part).map(|_| ())
    }

    fn whole_frame<'a>(
        &mut self,
        head: &FrameHead,
        payload: &'a [u8],
    ) -> Result<Option<Event<'a>>, WsError> {
        match (MessageKind::begun_by(head.opcode), head.fin) {
            _ if head.opcode.is_control() => {
                Event::control(head.opcode, Cow::Borrowed(payload)).map(Some)
            }
            (Some(kind), true) => Event::message(kind, head.compressed, payload).map(Some),
            (Some(kind), false) => {
                let message = OpenMessage::new(kind, head);
                self.assembly
                    .get_or_insert_default()
                    .message
                    .insert(message)
                    .append(payload, None)?;
                Ok(None)
            }
            (None, fin) => self.continuation(fin, payload),
        }
    }

    fn continuation(
        &mut self,
        fin: bool,
        payload: &[u8],
    ) -> Result<Option<Event<'static>>, WsError> {
        let Some(assembly) = &mut self.assembly else { return Ok(None) };
        if let Some(message) = &mut assembly.message {
            message.append(payload, fin.then_some(0))?;
        }
        if !fin {
            return Ok(None);
        }
        let event = assembly.finish_message()?;
        self.release();
        Ok(event)
    }

    fn release(&mut self) {
        if self.assembly.as_ref().is_some_and(|assembly| assembly.is_empty()) {
            self.assembly = None;
        }
    }

    const fn check_mask(&self, head: &FrameHead) -> Result<(), WsError> {
        match (self.role, head.mask) {
            (Role::Server, None) => Err(WsError::NotMasked),
            (Role::Client, Some(_)) => Err(WsError::Masked),
            (Role::Server, Some(_)) | (Role::Client, None) => Ok(()),
        }
    }

    /// Whether the frame is allowed now and within the limits; its length, if so.
    fn admit(&mut self, head: &FrameHead, limits: &Limits) -> Result<usize, WsError> {
        let too_long = WsError::MessageTooLong { limit: limits.max_message };
        let len = usize::try_from(head.payload_len).map_err(|_| too_long)?;
        if head.opcode.is_control() {
            return Ok(len);
        }
        let open = self.assembly.as_mut().and_then(|assembly| assembly.message.as_mut());
        let (before, compressed) = match (head.opcode, open) {
            (Opcode::Continuation, None) => return Err(WsError::UnexpectedContinuation),
            (Opcode::Continuation, Some(message)) => {
                if message.fragments >= limits.max_fragments {
                    return Err(WsError::TooManyFragments { limit: limits.max_fragments });
                }
                message.fragments += 1;
                (message.len(), message.compressed)
            }
            (_, None) => (0, head.compressed),
            (_, Some(_)) => return Err(WsError::InterleavedMessage),
        };
        if len > limits.most(compressed).saturating_sub(before) { Err(too_long) } else { Ok(len) }
    }
}
