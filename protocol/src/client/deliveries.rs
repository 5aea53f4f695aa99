//! Acked deliveries and gaps, reordered and deduplicated; and the timing of acks.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::{Config, Event, Time};
use crate::comet::{Gap, ReceivedBuf, Seq, SeqRange};

/// Content of a range of numbers: one for a delivery, one or more for a gap.
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

/// Receiver of one session's acked deliveries.
#[derive(Debug)]
pub(super) struct Deliveries {
    up_to: Seq,
    /// Ordered by their first numbers.
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

    /// Sets the number of deliveries after which an ack is sent at once.
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

    /// Yields the next arrivals in order, as long as there are any.
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

    /// Acks of in-order deliveries are delayed; a hole or a repeat is acknowledged at once.
    fn pace(&mut self, now: Time, delay: Duration, is_next: bool) {
        self.unacked += 1;
        let at = if is_next && self.unacked < self.ack_every { now + delay } else { now };
        self.ack_at = Some(self.ack_at.map_or(at, |due| due.min(at)));
    }

    /// Keeps an early arrival within the limits.
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
            // A gap may cover the numbers of arrivals kept behind it.
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

    /// Time at which an ack is due.
    pub(super) const fn ack_at(&self) -> Option<Time> {
        self.ack_at
    }

    /// Makes an ack due now, unconditionally.
    pub(super) const fn ack_now(&mut self, now: Time) {
        self.ack_at = Some(now);
    }

    /// The received set, if an ack is due now.
    pub(super) fn poll_ack(&mut self, now: Time) -> Option<ReceivedBuf> {
        self.ack_at.take_if(|due| *due <= now)?;
        self.unacked = 0;
        Some(self.received())
    }

    /// The received set.
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
                // Ranges beyond the limit are left out: the deliveries are sent again.
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

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_micros(0);

    fn config() -> Config {
        Config { early: 3, early_bytes: 10, ..Config::default() }
    }

    fn deliver(deliveries: &mut Deliveries, now: Time, seq: u32, body: &'static str) -> Vec<u32> {
        let events = deliveries.handle_delivery(now, &config(), Seq::new(seq), body.into());
        events.map(number).collect()
    }

    fn number(event: Event) -> u32 {
        match event {
            Event::Delivery { seq, .. } => seq.get(),
            Event::Gap { to, .. } => to.get(),
            other => panic!("not expected: {other:?}"),
        }
    }

    fn ranges(deliveries: &Deliveries) -> Vec<(u32, u32)> {
        let received = deliveries.received();
        received.as_received().ranges().map(|at| (at.first.get(), at.last.get())).collect()
    }

    #[test]
    fn early_deliveries_are_kept_within_their_bounds_and_listed() {
        let mut deliveries = Deliveries::new(32);
        assert_eq!(deliver(&mut deliveries, START, 5, "12345"), [0_u32; 0]);
        assert_eq!(
            deliver(&mut deliveries, START, 3, "1234567"),
            [0_u32; 0],
            "more bytes than are kept"
        );
        assert_eq!(ranges(&deliveries), [(5, 5)]);
        for seq in [3, 3, 4, 6] {
            assert_eq!(deliver(&mut deliveries, START, seq, "x"), [0_u32; 0]);
        }
        assert_eq!(ranges(&deliveries), [(3, 5)], "6 is one too many");
        assert_eq!(deliver(&mut deliveries, START, 2, "1234567890"), [0_u32; 0]);
        assert_eq!(deliver(&mut deliveries, START, 1, ""), [1]);
        assert_eq!(deliver(&mut deliveries, START, 2, ""), [2, 3, 4, 5]);
        assert_eq!(
            deliver(&mut deliveries, START, 7, "1234567890"),
            [0_u32; 0],
            "all bytes are free again"
        );
        assert_eq!(ranges(&deliveries), [(7, 7)]);
    }

    #[test]
    fn a_gap_takes_the_numbers_of_what_was_kept_within_it() {
        let mut deliveries = Deliveries::new(32);
        for seq in [3, 5] {
            assert_eq!(deliver(&mut deliveries, START, seq, "x"), [0_u32; 0]);
        }
        let gap = Gap { from: 1, ..Gap::default() };
        let config = config();
        let events = deliveries.handle_gap(START, &config, Seq::new(4), gap);
        assert_eq!(events.map(number).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(deliveries.early_bytes, 0);
    }

    #[test]
    fn numbers_go_round_the_circle() {
        let mut deliveries = Deliveries::new(32);
        deliveries.up_to = Seq::new(u32::MAX - 1);
        assert_eq!(deliver(&mut deliveries, START, 1, "x"), [0_u32; 0]);
        assert_eq!(deliver(&mut deliveries, START, u32::MAX, "x"), [u32::MAX, 1]);
    }

    #[test]
    fn the_first_delivery_sets_the_time_of_the_ack() {
        let mut deliveries = Deliveries::new(32);
        let later = START + Duration::from_millis(15);
        assert_eq!(deliver(&mut deliveries, START, 1, ""), [1]);
        assert_eq!(deliver(&mut deliveries, later, 2, ""), [2]);
        let due = START + Duration::from_millis(20);
        assert_eq!(deliveries.ack_at(), Some(due));
        assert!(deliveries.poll_ack(later).is_none());
        assert_eq!(deliveries.poll_ack(due).unwrap().as_received().up_to(), Seq::new(2));
        assert!(deliveries.poll_ack(due).is_none(), "nothing new to say");
    }
}
