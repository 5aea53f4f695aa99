//! Bytes to and from sockets: one system call for each of them, or one for many.
//!
//! Writes to many connections are collected and made together whichever way they go then, so that
//! there is one order of events to reason about and to test.
//!
//! Not here: the choice of what to write (`publisher`, `flushing`) and to read (`reader`).

use std::io;
use std::os::fd::BorrowedFd;

use comet_uring::Ring;

use crate::config::Io;
use crate::shard::transport::Transport;

/// Writes that are collected before they are made: enough that the call is a small part of them,
/// and few enough that what they touch stays in the processor's cache.
pub(in crate::shard) const BATCH: usize = 128;

/// The way to the sockets and back. Made on the shard's own thread.
#[derive(Debug, Default)]
pub(in crate::shard) struct BatchIo {
    ring: Option<Ring>,
}

impl BatchIo {
    /// The way that was asked for, or the one that there is.
    pub(super) fn new(io: Io, shard: usize) -> Self {
        if io == Io::Epoll {
            return Self::default();
        }
        let ring = open().inspect_err(|error| match io {
            // It was not asked for.
            Io::Auto => tracing::info!(shard, %error, "without io_uring"),
            _ => tracing::warn!(shard, %error, "without io_uring"),
        });
        Self { ring: ring.ok() }
    }

    /// Offers each socket its bytes once, and appends what it took to the results, in this order.
    pub(super) fn write<'a>(
        &mut self,
        writes: impl Iterator<Item = (&'a Transport, &'a [u8])>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        match &mut self.ring {
            Some(ring) => ring.send(writes.filter_map(described), results),
            None => results.extend(writes.map(|(transport, bytes)| transport.write_batched(bytes))),
        }
    }

    /// Reads once from each socket, into a buffer of its own, and appends how much came, in this
    /// order.
    pub(super) fn read<'a>(
        &mut self,
        reads: impl Iterator<Item = (&'a Transport, &'a mut [u8])>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        match &mut self.ring {
            Some(ring) => ring.receive(reads.filter_map(described), results),
            None => results.extend(reads.map(|(transport, buffer)| transport.read_batched(buffer))),
        }
    }
}

/// Whether the system lets this process have rings.
pub(crate) fn open() -> io::Result<Ring> {
    Ring::new(u32::try_from(BATCH).unwrap_or(u32::MAX))
}

/// A shard with a ring batches no calls but those of the system.
fn described<B>((transport, bytes): (&Transport, B)) -> Option<(BorrowedFd<'_>, B)> {
    Some((transport.descriptor()?, bytes))
}
