//! Frames to their compressed form (RFC 7692 section 7.2.1).

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{TAIL, Window};
use crate::ws::{FrameHead, MAX_HEAD_LEN};

/// Room for the marks of a flush, beside what it flushes.
const FLUSH: usize = 16;

/// Longest part that can be left as it is: one stored block.
const MAX_STORED: usize = u16::MAX as usize;

/// Compresses frames, one after the other, for any number of connections.
///
/// A window costs from its first use on: 370 KiB for 15 bits, 240 for 9, 2 MiB for all seven;
/// beside it, as much as a frame while that is compressed, and 64 KiB between frames.
#[derive(Debug)]
pub struct Deflater {
    level: Compression,
    states: [Option<Box<Compress>>; Window::ALL.len()],
    payload: Vec<u8>,
}

impl Deflater {
    /// A deflater of a level from 1, the fastest, to 9; others count as the nearest.
    #[must_use]
    pub fn new(level: u8) -> Self {
        let level = Compression::new(level.clamp(1, 9).into());
        Self { level, states: Default::default(), payload: Vec::new() }
    }

    /// Appends the compressed form of an unmasked frame that is a whole message, of which the first
    /// `stored` bytes of the payload stay as they are. They may be overwritten afterwards: nothing
    /// refers to them. Returns where they begin in what was appended.
    ///
    /// `None`, and nothing is appended, if the compressed frame would not be shorter.
    pub fn compress(
        &mut self,
        window: Window,
        frame: &[u8],
        stored: usize,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        let (head, head_len) = FrameHead::parse(frame).ok()??;
        let payload = &frame[head_len..];
        let (as_it_is, rest) = payload.split_at_checked(stored)?;
        self.payload.clear();
        if stored > 0 {
            put_stored(as_it_is, &mut self.payload)?;
        }
        let start = self.payload.len().saturating_sub(stored);
        self.deflate(window, rest, payload.len())?;
        let payload_len = self.payload.len() as u64;
        let head = FrameHead { compressed: true, payload_len, ..head }.encode();
        out.reserve(MAX_HEAD_LEN + self.payload.len());
        out.extend_from_slice(&head);
        out.extend_from_slice(&self.payload);
        self.payload.shrink_to(MAX_STORED);
        Some(head.len() + start)
    }

    /// Appends blocks to the payload, which must get shorter than `most` bytes.
    fn deflate(&mut self, window: Window, input: &[u8], most: usize) -> Option<()> {
        let (level, bits) = (self.level, window.bits());
        let new = || Box::new(Compress::new_with_window_bits(level, false, bits));
        let state = self.states[window.index()].get_or_insert_with(new);
        state.reset();
        let out = &mut self.payload;
        out.reserve(most.saturating_add(FLUSH).saturating_sub(out.len()));
        let status = state.compress_vec(input, out, FlushCompress::Sync).ok()?;
        let is_done = status == Status::Ok
            && state.total_in() == input.len() as u64
            && out.len() < out.capacity();
        if !is_done || !out.ends_with(&TAIL) {
            return None;
        }
        out.truncate(out.len() - TAIL.len());
        (out.len() < most).then_some(())
    }
}

/// Appends a block that is not compressed (RFC 1951 section 3.2.4), at the front of a stream.
fn put_stored(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let len = u16::try_from(bytes.len()).ok()?;
    out.push(0);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&(!len).to_le_bytes());
    out.extend_from_slice(bytes);
    Some(())
}
