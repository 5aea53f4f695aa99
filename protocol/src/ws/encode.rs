//! Encoding of frames into a buffer (RFC 6455 section 5.2).
//!
//! A server writes heads and payloads separately: one head in front of a body shared by many
//! connections. A client copies the payload anyway, to mask it. Messages are never fragmented; a
//! caller that needs fragments encodes a [`FrameHead`] directly.

use super::{
    CloseCode, EncodedHead, FrameHead, Opcode, apply_mask, close,
    frame::{MAX_CONTROL_LEN, MAX_HEAD_LEN},
};

/// Head of an unmasked frame that is a whole message, or a control frame.
///
/// A control frame carries at most [`MAX_CONTROL_LEN`] bytes.
#[must_use]
pub fn header(opcode: Opcode, payload_len: usize) -> EncodedHead {
    head(opcode, payload_len, None).encode()
}

/// Appends [`header`].
pub fn write_header(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize) {
    out.extend_from_slice(&header(opcode, payload_len));
}

/// Appends an unmasked frame, as a server sends it.
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.reserve(MAX_HEAD_LEN + payload.len());
    write_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a masked frame, as a client sends it. The mask must be unpredictable in production
/// (section 10.3), so the caller provides it.
pub fn write_masked_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    out.reserve(MAX_HEAD_LEN + payload.len());
    out.extend_from_slice(&head(opcode, payload.len(), Some(mask)).encode());
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(mask, &mut out[start..]);
}

/// Appends an unmasked close frame; a reason that is too long is truncated.
pub fn write_close(out: &mut Vec<u8>, code: CloseCode, reason: &str) {
    let reason = close::fitting(reason);
    write_header(out, Opcode::Close, 2 + reason.len());
    close::write_close_body(out, code, reason);
}

fn head(opcode: Opcode, payload_len: usize, mask: Option<[u8; 4]>) -> FrameHead {
    debug_assert!(!opcode.is_control() || payload_len <= MAX_CONTROL_LEN, "{opcode:?} too long");
    FrameHead { fin: true, compressed: false, opcode, mask, payload_len: payload_len as u64 }
}
