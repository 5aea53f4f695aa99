//! Bytes of the table's connections on their way to and from the batched calls, and what a write
//! leaves behind.
//!
//! Not here: the choice of connections that are written (`flushing`, `publisher`).

use std::io::{self, ErrorKind};

#[cfg(feature = "tls")]
use super::Connection;
use super::lane_writing::write_lanes;
#[cfg(feature = "tls")]
use super::sealing::keep_unsent;
use super::{ConnectionKey, Connections, Flush};
use crate::shard::transport::Transport;
use crate::time::Time;

impl Connections {
    /// Writes the queue of one connection, as far as its socket takes it, and those of its lanes.
    /// The outcome for the connection's stream, and the bytes that left.
    ///
    /// # Errors
    ///
    /// Those of the socket; [`OutOfMemory`](ErrorKind::OutOfMemory) says that not everything could
    /// be queued.
    pub(in crate::shard) fn write_out(
        &mut self,
        slot: u32,
        now: Time,
    ) -> Result<(Flush, usize), ErrorKind> {
        let Some(connection) = self.get_mut(slot) else { return Ok((Flush::Done, 0)) };
        let (mut flush, mut total) = (Flush::Done, 0);
        let has_lanes = connection.extras.lanes().is_some();
        if let Some(out) = &mut connection.out {
            let transport = &mut connection.transport;
            let (_, written) = out.flush(now, transport).map_err(|error| error.kind())?;
            transport.drive().map_err(|error| error.kind())?;
            total += written;
            flush = self.settle_queue(slot, now);
        }
        if has_lanes {
            total += write_lanes(self, slot, now)?;
        }
        Ok((flush, total))
    }

    /// After a write: gives the queue back if it is empty; if not, the socket takes no more, and is
    /// not asked again before it says that it does.
    #[inline]
    pub(super) fn settle_queue(&mut self, slot: u32, now: Time) -> Flush {
        let Some(connection) = self.get_mut(slot) else { return Flush::Done };
        let Some(out) = &mut connection.out else { return Flush::Done };
        out.hold(now, connection.transport.held_output());
        if out.len() > 0 {
            connection.state.blocked = true;
            return Flush::Blocked;
        }
        if let Some(out) = connection.out.take() {
            self.pool.put(out);
        }
        Flush::Done
    }

    /// Offers each transport its bytes once, and appends what it took to the results, in this
    /// order. All of the slots must have a connection that [takes](Connection::takes_batched) them.
    ///
    /// TLS takes all of them. What its socket does not take is kept by it, and its connection has
    /// a queue from then on.
    pub(in crate::shard) fn write<'a>(
        &mut self,
        writes: impl Iterator<Item = (u32, &'a [u8])> + Clone,
        now: Time,
        results: &mut Vec<io::Result<usize>>,
    ) {
        #[cfg(feature = "tls")]
        if self.sealing.seal_all(&mut self.slots, writes.clone()) {
            return self.write_sealed(writes, now, results);
        }
        let slots = &self.slots;
        let offered = writes.filter_map(|(slot, bytes)| {
            let connection = slots.get(slot as usize)?.as_ref()?;
            connection.last_write.note(now);
            Some((&connection.transport, bytes))
        });
        self.batch_io.write(offered, results);
    }

    /// The same, where some of the bytes are those of TLS connections, and have been sealed.
    #[cfg(feature = "tls")]
    fn write_sealed<'a>(
        &mut self,
        writes: impl Iterator<Item = (u32, &'a [u8])> + Clone,
        now: Time,
        results: &mut Vec<io::Result<usize>>,
    ) {
        let from = results.len();
        let slots = &self.slots;
        let mut sealed = self.sealing.records();
        let offered = writes.clone().filter_map(|(slot, bytes)| {
            let connection = slots.get(slot as usize)?.as_ref()?;
            connection.last_write.note(now);
            let bytes = match &connection.transport {
                Transport::Tls(_) => sealed.next()?,
                _ => bytes,
            };
            Some((&connection.transport, bytes))
        });
        self.batch_io.write(offered, results);
        self.settle_sealed(writes, now, &mut results[from..]);
    }

    /// Replaces the transport of a connection by one over it.
    ///
    /// # Errors
    ///
    /// It cannot be; the connection is gone.
    #[cfg(feature = "tls")]
    pub(in crate::shard) fn begin_tls(
        &mut self,
        slot: u32,
        begin: impl FnOnce(Transport) -> io::Result<Transport>,
    ) -> io::Result<()> {
        let Some(connection) = self.take(slot) else { return Ok(()) };
        let connection = Connection { transport: begin(connection.transport)?, ..connection };
        self.sealing.count(&connection.transport, 1);
        self.slots[slot as usize] = Some(connection);
        Ok(())
    }

    /// Has TLS connections keep what their sockets did not take, and says that they took all.
    #[cfg(feature = "tls")]
    fn settle_sealed<'a>(
        &mut self,
        writes: impl Iterator<Item = (u32, &'a [u8])>,
        now: Time,
        results: &mut [io::Result<usize>],
    ) {
        let sealing = std::mem::take(&mut self.sealing);
        let mut records = sealing.records();
        for ((slot, bytes), result) in writes.zip(results) {
            let Some(connection) = self.get_mut(slot) else { continue };
            let Transport::Tls(tls) = &mut connection.transport else { continue };
            let Some(sealed) = records.next() else { continue };
            keep_unsent(tls, sealed, bytes.len(), result);
            if connection.transport.held_output() > 0 && connection.out.is_none() {
                // It is looked at once more when the turn ends, and has a deadline from then on.
                let _queue = self.outgoing(slot, now);
                self.settle_queue(slot, now);
            }
        }
        self.sealing = sealing.cleared();
    }

    /// Reads once from each transport, into a buffer of its own, and appends how much came, in this
    /// order. All of the keys must be there and [batchable](Connection::is_batchable).
    pub(in crate::shard) fn read<'a>(
        &'a mut self,
        keys: &[ConnectionKey],
        buffers: impl Iterator<Item = &'a mut [u8]>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        let slots = &self.slots;
        let transport = |key: &ConnectionKey| -> Option<&Transport> {
            Some(&slots.get(key.slot as usize)?.as_ref()?.transport)
        };
        let reads = keys.iter().filter_map(transport).zip(buffers);
        self.batch_io.read(reads, results);
    }
}
