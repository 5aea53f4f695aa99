//! Buffers for incomplete messages and frames: none while nothing is incomplete.

use std::borrow::Cow;

use super::{
    Event, FrameHead, Message, MessageKind, Opcode, WsError, apply_mask, rotate_mask,
    text::Utf8Progress,
};

/// The message being gathered and the frame being received. Either can exist without the other:
/// between two fragments, or inside a lone control frame.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub(super) message: Option<OpenMessage>,
    pub(super) frame: Option<OpenFrame>,
}

impl Assembly {
    pub(super) const fn is_empty(&self) -> bool {
        self.message.is_none() && self.frame.is_none()
    }

    /// Bytes of buffers held.
    pub(super) fn capacity(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.data.capacity());
        let control = match &self.frame {
            Some(OpenFrame { sink: Sink::Control { body, .. }, .. }) => body.capacity(),
            _ => 0,
        };
        message + control
    }

    /// Receives more of the open frame, and returns the event that it completes.
    pub(super) fn receive(&mut self, part: &mut [u8]) -> Result<Option<Event<'static>>, WsError> {
        let Some(frame) = &mut self.frame else { return Ok(None) };
        apply_mask(frame.mask, part);
        frame.mask = rotate_mask(frame.mask, part.len());
        frame.remaining -= part.len();
        let remaining = frame.remaining;
        match &mut frame.sink {
            Sink::Control { body, .. } => body.extend_from_slice(part),
            Sink::Message { fin } => {
                if let Some(message) = &mut self.message {
                    message.append(part, fin.then_some(remaining))?;
                }
            }
        }
        if remaining > 0 { Ok(None) } else { self.finish_frame() }
    }

    fn finish_frame(&mut self) -> Result<Option<Event<'static>>, WsError> {
        match self.frame.take().map(|frame| frame.sink) {
            Some(Sink::Control { opcode, body }) => {
                Event::control(opcode, Cow::Owned(body)).map(Some)
            }
            Some(Sink::Message { fin: true }) => self.finish_message(),
            Some(Sink::Message { fin: false }) | None => Ok(None),
        }
    }

    /// Returns the message, together with its buffer.
    pub(super) fn finish_message(&mut self) -> Result<Option<Event<'static>>, WsError> {
        let Some(message) = self.message.take() else { return Ok(None) };
        let OpenMessage { kind, compressed, data, progress, .. } = message;
        if kind == MessageKind::Text && !compressed {
            progress.finish(&data)?;
        }
        Ok(Some(Event::Message(Message { kind, compressed, payload: Cow::Owned(data) })))
    }
}

/// A frame with an incomplete payload.
#[derive(Debug)]
pub(super) struct OpenFrame {
    pub(super) remaining: usize,
    /// Rotated to match the next byte; all zero if the frame is not masked.
    mask: [u8; 4],
    sink: Sink,
}

impl OpenFrame {
    pub(super) fn new(head: &FrameHead, payload_len: usize) -> Self {
        let sink = if head.opcode.is_control() {
            Sink::Control { opcode: head.opcode, body: Vec::new() }
        } else {
            Sink::Message { fin: head.fin }
        };
        Self { remaining: payload_len, mask: head.mask.unwrap_or_default(), sink }
    }
}

/// Destination of a frame's payload.
#[derive(Debug)]
enum Sink {
    Message { fin: bool },
    Control { opcode: Opcode, body: Vec<u8> },
}

/// A message of which some frames, or part of a frame, have arrived.
#[derive(Debug)]
pub(super) struct OpenMessage {
    kind: MessageKind,
    /// Text is not checked before it is inflated.
    pub(super) compressed: bool,
    data: Vec<u8>,
    progress: Utf8Progress,
    pub(super) fragments: u32,
}

impl OpenMessage {
    /// A message begun by a frame of this head, which must be of the kind's opcode.
    pub(super) fn new(kind: MessageKind, head: &FrameHead) -> Self {
        let progress = Utf8Progress::default();
        Self { kind, compressed: head.compressed, data: Vec::new(), progress, fragments: 1 }
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// Appends part of the message; `owed` is the remaining length, once declared.
    pub(super) fn append(&mut self, part: &[u8], owed: Option<usize>) -> Result<(), WsError> {
        self.reserve(part.len(), owed);
        self.data.extend_from_slice(part);
        match self.kind {
            MessageKind::Text if !self.compressed => self.progress.advance(&self.data),
            MessageKind::Text | MessageKind::Binary => Ok(()),
        }
    }

    /// Grows by doubling, because a declared length need not arrive, but not beyond that length.
    fn reserve(&mut self, arrived: usize, owed: Option<usize>) {
        let needed = self.data.len() + arrived;
        if needed > self.data.capacity() {
            let most = owed.map_or(usize::MAX, |owed| needed.saturating_add(owed));
            let capacity = needed.saturating_mul(2).min(most);
            self.data.reserve_exact(capacity - self.data.len());
        }
    }
}
