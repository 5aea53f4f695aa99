//! Queued bytes on their way to sockets, many connections at a time.
//!
//! Not here: what a walk over a room's members writes at once (`publisher`), and how a queue is
//! made up (`write_queue`).

use std::io::{self, ErrorKind};

use super::{BATCH, ConnectionKey, Connections, Flush};
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
        let slots = &table.slots;
        let writes = self.batch.iter().filter_map(|key| {
            let connection =
                slots.get(key.slot as usize)?.as_ref().filter(|it| it.is_batchable())?;
            Some((&connection.transport, connection.out.as_ref()?.only_piece()?))
        });
        table.batch_io.write(writes, &mut self.results);
        let mut results = self.results.drain(..);
        for key in &self.batch {
            let was_offered = table.get(key.slot).is_some_and(|it| {
                it.is_batchable() && it.out.as_ref().is_some_and(|out| out.only_piece().is_some())
            });
            let result = if was_offered { results.next() } else { None };
            let outcome = match result {
                Some(result) => note_written(table, key.slot, now, result),
                None => table.write_out(key.slot, now),
            };
            self.outcomes.push(outcome.map(|(flush, written)| {
                self.written += written;
                flush
            }));
        }
        true
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
    Ok((table.settle_queue(slot), written))
}
