//! What stands in for the ring where there is none.

use std::io;
use std::os::fd::BorrowedFd;

/// Cannot be made on this system.
#[derive(Debug)]
pub enum Ring {}

impl Ring {
    /// Says that there is none.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn new(_capacity: u32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// How many writes one system call takes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        match *self {}
    }

    /// Writes to each socket what it takes.
    pub fn send<'a>(
        &mut self,
        _sends: impl IntoIterator<Item = (BorrowedFd<'a>, &'a [u8])>,
        _results: &mut Vec<io::Result<usize>>,
    ) {
        match *self {}
    }

    /// Reads from each socket what it has.
    pub fn receive<'a>(
        &mut self,
        _reads: impl IntoIterator<Item = (BorrowedFd<'a>, &'a mut [u8])>,
        _results: &mut Vec<io::Result<usize>>,
    ) {
        match *self {}
    }
}
