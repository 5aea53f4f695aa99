//! Compressed messages back to what they were (RFC 7692 section 7.2.2).

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

use super::{TAIL, Window};
use crate::ws::{Message, MessageKind, WsError};

/// An empty last block with fixed codes: ends a stream that stands between two blocks, and no
/// other.
const LAST: [u8; 2] = [0x03, 0x00];

/// Bytes of an inflated message that are kept room for from the start, and between messages.
const KEEP: usize = 16 * 1024;

/// Inflates messages, one after the other, of any number of connections.
///
/// Costs 60 KiB from the first message on: a window of 32 KiB, tables, and room for a message of
/// 16 KiB; while a longer one is in use, the length of that.
#[derive(Debug, Default)]
pub struct Inflater {
    state: Option<Decompress>,
    out: Vec<u8>,
}

impl Inflater {
    /// The message as its sender had it, which is borrowed from here if it was compressed. It is
    /// inflated to at most `limit` bytes, and no further: a longer one costs the time and memory of
    /// that many. Text is checked afterwards.
    ///
    /// # Errors
    ///
    /// [`WsError::MessageTooLong`] beyond the limit, [`WsError::InvalidDeflate`] if the payload is
    /// not whole blocks, [`WsError::InvalidUtf8`] for a text that is none.
    pub fn inflate<'a>(
        &'a mut self,
        message: Message<'a>,
        limit: usize,
    ) -> Result<Message<'a>, WsError> {
        if !message.compressed {
            return Ok(message);
        }
        self.release();
        self.out.clear();
        self.run(&message.payload, limit)?;
        if message.kind == MessageKind::Text && std::str::from_utf8(&self.out).is_err() {
            return Err(WsError::InvalidUtf8);
        }
        let payload = Cow::Borrowed(&self.out[..]);
        Ok(Message { kind: message.kind, compressed: false, payload })
    }

    /// Gives back the memory of a long message, which is done anyway when the next one comes.
    pub fn release(&mut self) {
        if self.out.capacity() > KEEP {
            self.out = Vec::new();
        }
    }

    fn run(&mut self, payload: &[u8], limit: usize) -> Result<(), WsError> {
        let bits = Window::Bits15.bits();
        let state = self.state.get_or_insert_with(|| Decompress::new_with_window_bits(false, bits));
        state.reset(false);
        let mut run = Run { state, out: &mut self.out, limit, is_between: false };
        run.feed(payload)?;
        if run.is_between {
            // The sender ended its last stream, and left out what would follow.
            return Ok(());
        }
        run.feed(&TAIL)?;
        let len = run.out.len();
        run.feed(&LAST)?;
        if run.is_between && run.out.len() == len { Ok(()) } else { Err(WsError::InvalidDeflate) }
    }
}

/// A message that is being inflated.
struct Run<'a> {
    state: &'a mut Decompress,
    out: &'a mut Vec<u8>,
    limit: usize,
    /// A stream has ended, and nothing has come after it.
    is_between: bool,
}

impl Run<'_> {
    /// Inflates more of the message. Blocks that are the last of their stream are followed by
    /// others, of a stream of its own (section 7.2.3.4).
    fn feed(&mut self, mut input: &[u8]) -> Result<(), WsError> {
        while !input.is_empty() {
            if self.is_between {
                self.state.reset(false);
                self.is_between = false;
            }
            self.make_room(input.len());
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress_vec(input, self.out, FlushDecompress::None);
            let status = status.map_err(|_| WsError::InvalidDeflate)?;
            if self.out.len() > self.limit {
                return Err(WsError::MessageTooLong { limit: self.limit });
            }
            let taken = usize::try_from(self.state.total_in() - taken).unwrap_or(usize::MAX);
            input = input.get(taken..).ok_or(WsError::InvalidDeflate)?;
            self.is_between = status == Status::StreamEnd;
            let is_stuck = taken == 0 && self.state.total_out() == given;
            if is_stuck && !self.is_between {
                return Err(WsError::InvalidDeflate);
            }
        }
        self.drain()
    }

    /// Takes what the state still has to give after the last byte of input.
    fn drain(&mut self) -> Result<(), WsError> {
        while !self.is_between && self.out.len() == self.out.capacity() {
            self.make_room(0);
            let before = self.out.len();
            let status = self.state.decompress_vec(&[], self.out, FlushDecompress::None);
            // That there is no input is not an error.
            self.is_between = status.is_ok_and(|status| status == Status::StreamEnd);
            if self.out.len() > self.limit {
                return Err(WsError::MessageTooLong { limit: self.limit });
            }
            if self.out.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Grows by doubling, and never beyond the limit and a byte that tells of more.
    fn make_room(&mut self, arrived: usize) {
        if self.out.len() == self.out.capacity() {
            let most = self.limit.saturating_add(1).max(KEEP);
            let wanted = KEEP.max(4 * arrived).max(2 * self.out.len()).min(most);
            self.out.reserve_exact(wanted.saturating_sub(self.out.len()));
        }
    }
}
