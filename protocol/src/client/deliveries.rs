//! Acked deliveries and gaps, deduplicated and in order; and the timing of acks.
//!
//! Without lanes the order is that of the numbers: what comes early waits for what is missing. With
//! lanes each comes in its place already, so it is handed up at once, and remembered. Only behind
//! one that came early without lanes, and was kept or dropped, all are taken by their numbers until
//! that one has been handed up: nobody knows its lane.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::{Config, Event, Time};
use crate::comet::{Gap, ReceivedBuf, Seq, SeqRange};

/// Ranges beyond a hole that are remembered as handed up. A server that keeps to its window needs
/// no more than half of that.
const REMEMBERED: usize = 4_096;

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
    /// Handed up before others that are missing.
    Done,
}

/// Receiver of one session's acked deliveries.
#[derive(Debug)]
pub(super) struct Deliveries {
    up_to: Seq,
    /// What lies beyond a hole, ordered by first numbers.
    early: VecDeque<Arrival>,
    /// Those that wait to be handed up.
    kept: usize,
    kept_bytes: usize,
    /// Whether what comes has its place in a lane.
    has_lanes: bool,
    /// Order is that of the numbers up to here, in any case.
    ordered_to: Seq,
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
            kept: 0,
            kept_bytes: 0,
            has_lanes: false,
            ordered_to: Seq::NONE,
            unacked: 0,
            ack_at: None,
            ack_every,
        }
    }

    /// Sets the number of deliveries after which an ack is sent at once.
    pub(super) fn set_ack_every(&mut self, ack_every: u32) {
        self.ack_every = ack_every.max(1);
    }

    /// Says whether the deliveries of the current connection come in lanes.
    pub(super) const fn set_lanes(&mut self, has_lanes: bool) {
        self.has_lanes = has_lanes;
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

    /// Yields what is to be handed up now, as long as there is any.
    fn handle(
        &mut self,
        now: Time,
        config: &Config,
        arrival: Arrival,
    ) -> impl Iterator<Item = Event> + '_ {
        let mut next = self.sort_in(config, arrival);
        self.pace(now, config.ack_delay, next.is_some());
        std::iter::from_fn(move || next.take().or_else(|| self.next_early()))
    }

    /// The event of an arrival that is handed up at once.
    fn sort_in(&mut self, config: &Config, arrival: Arrival) -> Option<Event> {
        let range = arrival.range;
        if self.is_next(range) {
            return self.take(arrival);
        }
        if !range.first.is_after(self.up_to) || self.is_known(range) {
            return None;
        }
        // What is kept is handed up first.
        if self.goes_by_lane() && self.kept == 0 && self.early.len() < REMEMBERED {
            self.remember(range);
            return event(range, arrival.what);
        }
        self.keep(config, arrival);
        None
    }

    /// Whether arrivals are handed up in the order in which they come.
    fn goes_by_lane(&self) -> bool {
        self.has_lanes && !self.ordered_to.is_after(self.up_to)
    }

    fn is_next(&self, range: SeqRange) -> bool {
        range.last.is_after(self.up_to) && !range.first.is_after(self.up_to.next())
    }

    /// Whether a range beyond a hole has been handed up, or is kept.
    fn is_known(&self, range: SeqRange) -> bool {
        let at = self.place(range);
        let begins = |kept: &Arrival| kept.range.contains(range.first);
        let around = [at.checked_sub(1), Some(at)].into_iter().flatten();
        around
            .filter_map(|at| self.early.get(at))
            .any(|kept| begins(kept) && !range.last.is_after(kept.range.last))
    }

    /// Place of a range among those beyond a hole.
    fn place(&self, range: SeqRange) -> usize {
        let ahead = |range: SeqRange| range.first.since(self.up_to);
        self.early.partition_point(|kept| ahead(kept.range) < ahead(range))
    }

    /// Acks of what comes in its turn are delayed; a hole or a repeat is acknowledged at once.
    fn pace(&mut self, now: Time, delay: Duration, in_turn: bool) {
        self.unacked += 1;
        let at = if in_turn && self.unacked < self.ack_every { now + delay } else { now };
        self.ack_at = Some(self.ack_at.map_or(at, |due| due.min(at)));
    }

    /// Notes that a range beyond a hole has been handed up.
    fn remember(&mut self, mut range: SeqRange) {
        let at = self.place(range);
        let mut from = at;
        if let Some(before) = at.checked_sub(1).and_then(|at| self.early.get(at))
            && before.is_done()
            && !range.first.is_after(before.range.last.next())
        {
            from -= 1;
            range.first = before.range.first;
            if before.range.last.is_after(range.last) {
                range.last = before.range.last;
            }
        }
        let mut to = at;
        while let Some(behind) = self.early.get(to)
            && behind.is_done()
            && !behind.range.first.is_after(range.last.next())
        {
            if behind.range.last.is_after(range.last) {
                range.last = behind.range.last;
            }
            to += 1;
        }
        self.early.drain(from..to);
        self.early.insert(from, Arrival { range, what: What::Done });
    }

    /// Keeps an early arrival within the limits, or drops it.
    fn keep(&mut self, config: &Config, arrival: Arrival) {
        let last = arrival.range.last;
        let bytes = self.kept_bytes.saturating_add(arrival.what.len());
        let fits = self.kept < config.early && bytes <= config.early_bytes;
        if fits {
            (self.kept, self.kept_bytes) = (self.kept + 1, bytes);
            self.early.insert(self.place(arrival.range), arrival);
        }
        // What came in a lane, and is kept, is still in its place there.
        if !(fits && self.has_lanes) && last.is_after(self.ordered_to) {
            self.ordered_to = last;
        }
    }

    fn next_early(&mut self) -> Option<Event> {
        while let Some(kept) = self.early.front() {
            if kept.range.first.is_after(self.up_to.next()) {
                return self.next_of_lanes();
            }
            let kept = self.early.pop_front()?;
            self.let_go(&kept.what);
            // A gap may cover the numbers of arrivals kept behind it.
            if self.is_next(kept.range)
                && let Some(event) = self.take(kept)
            {
                return Some(event);
            }
        }
        None
    }

    /// What was kept in lanes needs to wait no longer, though others are missing before it.
    fn next_of_lanes(&mut self) -> Option<Event> {
        if self.kept == 0 || !self.goes_by_lane() {
            return None;
        }
        let at = self.early.iter().position(|kept| !kept.is_done())?;
        let Arrival { range, what } = self.early.remove(at)?;
        self.let_go(&what);
        self.remember(range);
        event(range, what)
    }

    fn let_go(&mut self, what: &What) {
        if !matches!(what, What::Done) {
            self.kept -= 1;
            self.kept_bytes -= what.len();
        }
    }

    /// Hands up the next range; none if that has been done.
    fn take(&mut self, Arrival { mut range, what }: Arrival) -> Option<Event> {
        if !range.first.is_after(self.up_to) {
            range.first = self.up_to.next();
        }
        self.up_to = range.last;
        if !self.ordered_to.is_after(self.up_to) {
            self.ordered_to = self.up_to;
        }
        event(range, what)
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

/// Event of a range; none if it has been handed up before.
fn event(range: SeqRange, what: What) -> Option<Event> {
    match what {
        What::Body(body) => Some(Event::Delivery { seq: range.last, body }),
        What::Gap(gap) => Some(Event::Gap { from: range.first, to: range.last, gap }),
        What::Done => None,
    }
}

impl Arrival {
    const fn is_done(&self) -> bool {
        matches!(self.what, What::Done)
    }
}

impl What {
    fn len(&self) -> usize {
        match self {
            Self::Body(body) => body.len(),
            Self::Gap(gap) => gap.room.len(),
            Self::Done => 0,
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
        assert_eq!((deliveries.kept, deliveries.kept_bytes), (0, 0));
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
