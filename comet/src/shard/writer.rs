//! How bytes get to sockets: one system call for each write, or one for many.
//!
//! Whoever has something for many connections collects it and hands it over together, whichever
//! way it goes then, so that there is one order of events to reason about and to test.
//!
//! Not here: what is written to whom (`fanout`, `output`), and reading, which the poller's reports
//! drive.

use std::io;
use std::os::fd::BorrowedFd;

use comet_uring::Ring;

use super::socket::Socket;
use crate::config::Io;

/// Writes that are collected before they are made: enough that the call is a small part of them,
/// and few enough that what they read and write stays in the processor's cache.
pub(super) const BATCH: usize = 128;

/// The way to the sockets. Made on the shard's own thread.
#[derive(Debug, Default)]
pub(super) struct Writer {
    ring: Option<Ring>,
}

impl Writer {
    /// The way that was asked for, or the one that there is.
    pub(super) fn new(io: Io, shard: usize) -> Self {
        let ring = match io {
            Io::Epoll => None,
            Io::Auto | Io::Uring => open()
                .inspect_err(|error| tracing::info!(shard, %error, "no io_uring: plain writes"))
                .ok(),
        };
        Self { ring }
    }

    /// Offers each socket its bytes once, and appends what it took to the results, in this order.
    pub(super) fn write<'a>(
        &mut self,
        writes: impl Iterator<Item = (&'a Socket, &'a [u8])>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        match &mut self.ring {
            Some(ring) => ring.send(writes.filter_map(described), results),
            None => results.extend(writes.map(|(socket, bytes)| socket.send(bytes))),
        }
    }
}

/// Whether the system lets this process have rings.
pub(crate) fn open() -> io::Result<Ring> {
    Ring::new(u32::try_from(BATCH).unwrap_or(u32::MAX))
}

/// A shard with a ring has no sockets but the system's.
fn described<'a>((socket, bytes): (&'a Socket, &'a [u8])) -> Option<(BorrowedFd<'a>, &'a [u8])> {
    Some((socket.descriptor()?, bytes))
}
