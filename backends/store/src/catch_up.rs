//! Catch-up of one session: messages from the database are delivered before new ones.
//!
//! A [`CatchUp`] tracks the ranges of the user's log still to be read, one page at a time and no
//! faster than the client acknowledges. Meanwhile it holds newly stored deliveries; if they exceed
//! a limit, it drops them and reads them from the database later. So the session gets everything
//! once and in order, and a slow client costs a bounded amount of memory.
//!
//! Pure. Not here: the database (`db`), the attached sessions (`sessions`).

use std::collections::VecDeque;

use bytes::Bytes;

/// Rows read and sent at a time. Together with held deliveries they fit the gateway's queue of one
/// session (1,024 by default).
pub(crate) const PAGE_ROWS: usize = 256;
/// Bytes after which a page ends early, for the same reason (1 MiB by default).
pub(crate) const PAGE_BYTES: usize = 256 * 1024;
/// The next page is read when at most this many deliveries are unacknowledged, or half of the last
/// full page if that is less: large deliveries fill the gateway's queue by their bytes.
const LOW_WATER: usize = PAGE_ROWS / 2;
/// The same after deliveries of unknown length that were pushed to a live session.
const LOW_WATER_AFTER_LIVE: usize = 8;
/// Maximum number of new deliveries held for one session.
const HELD_ITEMS: usize = 256;
/// Maximum bytes of held deliveries.
const HELD_BYTES: usize = 256 * 1024;

/// Delivery to one session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Item {
    pub(crate) id: i64,
    /// Its number in the record of the receiving user, or of the room it is published to; 0 if it
    /// is not counted there.
    pub(crate) position: i64,
    /// Empty if there is nothing to deliver at this place any more.
    pub(crate) body: Bytes,
    pub(crate) tag: u64,
}

impl Item {
    /// Whether there is nothing to deliver.
    pub(crate) fn is_blank(&self) -> bool {
        self.body.is_empty()
    }

    /// The same for one session, in whose record the entries of groups have no number.
    pub(crate) fn outside_of_its_room(&self) -> Self {
        Self { position: 0, ..self.clone() }
    }
}

/// Kind of log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// Messages between users, and entries of the user's groups, that no phone of the user has
    /// acknowledged.
    Unreceived,
    /// Signals that no phone of the user has acknowledged.
    UnreceivedSignals,
    /// Messages between users, and signals.
    Log,
    /// The same, and the timelines of the user's groups.
    LogWithGroups,
    /// Entries of one group at these positions.
    Entries { group: i64, first: i64, last: i64 },
}

impl Source {
    /// Whether entries of groups are in it.
    pub(crate) fn has_entries(self) -> bool {
        matches!(self, Self::Unreceived | Self::LogWithGroups | Self::Entries { .. })
    }
}

/// Part of a log with `after < id <= upto`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LogRange {
    pub(crate) source: Source,
    pub(crate) after: i64,
    pub(crate) upto: i64,
}

/// Next action for a session.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Nothing: a page is being read, or too many deliveries are unacknowledged.
    Wait,
    /// Read the next page of this range.
    Read(LogRange),
    /// Send these; the session is live after that.
    Live(Vec<Item>),
}

/// Extent to which a page was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sent {
    /// All of it, and the range has more.
    Full,
    /// The part for which there was room.
    Part,
    /// All of it, to the end of the range.
    Last,
}

/// State of a session that is not live yet.
#[derive(Debug)]
pub(crate) struct CatchUp {
    ranges: VecDeque<LogRange>,
    /// Deliveries with greater ids are in `held`, or were until it spilled.
    held_after: i64,
    held: Vec<Item>,
    held_bytes: usize,
    spilled: bool,
    /// Log from which spilled deliveries are read.
    log: Source,
    unacked: usize,
    low_water: usize,
    reading: bool,
}

impl CatchUp {
    /// Reads the ranges in order; they end at `held_after`.
    pub(crate) fn new(ranges: impl Into<VecDeque<LogRange>>, held_after: i64) -> Self {
        Self {
            ranges: ranges.into(),
            held_after,
            held: Vec::new(),
            held_bytes: 0,
            spilled: false,
            log: Source::Log,
            unacked: 0,
            low_water: LOW_WATER,
            reading: false,
        }
    }

    /// Starts with this many unacknowledged deliveries, sent before.
    pub(crate) fn with_unacked(mut self, unacked: usize) -> Self {
        self.unacked = unacked;
        self.low_water = LOW_WATER_AFTER_LIVE;
        self
    }

    /// Sets the log from which spilled deliveries are read.
    pub(crate) fn with_log(mut self, log: Source) -> Self {
        self.log = log;
        self
    }

    /// Reads another range after the others.
    pub(crate) fn also(&mut self, range: LogRange) {
        self.ranges.push_back(range);
    }

    /// Ranges of entries of single groups that are still to be read.
    pub(crate) fn entries_to_read(&self) -> impl Iterator<Item = LogRange> {
        let is_of_group = |range: &&LogRange| matches!(range.source, Source::Entries { .. });
        self.ranges.iter().filter(is_of_group).copied()
    }

