//! Bytes on their way from a session into its connection: of a stream, and datagrams.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Bytes, BytesMut};
use quinn_proto::{WriteError, Written};

/// Bytes of datagrams that wait for their thread. They wait no longer than it takes to look.
const DATAGRAMS: usize = 16 * 1024;

/// Bytes for one stream, in the pieces in which they came.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    pieces: VecDeque<Bytes>,
    len: usize,
}

impl Outbound {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Takes bytes up to a capacity. How many that was.
    pub(super) fn push(&mut self, slices: &[IoSlice<'_>], capacity: usize) -> usize {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let len = wanted.min(capacity.saturating_sub(self.len));
        if len > 0 {
            let mut bytes = BytesMut::with_capacity(len);
            for slice in slices {
                let rest = len - bytes.len();
                bytes.extend_from_slice(&slice[..slice.len().min(rest)]);
            }
            self.pieces.push_back(bytes.freeze());
            self.len += len;
        }
        len
    }

    /// Puts a piece before all others.
    pub(super) fn push_front(&mut self, piece: Bytes) {
        self.len += piece.len();
        self.pieces.push_front(piece);
    }

    /// Moves bytes into a stream until it takes no more.
    ///
    /// # Errors
    ///
    /// The stream takes nothing any more.
    pub(super) fn send(
        &mut self,
        mut write: impl FnMut(&mut [Bytes]) -> Result<Written, WriteError>,
    ) -> Result<(), WriteError> {
        while self.len > 0 {
            match write(self.pieces.make_contiguous()) {
                Ok(written) => {
                    self.pieces.drain(..written.chunks);
                    self.len = self.len.saturating_sub(written.bytes);
                }
                Err(WriteError::Blocked) => break,
                Err(error) => return Err(error),
            }
        }
        if self.len == 0 {
            self.pieces = VecDeque::new();
        }
        Ok(())
    }
}

/// Datagrams that wait for their thread.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    /// Longest that the connection takes; 0 for none.
    longest: usize,
}

impl Datagrams {
    pub(super) fn new(longest: usize) -> Self {
        Self { longest, ..Self::default() }
    }

    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds one; the oldest give way.
    pub(super) fn push(&mut self, datagram: Bytes) {
        self.bytes += datagram.len();
        self.waiting.push_back(datagram);
        while self.bytes > DATAGRAMS
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }

    /// Takes all. From now on they may be so long.
    pub(super) fn take(&mut self, longest: usize) -> VecDeque<Bytes> {
        (self.longest, self.bytes) = (longest, 0);
        std::mem::take(&mut self.waiting)
    }
}
