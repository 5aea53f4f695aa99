//! Sockets that have something to be read, many at a time.
//!
//! What a poll reports is mostly a small frame for each of many connections. These are read
//! together, each into a part of the shard's buffer, and then handled one after the other.
//! Whatever is not that simple is read alone (`input`), and may overtake those that wait for their
//! batch: between connections there is no order.

use std::io::{self, ErrorKind};
use std::mem;

use super::Shard;
use super::connections::ConnectionKey;
use super::poller::{Events, Ready};

/// Connections that are read together. Each has this share of the buffer; who sends more than that
/// is read alone for the rest.
const READS: usize = 32;

/// Connections that are about to be read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    batch: Vec<ConnectionKey>,
    results: Vec<io::Result<usize>>,
}

impl Shard {
    /// Deals with what the poll reported.
    pub(super) fn handle_events(&mut self, events: &Events) {
        for ready in events.iter() {
            match self.is_simple(ready) {
                Some(which) => {
                    self.reading.batch.push(which);
                    if self.reading.batch.len() == READS {
                        self.read_batch();
                    }
                }
                None => self.handle_event(ready),
            }
        }
        self.read_batch();
    }

    /// Whether the report says no more than that an open session that may be read can be.
    fn is_simple(&mut self, ready: Ready) -> Option<ConnectionKey> {
        if ready.error || ready.read_closed || !ready.readable {
            return None;
        }
        let slot = u32::try_from(ready.token.0).ok()?;
        let session = &self.bucket.get(slot)?.session;
        if !session.is_open() || !session.wants_frames(&self.limits) {
            return None;
        }
        let write_bytes = self.shared.config.write_bytes;
        let connection = self.connections.get_mut(slot)?;
        let state = &connection.state;
        let is_simple = !state.blocked
            && !state.paused
            && !state.ending
            && connection.tail.is_none()
            && connection.backlog() <= write_bytes;
        is_simple.then(|| ConnectionKey::new(slot, connection.serial))
    }

    fn read_batch(&mut self) {
        if self.reading.batch.is_empty() {
            return;
        }
        let mut reading = mem::take(&mut self.reading);
        let mut buffer = mem::take(&mut self.buffer);
        let share = buffer.len() / READS;
        // One that is not there any more has no place in the list.
        reading.batch.retain(|&key| self.connections.has(key));
        let connections = &self.connections;
        let sockets =
            reading.batch.iter().filter_map(|key| Some(&connections.get(key.slot())?.socket));
        let reads = sockets.zip(buffer.chunks_exact_mut(share));
        self.carrier.read(reads, &mut reading.results);
        let parts = buffer.chunks_exact_mut(share);
        for ((&key, result), part) in reading.batch.iter().zip(reading.results.drain(..)).zip(parts)
        {
            // What was done for those before it may have been its end.
            if self.connections.has(key) {
                self.handle_read(key.slot(), part, result);
            }
            if self.mailbox.is_half_full() {
                self.handle_commands();
            }
        }
        reading.batch.clear();
        self.buffer = buffer;
        self.reading = reading;
    }

    /// What was read from one of the batch, whose session may be closing by now: then it takes no
    /// frames, and throws away what has come.
    fn handle_read(&mut self, slot: u32, part: &mut [u8], result: io::Result<usize>) {
        match result.map_err(|error| error.kind()) {
            Ok(0) => self.end_of_input(slot),
            Ok(count) => {
                self.take_input(slot, part, 0, count);
                if count == part.len() {
                    self.connections.resume_later(slot);
                }
            }
            Err(ErrorKind::WouldBlock) => {}
            Err(ErrorKind::Interrupted) => self.connections.resume_later(slot),
            Err(kind) => self.lose(slot, kind),
        }
    }
}
