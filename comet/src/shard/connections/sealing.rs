//! Records of TLS connections that are written together with others.
//!
//! Not here: the writes (`writing`), and what a record is (`transport/tls`).

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::slice;

use super::connection::Connection;
use super::key::ConnectionKey;
use crate::shard::transport::{Tls, Transport};

/// Bytes of records that are kept for the next batch.
const KEEP: usize = 256 * 1024;

/// The records of one batch, at most 16 KiB for each connection, and the number of connections that
/// may have some.
#[derive(Debug, Default)]
pub(super) struct Sealing {
    /// TLS connections in the table.
    connections: usize,
    bytes: Vec<u8>,
    records: Vec<Range<usize>>,
}

/// The records of a batch, one for each connection.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    ranges: slice::Iter<'a, Range<usize>>,
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.bytes.get(self.ranges.next()?.clone())
    }
}

impl Sealing {
    /// A connection over this transport has come or gone.
    pub(super) fn count(&mut self, transport: &Transport, by: isize) {
        if matches!(transport, Transport::Tls(_)) {
            self.connections = self.connections.saturating_add_signed(by);
        }
    }

    /// Whether there is any TLS connection.
    #[inline]
    pub(super) fn is_needed(&self) -> bool {
        self.connections > 0
    }

    /// Seals the bytes that go to TLS connections. Whether there are any.
    pub(super) fn seal_all<'a>(
        &mut self,
        slots: &mut [Option<Connection>],
        writes: impl Iterator<Item = (u32, &'a [u8])>,
    ) -> bool {
        if !self.is_needed() {
            return false;
        }
        for (slot, bytes) in writes {
            let connection = slots.get_mut(slot as usize).and_then(Option::as_mut);
            if let Some(Connection { transport: Transport::Tls(tls), .. }) = connection {
                self.seal(tls, bytes);
            }
        }
        !self.records.is_empty()
    }

    /// Seals what waits for TLS connections in one piece that they take in a batch.
    pub(super) fn seal_queued(
        &mut self,
        slots: &mut [Option<Connection>],
        batch: &[ConnectionKey],
    ) {
        if !self.is_needed() {
            return;
        }
        for key in batch {
            let connection = slots.get_mut(key.slot as usize).and_then(Option::as_mut);
            let Some(Connection { transport, out: Some(out), .. }) = connection else { continue };
            if let Some(piece) = out.only_piece()
                && transport.takes_batched(piece.len())
                && let Transport::Tls(tls) = transport
            {
                self.seal(tls, piece);
            }
        }
    }

    /// Seals the next bytes of the batch. Where older records wait they go behind them, and nothing
    /// is to be written; neither is anything where the connection has broken.
    fn seal(&mut self, tls: &mut Tls, plain: &[u8]) {
        let from = self.bytes.len();
        let sealed = tls.seal(plain, &mut self.bytes);
        let is_kept = sealed.is_ok() && tls.has_kept();
        if is_kept {
            tls.keep(&self.bytes[from..]);
        }
        if is_kept || sealed.is_err() {
            self.bytes.truncate(from);
        }
        self.records.push(from..self.bytes.len());
    }

    /// The records, in the order in which they were sealed: none for a connection that has to wait.
    pub(super) fn records(&self) -> Records<'_> {
        Records { bytes: &self.bytes, ranges: self.records.iter() }
    }

    /// The same without the records, which have been written.
    pub(super) fn cleared(mut self) -> Self {
        self.records.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
        self
    }
}

/// Has a connection keep what its socket did not take of its records, and makes the result that of
/// so much plaintext: all of it is taken.
pub(super) fn keep_unsent(
    tls: &mut Tls,
    sealed: &[u8],
    plain: usize,
    result: &mut io::Result<usize>,
) {
    let sent = match result {
        _ if !tls.is_writable() => Err(ErrorKind::BrokenPipe.into()),
        Ok(sent) => Ok(*sent),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
            kind => Err(kind.into()),
        },
    };
    *result = sent.map(|sent: usize| {
        tls.keep(sealed.get(sent..).unwrap_or_default());
        plain
    });
}
