//! The writes of a walk over a room's members, a burst of them at a time.
//!
//! A member's part of the run is the template itself, or a copy where its numbers are its own.
//!
//! Not here: who gets what (`fanout`), and what waits in queues (`flushing`).

use std::io::{self, ErrorKind};
use std::mem;

use super::Shard;
use super::connection::Connection;
use super::fanout::Part;
use super::run::{Later, Run};
use super::writer::BATCH;

/// Copies are written from this many bytes on, however few there are.
const COPIES: usize = 64 * 1024;

/// Writes that are about to be made, one for each member at most.
#[derive(Debug, Default)]
pub(super) struct Burst {
    writes: Vec<Planned>,
    copies: Vec<u8>,
    results: Vec<io::Result<usize>>,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    part: Part,
    /// Where its copy ends; copies lie in the order of the writes.
    copied_to: usize,
}

impl Burst {
    fn is_full(&self) -> bool {
        self.writes.len() >= BATCH || self.copies.len() >= COPIES
    }

    /// Pairs each part with its bytes.
    fn each<'a>(&'a self, run: &'a Run) -> impl Iterator<Item = (Part, &'a [u8])> {
        let mut from = 0;
        self.writes.iter().map(move |planned| {
            let copied = &self.copies[from..planned.copied_to];
            from = planned.copied_to;
            let Part { format, count, .. } = planned.part;
            let shares = planned.part.first == 0;
            (planned.part, if shares { run.templates[format].first(count) } else { copied })
        })
    }
}

impl Shard {
    /// Has a part written with the next burst. Its connection has no queue.
    pub(super) fn plan_write(&mut self, part: Part, run: &mut Run) {
        if part.first != 0 {
            let bytes = run.templates[part.format].numbered(part.first, part.count);
            self.burst.copies.extend_from_slice(bytes);
        }
        self.burst.writes.push(Planned { part, copied_to: self.burst.copies.len() });
        if self.burst.is_full() {
            self.write_burst(run);
        }
    }

    /// Makes the writes that have been planned, and queues what sockets did not take.
    pub(super) fn write_burst(&mut self, run: &mut Run) {
        if self.burst.writes.is_empty() {
            return;
        }
        let mut burst = mem::take(&mut self.burst);
        let mut results = mem::take(&mut burst.results);
        let connections = &self.connections;
        let writes = burst.each(run).filter_map(|(part, bytes)| {
            let connection = connections.get(part.slot as usize)?.as_ref()?;
            Some((&connection.socket, bytes))
        });
        self.writer.write(writes, &mut results);
        let mut total = 0;
        for (planned, result) in burst.writes.drain(..).zip(results.drain(..)) {
            let written = match result {
                Ok(count) => count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::Interrupted => 0,
                    kind => {
                        run.later.push((planned.part.slot, Later::Lost(kind)));
                        continue;
                    }
                },
            };
            total += written;
            let Part { format, count, .. } = planned.part;
            if written < run.templates[format].first(count).len() {
                self.wait_for_space(planned.part.slot);
                self.queue_run(planned.part, run, written);
            }
        }
        self.shared.counters[self.index].bytes_out.add(total as u64);
        burst.copies.clear();
        burst.results = results;
        self.burst = burst;
    }

    /// The socket has said that it takes no more: it is not asked again before it takes more.
    pub(super) fn wait_for_space(&mut self, slot: u32) {
        let due = self.now + self.shared.config.write_timeout;
        if let Some(Connection { state, .. }) = self.connection(slot) {
            state.blocked = true;
            self.wheel.arm_by(slot, due);
        }
    }
}
