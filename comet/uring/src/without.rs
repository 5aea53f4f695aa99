//! A substitute for the ring on systems without one.

use std::io;
use std::os::fd::BorrowedFd;

/// An uninhabited type: there is no ring on this system.
#[derive(Debug)]
pub enum Ring {}

impl Ring {
    /// Returns an error.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn new(_capacity: u32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Number of writes per system call.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        match *self {}
    }

    /// Writes to each socket as much as it accepts.
    pub fn send<'a>(
        &mut self,
        _sends: impl IntoIterator<Item = (BorrowedFd<'a>, &'a [u8])>,
        _results: &mut Vec<io::Result<usize>>,
    ) {
        match *self {}
    }

    /// Reads from each socket the available bytes.
    pub fn receive<'a>(
        &mut self,
        _reads: impl IntoIterator<Item = (BorrowedFd<'a>, &'a mut [u8])>,
        _results: &mut Vec<io::Result<usize>>,
    ) {
        match *self {}
    }
}
