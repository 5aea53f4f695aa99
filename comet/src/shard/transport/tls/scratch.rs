//! Space for records on their way, one for each thread that has TLS connections: some 230 KiB.
//! Nothing stays in it.

use std::cell::Cell;

/// Longest input that can wait in a connection: a handshake message, or a record of TLS 1.2.
pub(super) const TAIL: usize = 64 * 1024;

/// Bytes read at once.
const READ: usize = 64 * 1024;

/// The space of a thread.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Input from the socket, behind what waited.
    pub(super) wire: Vec<u8>,
    /// Output before it is sealed.
    pub(super) plain: Vec<u8>,
    /// Output after that.
    pub(super) sealed: Vec<u8>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// Lends the space. Uses that are nested have a space of their own.
pub(super) fn with<T>(then: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.take();
    let result = then(&mut scratch);
    SCRATCH.set(scratch);
    result
}

impl Scratch {
    /// Puts a tail in front of the space for input. Its length, and the space behind it.
    pub(super) fn wire(&mut self, tail: &[u8]) -> (usize, &mut [u8]) {
        self.wire.resize(TAIL + READ, 0);
        self.wire[..tail.len()].copy_from_slice(tail);
        (tail.len(), &mut self.wire[tail.len()..][..READ])
    }
}
