//! The end of a turn: everything that was queued leaves, many connections at a time.
//!
//! Not here: what a walk over a room's members writes at once (`burst`), and how a queue is made up
//! (`write_queue`).

use std::io::{self, ErrorKind};
use std::mem;

use super::Shard;
use super::carrier::BATCH;
use super::connections::ConnectionKey;
use super::write_queue::Flush;

/// One batch of connections, and what came of their writes.
#[derive(Debug, Default)]
pub(super) struct Flushing {
    batch: Vec<ConnectionKey>,
    results: Vec<io::Result<usize>>,
    outcomes: Vec<Result<Flush, ErrorKind>>,
}

impl Shard {
    /// Writes what the turn has queued.
    pub(super) fn flush_dirty(&mut self) {
        self.queued = 0;
        let mut at = 0;
        // Ending a session while others are flushed may queue a close frame for it.
        while at < self.connections.dirty() {
            let mut flushing = mem::take(&mut self.flushing);
            while flushing.batch.len() < BATCH
                && let Some(dirty) = self.connections.take_dirty(at)
            {
                at += 1;
                flushing.batch.extend(dirty);
            }
            self.write_batch(&mut flushing);
            self.flushing = flushing;
        }
        self.connections.clear_dirty();
    }

    /// All sockets are written to, and the books are right, before any session hears of it: what
    /// it does then may be about another one of the batch.
    fn write_batch(&mut self, flushing: &mut Flushing) {
        let Flushing { batch, results, outcomes } = flushing;
        let connections = &self.connections;
        let writes = batch.iter().filter_map(|key| {
            let connection = connections.get(key.slot())?;
            Some((&connection.socket, connection.out.as_ref()?.only_piece()?))
        });
        self.carrier.write(writes, results);
        let mut results = results.drain(..);
        for key in batch.iter() {
            let slot = key.slot();
            let out = self.connections.get_mut(slot).and_then(|connection| connection.out.as_ref());
            let was_offered = out.is_some_and(|out| out.only_piece().is_some());
            let result = if was_offered { results.next() } else { None };
            outcomes.push(match result {
                Some(result) => self.note_written(slot, result),
                None => self.write_out(slot),
            });
        }
        drop(results);
        for (key, outcome) in batch.drain(..).zip(outcomes.drain(..)) {
            if self.connections.has(key) {
                self.follow(key.slot(), outcome);
            }
        }
    }

    /// The books of one write.
    fn note_written(&mut self, slot: u32, result: io::Result<usize>) -> Result<Flush, ErrorKind> {
        let written = match result {
            Ok(written) => written,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => 0,
                ErrorKind::Interrupted => return self.write_out(slot),
                kind => return Err(kind),
            },
        };
        self.shared.counters[self.index].bytes_out.add(written as u64);
        let now = self.now;
        let Some(connection) = self.connections.get_mut(slot) else { return Ok(Flush::Done) };
        let Some(out) = &mut connection.out else { return Ok(Flush::Done) };
        out.note_written(now, written);
        Ok(self.settle_queue(slot))
    }
}
