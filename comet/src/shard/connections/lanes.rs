//! Output of the lanes of a connection that have streams of their own: a queue for each, which
//! exists while it has something.
//!
//! Not here: which deliveries go there (`endpoints`), the streams (`transport/beside`), and writes
//! (`lane_writing`).

use std::io::{ErrorKind, Write};
use std::time::Duration;

use super::write_queue::{Flush, Pool, WriteQueue};
use crate::delivery::Lane;
use crate::time::Time;

/// The lanes, in the order of their numbers.
pub(super) const ALL: [Lane; 3] = [Lane::Signal, Lane::Normal, Lane::Bulk];

/// Queues of the lanes of one connection.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: [Option<Box<WriteQueue>>; 3],
    /// Lanes whose streams take no more at present, one bit each.
    blocked: u8,
    /// The same as its session knows it.
    told: u8,
}

impl Lanes {
    /// Whether there is nothing to be kept.
    pub(super) fn is_idle(&self) -> bool {
        self.blocked | self.told == 0 && !self.has_output()
    }

    pub(super) fn has_output(&self) -> bool {
        self.queues.iter().any(Option::is_some)
    }

    pub(super) fn queue_mut(&mut self, lane: Lane) -> &mut Option<Box<WriteQueue>> {
        &mut self.queues[lane as usize]
    }

    pub(super) fn is_blocked(&self, lane: Lane) -> bool {
        self.blocked & bit(lane) != 0
    }

    pub(super) fn has_blocked(&self) -> bool {
        self.blocked != 0
    }

    /// The streams may take more; whether that is news.
    pub(super) fn unblock(&mut self) -> bool {
        std::mem::take(&mut self.blocked) != 0
    }

    /// Whether other lanes are blocked than the session knows.
    pub(super) fn has_news(&self) -> bool {
        self.blocked != self.told
    }

    /// Lanes whose streams take no more, one bit each, for the session.
    pub(super) fn tell(&mut self) -> u8 {
        self.told = self.blocked;
        self.blocked
    }

    /// Deadline of a stream that takes no more, after such a time without progress.
    pub(super) fn due(&self, patience: Duration) -> Option<Time> {
        let waits = ALL.into_iter().filter(|&lane| self.is_blocked(lane));
        let queues = waits.filter_map(|lane| self.queues[lane as usize].as_ref());
        queues.map(|queue| queue.progress() + patience).min()
    }

    /// Bytes that are kept, by share, and how many pieces that are.
    pub(super) fn holds(&self) -> (usize, usize) {
        let holds = self.queues.iter().flatten().map(|queue| queue.holds());
        holds.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
    }

    /// Writes the queue of a lane as far as its stream takes it. Bytes that left.
    ///
    /// # Errors
    ///
    /// Those of the stream; [`OutOfMemory`](ErrorKind::OutOfMemory) says that not everything could
    /// be queued.
    pub(super) fn flush(
        &mut self,
        now: Time,
        lane: Lane,
        stream: &mut impl Write,
        pool: &mut Pool,
    ) -> Result<usize, ErrorKind> {
        let Some(queue) = self.queue_mut(lane) else { return Ok(0) };
        let (flush, written) = queue.flush(now, stream).map_err(|error| error.kind())?;
        if flush == Flush::Blocked {
            self.blocked |= bit(lane);
        } else {
            self.blocked &= !bit(lane);
            self.queue_mut(lane).take().into_iter().for_each(|queue| pool.put(queue));
        }
        Ok(written)
    }
}

const fn bit(lane: Lane) -> u8 {
    1 << lane as u8
}
