//! Whole frames in a buffer.

use std::ops::Range;

use comet_protocol::ws::{FrameHead, Opcode, apply_mask};

use super::{BUFFER, End};

/// A frame whose payload has no mask any more.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    /// Range of the payload; the frame ends with it.
    pub(super) payload: Range<usize>,
}

/// The frame at the front, once all of it is there.
pub(super) fn next(input: &mut [u8]) -> Result<Option<Frame>, End> {
    let parsed = FrameHead::parse(input).map_err(|_| End::Broken)?;
    let Some((head, start)) = parsed else { return Ok(None) };
    let len = usize::try_from(head.payload_len).unwrap_or(usize::MAX);
    let (Some(mask), true, true) = (head.mask, head.fin, len < BUFFER - start) else {
        return Err(End::Broken);
    };
    let Some(payload) = input.get_mut(start..start + len) else { return Ok(None) };
    apply_mask(mask, payload);
    Ok(Some(Frame { opcode: head.opcode, payload: start..start + len }))
}
