//! Queued bytes on their way to sockets, many connections at a time.
//!
//! Not here: what a walk over a room's members writes at once (`publisher`), and how a queue is
//! made up (`write_queue`).

use std::io::{self, ErrorKind};

#[cfg(feature = "tls")]
use super::sealing::keep_unsent;
use super::{BATCH, Connection, ConnectionKey, Connections, Flush};
#[cfg(feature = "tls")]
use crate::shard::transport::Transport;
use crate::time::Time;

/// One batch of connections that were written, and the outcomes.
#[derive(Debug, Default)]
pub(in crate::shard) struct Flushing {
    /// Place in the list of connections to be written.
    at: usize,
    batch: Vec<ConnectionKey>,
    results: Vec<io::Result<usize>>,
    outcomes: Vec<Result<Flush, ErrorKind>>,
    /// Bytes that left.
    written: usize,
}

impl Flushing {
    /// Writes the next batch of connections that have something queued; false at their end.
    ///
    /// All sockets of a batch are written to, and the books are right, before any session hears of
    /// it: what it does then may be about another one of the batch.
    pub(in crate::shard) fn next_batch(&mut self, table: &mut Connections, now: Time) -> bool {
        table.queued = 0;
        while self.batch.len() < BATCH
            && let Some(dirty) = table.take_dirty(self.at)
        {
            self.at += 1;
            self.batch.extend(dirty);
        }
        if self.batch.is_empty() {
            self.at = 0;
            table.dirty.clear();
            return false;
        }
        self.write_batch(table);
        let mut results = self.results.drain(..);
        #[cfg(feature = "tls")]
        let sealing = std::mem::take(&mut table.sealing);
        #[cfg(feature = "tls")]
        let mut records = sealing.records();
        for key in &self.batch {
            let connection = table.slots.get_mut(key.slot as usize).and_then(Option::as_mut);
            let offered = connection.and_then(|it| Some((batched_piece(it)?.len(), it)));
            let outcome = match offered.and_then(|offered| Some((offered, results.next()?))) {
                Some(((_len, _connection), result)) => {
                    #[cfg(feature = "tls")]
                    let result = taken(_connection, _len, &mut records, result);
                    note_written(table, key.slot, now, result)
                }
                None => table.write_out(key.slot, now),
            };
            self.outcomes.push(outcome.map(|(flush, written)| {
                self.written += written;
                flush
            }));
        }
        #[cfg(feature = "tls")]
        {
            table.sealing = sealing.cleared();
        }
        true
    }

    /// Writes those whose queue is in one piece, together.
    fn write_batch(&mut self, table: &mut Connections) {
        #[cfg(feature = "tls")]
        table.sealing.seal_queued(&mut table.slots, &self.batch);
        let slots = &table.slots;
        #[cfg(feature = "tls")]
        let mut records = table.sealing.records();
        let writes = self.batch.iter().filter_map(|key| {
            let connection = slots.get(key.slot as usize)?.as_ref()?;
            let piece = batched_piece(connection)?;
            #[cfg(feature = "tls")]
            let piece = match &connection.transport {
                Transport::Tls(_) => records.next()?,
                _ => piece,
            };
            Some((&connection.transport, piece))
        });
        table.batch_io.write(writes, &mut self.results);
    }

    /// Outcomes of the batch, once.
    pub(in crate::shard) fn take_outcomes(
        &mut self,
    ) -> impl Iterator<Item = (ConnectionKey, Result<Flush, ErrorKind>)> {
        self.batch.drain(..).zip(self.outcomes.drain(..))
    }

    /// Bytes that left since this was last asked.
    pub(in crate::shard) fn take_written(&mut self) -> usize {
        std::mem::take(&mut self.written)
    }
}

/// What is written of a connection in a batch.
#[inline]
fn batched_piece(connection: &Connection) -> Option<&[u8]> {
    let piece = connection.out.as_ref()?.only_piece()?;
    connection.takes_batched(piece.len()).then_some(piece)
}

/// What was taken of so much plaintext.
#[cfg(feature = "tls")]
fn taken<'a>(
    connection: &mut Connection,
    plain: usize,
    records: &mut impl Iterator<Item = &'a [u8]>,
    mut result: io::Result<usize>,
) -> io::Result<usize> {
    if let Transport::Tls(tls) = &mut connection.transport
        && let Some(sealed) = records.next()
    {
        keep_unsent(tls, sealed, plain, &mut result);
    }
    result
}

/// The books of one write.
fn note_written(
    table: &mut Connections,
    slot: u32,
    now: Time,
    result: io::Result<usize>,
) -> Result<(Flush, usize), ErrorKind> {
    let written = match result {
        Ok(written) => written,
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock => 0,
            ErrorKind::Interrupted => return table.write_out(slot, now),
            kind => return Err(kind),
        },
    };
    let Some(connection) = table.get_mut(slot) else { return Ok((Flush::Done, written)) };
    let Some(out) = &mut connection.out else { return Ok((Flush::Done, written)) };
    out.note_written(now, written);
    Ok((table.settle_queue(slot, now), written))
}