    /// Next step, when everything up to `committed` can be read.
    pub(crate) fn step(&mut self, committed: i64) -> Step {
        if self.reading {
            return Step::Wait;
        }
        if self.ranges.is_empty() {
            if self.unacked > self.low_water {
                return Step::Wait;
            }
            if !self.spilled {
                self.held_bytes = 0;
                return Step::Live(std::mem::take(&mut self.held));
            }
            let after = std::mem::replace(&mut self.held_after, committed);
            self.ranges.push_back(LogRange { source: self.log, after, upto: committed });
            self.spilled = false;
        }
        match self.ranges.front() {
            Some(range) if self.unacked <= self.low_water => {
                self.reading = true;
                Step::Read(*range)
            }
            _ => Step::Wait,
        }
    }

    /// Records that rows of a page were sent; `awaited` of them will be acknowledged, the last row
    /// has the id `through`.
    pub(crate) fn page_sent(&mut self, awaited: usize, through: Option<i64>, sent: Sent) {
        self.reading = false;
        self.unacked += awaited;
        if sent == Sent::Full && awaited > 0 {
            self.low_water = LOW_WATER.min(awaited / 2);
        }
        if sent == Sent::Last {
            self.ranges.pop_front();
        } else if let (Some(range), Some(through)) = (self.ranges.front_mut(), through) {
            range.after = through;
        }
    }

    /// Holds a new delivery until its turn.
    pub(crate) fn hold(&mut self, item: &Item) {
        if item.id <= self.held_after || self.spilled {
            return;
        }
        self.held_bytes += item.body.len();
        if self.held.len() == HELD_ITEMS || self.held_bytes > HELD_BYTES {
            self.spill();
        } else {
            self.held.push(item.clone());
        }
    }

    /// Drops the held deliveries.
    pub(crate) fn spill(&mut self) {
        self.held = Vec::new();
        self.held_bytes = 0;
        self.spilled = true;
    }

