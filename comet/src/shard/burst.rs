//! The writes of a walk over a room's members, a burst of them at a time.
//!
//! A member's part of the run is the template itself, or a copy where its numbers are its own.
//!
//! Not here: who gets what (`fanout`), and what waits in queues (`flushing`).

use std::io::{self, ErrorKind};
use std::mem;

use super::Shard;
use super::carrier::BATCH;
use super::connection::format_of;
use super::fanout::Part;
use super::run::Run;
use crate::delivery::Class;

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
    len: usize,
    /// Where its copy begins, if it has one.
    copy: Option<usize>,
}

impl Burst {
    fn is_full(&self) -> bool {
        self.writes.len() >= BATCH || self.copies.len() >= COPIES
    }

    #[inline]
    fn bytes<'a>(&'a self, planned: Planned, run: &'a Run) -> &'a [u8] {
        let Planned { part, len, copy } = planned;
        match copy {
            Some(from) => &self.copies[from..from + len],
            None => run.templates[part.format].prefix(len),
        }
    }
}

impl Shard {
    /// Has a part written with the next burst. Its connection has no queue.
    pub(super) fn plan_write(&mut self, part: Part, run: &mut Run) {
        let template = &mut run.templates[part.format];
        let burst = &mut self.burst;
        let (len, copy) = if part.first == 0 {
            (template.first(part.count).len(), None)
        } else {
            let from = burst.copies.len();
            burst.copies.extend_from_slice(template.numbered(part.first, part.count));
            (burst.copies.len() - from, Some(from))
        };
        burst.writes.push(Planned { part, len, copy });
        if burst.is_full() {
            self.write_burst(run);
        }
    }

    /// Plans the writes of members that are direct, from one of them on. The first that is not, or
    /// in whose format the run has not been encoded.
    pub(super) fn plan_direct(&mut self, mut at: usize, run: &mut Run) -> usize {
        let (count, from) = (run.items.len(), at);
        loop {
            let members = self.bucket.members(run.room);
            let room = BATCH.saturating_sub(self.burst.writes.len());
            let planned = members[at..].iter().take(room).map_while(|place| {
                let format = self.connections.direct_format(place.slot)?;
                let len = run.templates[format].full_len();
                let numbered = run.class == Class::Acked && format_of(format).0.has_acks();
                let part = Part { slot: place.slot, format, first: 0, count };
                (len > 0 && !numbered).then_some(Planned { part, len, copy: None })
            });
            let before = self.burst.writes.len();
            self.burst.writes.extend(planned);
            at += self.burst.writes.len() - before;
            debug_assert!(self.burst.writes[before..].iter().all(|it| self.is_direct(it.part)));
            if !self.burst.is_full() {
                break;
            }
            self.write_burst(run);
        }
        self.counters().deliveries.add(((at - from) * count) as u64);
        at
    }

    /// Makes the writes that have been planned, and queues what sockets did not take.
    pub(super) fn write_burst(&mut self, run: &mut Run) {
        if self.burst.writes.is_empty() {
            return;
        }
        let mut burst = mem::take(&mut self.burst);
        let mut results = mem::take(&mut burst.results);
        let (connections, now) = (&self.connections, self.now);
        let writes = burst.writes.iter().filter_map(|planned| {
            let connection = connections.get(planned.part.slot)?;
            connection.last_write.note(now);
            Some((&connection.socket, burst.bytes(*planned, run)))
        });
        self.carrier.write(writes, &mut results);
        // Results go by their place in the list.
        debug_assert_eq!(results.len(), burst.writes.len());
        let mut total = 0;
        for (planned, result) in burst.writes.iter().zip(results.drain(..)) {
            match result {
                Ok(written) if written == planned.len => total += written,
                result => total += self.fall_short(planned.part, result, run),
            }
        }
        self.counters().bytes_out.add(total as u64);
        burst.writes.clear();
        burst.copies.clear();
        burst.copies.shrink_to(2 * COPIES);
        burst.results = results;
        self.burst = burst;
    }

    /// A socket did not take everything. How much it took.
    fn fall_short(&mut self, part: Part, result: io::Result<usize>, run: &mut Run) -> usize {
        let written = match result.map_err(|error| error.kind()) {
            Ok(written) => written,
            Err(ErrorKind::WouldBlock) => 0,
            Err(ErrorKind::Interrupted) => {
                // It has not said that it takes no more, and is asked again when the turn ends.
                self.queue_run(part, run, 0);
                return 0;
            }
            Err(kind) => {
                self.lose_later(part.slot, kind, run);
                return 0;
            }
        };
        self.wait_for_space(part.slot);
        self.queue_run(part, run, written);
        written
    }
}
