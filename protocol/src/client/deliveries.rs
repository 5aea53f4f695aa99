//! Acked deliveries and gaps, put in order and counted once; and when to ack them.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::{Config, Event, Time};
use crate::comet::{Gap, ReceivedBuf, Seq, SeqRange};

/// What stands under the numbers of a range: one for a delivery, one or more for a gap.
#[derive(Debug)]
struct Arrival {
    range: SeqRange,
    what: What,
}

#[derive(Debug)]
enum What {
    Body(Bytes),
    Gap(Gap),
}

/// The receiving end of one session's acked deliveries.
#[derive(Debug)]
pub(super) struct Deliveries {
    up_to: Seq,
    /// In the order of their first numbers.
    early: VecDeque<Arrival>,
    early_bytes: usize,
    /// Deliveries taken since the last ack.
    unacked: u32,
    ack_at: Option<Time>,
    ack_every: u32,
}

impl Deliveries {
    pub(super) const fn new(ack_every: u32) -> Self {
        Self {
            up_to: Seq::NONE,
            early: VecDeque::new(),
            early_bytes: 0,
            unacked: 0,
            ack_at: None,
            ack_every,
        }
    }

    /// How many deliveries to ack at once.
    pub(super) fn set_ack_every(&mut self, ack_every: u32) {
        self.ack_every = ack_every.max(1);
    }

    pub(super) fn handle_delivery(
        &mut self,
        now: Time,
        config: &Config,
        seq: Seq,
        body: Bytes,
    ) -> impl Iterator<Item = Event> + '_ {
        let range = SeqRange { first: seq, last: seq };
        self.handle(now, config, Arrival { range, what: What::Body(body) })
    }

    pub(super) fn handle_gap(
        &mut self,
        now: Time,
        config: &Config,
        to: Seq,
        gap: Gap,
    ) -> impl Iterator<Item = Event> + '_ {
        let range = SeqRange { first: gap.first(to), last: to };
        self.handle(now, config, Arrival { range, what: What::Gap(gap) })
    }

    /// Yields what is next in order, as long as there is something.
    fn handle(
        &mut self,
        now: Time,
        config: &Config,
        arrival: Arrival,
    ) -> impl Iterator<Item = Event> + '_ {
        let is_next = self.is_next(arrival.range);
        self.pace(now, config.ack_delay, is_next);
        let mut next = None;
        if is_next {
            next = Some(arrival);
        } else if arrival.range.first.is_after(self.up_to) {
            self.keep(config, arrival);
        }
        std::iter::from_fn(move || {
            let arrival = next.take().or_else(|| self.next_early())?;
            Some(self.take(arrival))
        })
    }

    fn is_next(&self, range: SeqRange) -> bool {
        range.last.is_after(self.up_to) && !range.first.is_after(self.up_to.next())
    }

    /// Acks wait for more of what comes in order; a hole or a repeat is told at once.
    fn pace(&mut self, now: Time, delay: Duration, is_next: bool) {
        self.unacked += 1;
        let at = if is_next && self.unacked < self.ack_every { now + delay } else { now };
        self.ack_at = Some(self.ack_at.map_or(at, |due| due.min(at)));
    }

    /// Keeps an early arrival if its bounds allow.
    fn keep(&mut self, config: &Config, arrival: Arrival) {
        let len = arrival.what.len();
        let ahead = |range: SeqRange| range.first.since(self.up_to);
        let at = self.early.partition_point(|kept| ahead(kept.range) < ahead(arrival.range));
        let is_repeat = self.early.get(at).is_some_and(|kept| kept.range == arrival.range);
        let is_full = self.early.len() >= config.early
            || self.early_bytes.saturating_add(len) > config.early_bytes;
        if !is_repeat && !is_full {
            self.early_bytes += len;
            self.early.insert(at, arrival);
        }
    }

    fn next_early(&mut self) -> Option<Arrival> {
        while let Some(kept) = self.early.front() {
            if kept.range.first.is_after(self.up_to.next()) {
                return None;
            }
            let kept = self.early.pop_front()?;
            self.early_bytes -= kept.what.len();
            // A gap may have taken the numbers of what was kept behind it.
            if self.is_next(kept.range) {
                return Some(kept);
            }
        }
        None
    }

    fn take(&mut self, Arrival { range, what }: Arrival) -> Event {
        let from = if range.first.is_after(self.up_to) { range.first } else { self.up_to.next() };
        self.up_to = range.last;
        match what {
            What::Body(body) => Event::Delivery { seq: range.last, body },
            What::Gap(gap) => Event::Gap { from, to: range.last, gap },
        }
    }

    /// When an ack is due.
    pub(super) const fn ack_at(&self) -> Option<Time> {
        self.ack_at
    }

    /// An ack is due now, whatever has come.
    pub(super) const fn hurry(&mut self, now: Time) {
        self.ack_at = Some(now);
    }

    /// What has arrived, if there is something to say about it now.
    pub(super) fn poll_ack(&mut self, now: Time) -> Option<ReceivedBuf> {
        self.ack_at.take_if(|due| *due <= now)?;
        self.unacked = 0;
        Some(self.received())
    }

    /// What has arrived.
    pub(super) fn received(&self) -> ReceivedBuf {
        let mut received = ReceivedBuf::new(self.up_to);
        let mut open: Option<SeqRange> = None;
        for kept in self.early.iter().map(|arrival| arrival.range) {
            match &mut open {
                Some(range) if !kept.first.is_after(range.last.plus(1)) => {
                    if kept.last.is_after(range.last) {
                        range.last = kept.last;
                    }
                }
                // What no longer fits is left out: it comes again.
                _ => {
                    let _fits = open.replace(kept).is_none_or(|range| received.push(range));
                }
            }
        }
        let _fits = open.is_none_or(|range| received.push(range));
        received
    }
}

impl What {
    fn len(&self) -> usize {
        match self {
            Self::Body(body) => body.len(),
            Self::Gap(gap) => gap.room.len(),
        }
    }
}