    /// Number of held deliveries.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Bytes of the held deliveries, each with its body.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes + self.held.len() * size_of::<Item>()
    }

    /// Records that this many deliveries were acknowledged by the client, or will never reach it.
    pub(crate) fn settled(&mut self, count: usize) {
        self.unacked = self.unacked.saturating_sub(count);
    }

    pub(crate) fn unacked(&self) -> usize {
        self.unacked
    }

    /// Continues as if the client had acknowledged everything: its dialect may have no acks.
    pub(crate) fn stop_waiting_for_acks(&mut self) {
        self.unacked = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(id: i64, bytes: usize) -> Item {
        Item { id, position: id, body: vec![0; bytes].into(), tag: id.unsigned_abs() }
    }

    fn log(after: i64, upto: i64) -> LogRange {
        LogRange { source: Source::Log, after, upto }
    }

    #[test]
    fn stretches_are_read_in_turn_and_then_what_was_held_goes_out() {
        let unreceived = LogRange { source: Source::Unreceived, after: 0, upto: 9 };
        let signals = LogRange { source: Source::UnreceivedSignals, after: 0, upto: 9 };
        let mut catch_up = CatchUp::new([unreceived, signals], 9);

        assert_eq!(catch_up.step(9), Step::Read(unreceived));
        assert_eq!(catch_up.step(9), Step::Wait, "one page at a time");
        catch_up.hold(&item(10, 1));
        catch_up.page_sent(0, Some(5), Sent::Full);
        assert_eq!(catch_up.step(10), Step::Read(LogRange { after: 5, ..unreceived }));
        catch_up.page_sent(0, None, Sent::Last);
        assert_eq!(catch_up.step(10), Step::Read(signals));
        catch_up.page_sent(0, None, Sent::Last);
        assert_eq!(catch_up.step(10), Step::Live(vec![item(10, 1)]));
    }

    #[test]
    fn the_next_page_waits_until_half_of_the_last_is_acknowledged() {
        let mut catch_up = CatchUp::new([log(0, 900)], 900);
        assert_eq!(catch_up.step(900), Step::Read(log(0, 900)));
        catch_up.page_sent(256, Some(256), Sent::Full);

        for _ in 0..127 {
            catch_up.settled(1);
        }
        assert_eq!(catch_up.step(900), Step::Wait);
        catch_up.settled(1);
        assert_eq!(catch_up.step(900), Step::Read(log(256, 900)));
    }

    #[test]
    fn after_a_page_of_large_messages_half_of_them_must_be_acknowledged() {
        let mut catch_up = CatchUp::new([log(0, 900)], 900);
        catch_up.step(900);
        catch_up.page_sent(16, Some(16), Sent::Full);
        (0..7).for_each(|_| catch_up.settled(1));
        assert_eq!(catch_up.step(900), Step::Wait);
        catch_up.settled(1);
        assert_eq!(catch_up.step(900), Step::Read(log(16, 900)));
    }

    #[test]
    fn a_client_that_never_acknowledges_is_not_waited_for_for_ever() {
        let mut catch_up = CatchUp::new([log(0, 900)], 900);
        catch_up.step(900);
        catch_up.page_sent(256, Some(256), Sent::Full);
        assert_eq!(catch_up.step(900), Step::Wait);

        catch_up.stop_waiting_for_acks();
        assert_eq!(catch_up.step(900), Step::Read(log(256, 900)));
    }

    #[test]
    fn too_much_to_hold_is_read_from_the_database_instead() {
        let mut catch_up = CatchUp::new([log(0, 9)], 9);
        catch_up.step(9);
        for id in 10..=265 {
            catch_up.hold(&item(id, 1));
        }
        assert_eq!(catch_up.held(), 256);
        catch_up.hold(&item(266, 1));
        catch_up.hold(&item(267, 1));
        assert_eq!(catch_up.held(), 0);

        catch_up.page_sent(0, None, Sent::Last);
        assert_eq!(catch_up.step(267), Step::Read(log(9, 267)));
        catch_up.hold(&item(268, 1));
        catch_up.page_sent(0, None, Sent::Last);
        assert_eq!(catch_up.step(268), Step::Live(vec![item(268, 1)]));
    }

    #[test]
    fn large_bodies_spill_by_their_bytes() {
        let mut catch_up = CatchUp::new([], 0);
        for id in 1..=16 {
            catch_up.hold(&item(id, 16 * 1024));
        }
        assert_eq!(catch_up.held(), 16);
        catch_up.hold(&item(17, 1));
        assert_eq!(catch_up.held(), 0);
        assert_eq!(catch_up.step(17), Step::Read(log(0, 17)));
    }

    #[test]
    fn what_was_held_waits_for_a_client_that_has_much_to_acknowledge() {
        let mut catch_up = CatchUp::new([], 5).with_unacked(LOW_WATER_AFTER_LIVE + 2);
        catch_up.hold(&item(6, 1));
        catch_up.settled(1);
        assert_eq!(catch_up.step(6), Step::Wait);
        catch_up.settled(1);
        assert_eq!(catch_up.step(6), Step::Live(vec![item(6, 1)]));
    }

    #[test]
    fn what_a_stretch_will_read_is_not_held_as_well() {
        let mut catch_up = CatchUp::new([], 5);
        catch_up.hold(&item(5, 1));
        catch_up.hold(&item(6, 1));
        assert_eq!(catch_up.step(6), Step::Live(vec![item(6, 1)]));
    }

    #[derive(Clone, Debug)]
    enum Event {
        Commit(usize),
        Page(usize),
        Ack(usize),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (1..200_usize).prop_map(Event::Commit),
            (1..PAGE_ROWS).prop_map(Event::Page),
            (1..PAGE_ROWS).prop_map(Event::Ack),
        ]
    }

    /// Simulates the writer around a [`CatchUp`], with the database as a count of rows.
    struct Play {
        catch_up: CatchUp,
        committed: i64,
        reading: Option<LogRange>,
        delivered: Vec<i64>,
        live: bool,
    }

    impl Play {
        fn new(stored: i64) -> Self {
            let catch_up = CatchUp::new([log(0, stored)], stored);
            Self { catch_up, committed: stored, reading: None, delivered: vec![], live: false }
        }

        fn advance(&mut self) {
            match self.catch_up.step(self.committed) {
                Step::Wait => {}
                Step::Read(range) => self.reading = Some(range),
                Step::Live(held) => {
                    self.delivered.extend(held.iter().map(|item| item.id));
                    self.live = true;
                }
            }
        }

        fn handle(&mut self, event: &Event) {
            match *event {
                Event::Commit(count) => {
                    for _ in 0..count {
                        self.committed += 1;
                        if self.live {
                            self.delivered.push(self.committed);
                        } else {
                            self.catch_up.hold(&item(self.committed, 100));
                        }
                    }
                }
                Event::Page(rows) => {
                    let Some(LogRange { after, upto, .. }) = self.reading.take() else { return };
                    let through = upto.min(after + i64::try_from(rows).unwrap());
                    self.delivered.extend(after + 1..=through);
                    let sent = usize::try_from(through - after).unwrap();
                    let end = if through == upto { Sent::Last } else { Sent::Full };
                    self.catch_up.page_sent(sent, Some(through), end);
                }
                Event::Ack(count) => (0..count).for_each(|_| self.catch_up.settled(1)),
            }
            if !self.live && self.reading.is_none() {
                self.advance();
            }
        }
    }

    proptest! {
        #[test]
        fn everything_is_delivered_once_and_in_order(
            stored in 0..600_i64, events in prop::collection::vec(event(), 0..80)
        ) {
            let mut play = Play::new(stored);
            for event in &events {
                play.handle(event);
                prop_assert!(play.catch_up.held() <= HELD_ITEMS);
            }
            while !play.live {
                play.handle(&Event::Ack(PAGE_ROWS));
                play.handle(&Event::Page(PAGE_ROWS));
            }
            let everything: Vec<i64> = (1..=play.committed).collect();
            prop_assert_eq!(play.delivered, everything);
        }
    }
}
