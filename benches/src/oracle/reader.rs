//! Messages received by one session, by stream.

use super::ledger::{Ledger, Room};

/// Counters of one publisher that were skipped, and may still come late.
#[derive(Clone, Copy, Debug)]
struct Skipped {
    slot: usize,
    first: u64,
    last: u64,
    /// Whether they were owed.
    is_owed: bool,
}

/// Position of a message among those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum DeliveryOrder {
    /// This many were skipped before it.
    Next { skipped: u64 },
    /// It had been skipped.
    Late,
    /// It had come before.
    Repeated,
}

/// A room that a session reads, and where its streams begin among the session's.
#[derive(Clone, Copy, Debug)]
struct ReadRoom {
    room: u32,
    offset: usize,
}

/// The record of one session.
#[derive(Debug)]
pub(super) struct Reader {
    seats: Box<[ReadRoom]>,
    /// The newest counter of each stream.
    newest: Box<[u64]>,
    /// Counters up to which nothing is owed, because the session was away; empty if it never was.
    excused: Box<[u64]>,
    /// Messages that it was not owed, and did not get.
    pub(super) unowed: u64,
    skipped: Vec<Skipped>,
    /// Messages that came, each counted once.
    pub(super) seen: u64,
    /// Messages that were skipped and have not come.
    pub(super) missing: u64,
    /// Messages that gaps spoke of.
    pub(super) told: u64,
    /// Those since the last message.
    pub(super) pending: u64,
    /// Not judged any more.
    pub(super) is_void: bool,
    /// It left, and is owed nothing until it returns.
    pub(super) is_away: bool,
    /// It does not read, so nothing is waited for.
    pub(super) is_stalled: bool,
    /// From here on it may get anything or nothing, but nothing twice and all in order.
    pub(super) is_lenient: bool,
}

/// Ranges that are remembered to tell a late message from a repeated one.
const RANGES: usize = 1_024;

impl Reader {
    pub(super) fn new(rooms: &[usize], ledger: &Ledger) -> Self {
        let mut streams = 0;
        let seats = rooms.iter().map(|&room| {
            let seat = ReadRoom { room: u32::try_from(room).unwrap_or(u32::MAX), offset: streams };
            streams += ledger.room(room).streams as usize;
            seat
        });
        Self {
            seats: seats.collect(),
            newest: vec![0; streams].into(),
            excused: Box::default(),
            unowed: 0,
            skipped: Vec::new(),
            seen: 0,
            missing: 0,
            told: 0,
            pending: 0,
            is_void: false,
            is_away: false,
            is_stalled: false,
            is_lenient: false,
        }
    }

    /// Index of the first stream of a room, if it reads that room.
    pub(super) fn offset(&self, room: u32) -> Option<usize> {
        self.seats.iter().find(|seat| seat.room == room).map(|seat| seat.offset)
    }

    /// The rooms that it reads.
    pub(super) fn rooms(&self) -> impl Iterator<Item = usize> {
        self.seats.iter().map(|seat| seat.room as usize)
    }

    /// Whether it reads a single stream, so that a missing message is known at once.
    pub(super) const fn is_simple(&self) -> bool {
        self.newest.len() == 1
    }

    /// Nothing that was sent so far is owed any more. Returns how many of these messages a gap had
    /// told of: it has paid for nothing, neither before nor later.
    pub(super) fn excuse(&mut self, ledger: &Ledger) -> u64 {
        let mut excused = std::mem::take(&mut self.excused);
        if excused.is_empty() {
            excused = vec![0; self.newest.len()].into();
        }
        for seat in &self.seats {
            let Room { first, streams, .. } = ledger.room(seat.room as usize);
            for (slot, stream) in (seat.offset..).zip(first..first + streams) {
                let sent = ledger.sent(stream);
                self.unowed += sent - self.newest[slot].max(excused[slot]).min(sent);
                excused[slot] = sent;
            }
        }
        self.excused = excused;
        self.pending = 0;
        let unpaid = self.told.saturating_sub(self.missing);
        self.told -= unpaid;
        unpaid
    }

    /// Whether something that it has not got is waited for.
    pub(super) const fn is_waited_for(&self) -> bool {
        !(self.is_void || self.is_away || self.is_stalled || self.is_lenient)
    }

    fn owed_from(&self, slot: usize) -> u64 {
        self.newest[slot].max(self.excused.get(slot).copied().unwrap_or(0))
    }

    pub(super) fn handle_message(&mut self, slot: usize, counter: u64) -> DeliveryOrder {
        if counter <= self.newest[slot] {
            return self.handle_old(slot, counter);
        }
        let from = self.owed_from(slot);
        self.newest[slot] = counter;
        self.seen += 1;
        if counter <= from {
            // It was on its way when the session returned.
            self.unowed = self.unowed.saturating_sub(1);
            return DeliveryOrder::Next { skipped: 0 };
        }
        let skipped = counter - from - 1;
        if skipped == 0 {
            return DeliveryOrder::Next { skipped };
        }
        let is_owed = !self.is_lenient;
        if self.skipped.len() < RANGES {
            self.skipped.push(Skipped { slot, first: from + 1, last: counter - 1, is_owed });
        }
        if is_owed {
            self.missing += skipped;
            return DeliveryOrder::Next { skipped };
        }
        self.unowed += skipped;
        DeliveryOrder::Next { skipped: 0 }
    }

    fn handle_old(&mut self, slot: usize, counter: u64) -> DeliveryOrder {
        let holds =
            |range: &Skipped| range.slot == slot && (range.first..=range.last).contains(&counter);
        let Some(at) = self.skipped.iter().position(holds) else { return DeliveryOrder::Repeated };
        let range = self.skipped.swap_remove(at);
        let parts = [(range.first, counter - 1), (counter + 1, range.last)];
        let left = parts.into_iter().filter(|(first, last)| first <= last);
        self.skipped.extend(left.map(|(first, last)| Skipped { first, last, ..range }));
        let missed = if range.is_owed { &mut self.missing } else { &mut self.unowed };
        *missed = missed.saturating_sub(1);
        self.seen += 1;
        DeliveryOrder::Late
    }

    /// The number of messages owed to it after the newest of each stream.
    pub(super) fn tail(&self, ledger: &Ledger) -> u64 {
        let of_seat = |seat: &ReadRoom| {
            let Room { first, streams, .. } = ledger.room(seat.room as usize);
            let slots = (seat.offset..).zip(first..first + streams);
            let tail = |(slot, stream)| ledger.sent(stream).saturating_sub(self.owed_from(slot));
            slots.map(tail).sum::<u64>()
        };
        self.seats.iter().map(of_seat).sum()
    }

    pub(super) fn newest(&self, slot: usize) -> u64 {
        self.newest[slot]
    }
}

#[cfg(test)]
mod tests {
    use comet_protocol::client::Time;

    use super::*;

    #[test]
    fn late_and_repeated_messages_are_told_apart() {
        let mut ledger = Ledger::new();
        ledger.add_room(2);
        let mut reader = Reader::new(&[0], &ledger);
        assert_eq!(reader.handle_message(0, 1), DeliveryOrder::Next { skipped: 0 });
        assert_eq!(reader.handle_message(0, 5), DeliveryOrder::Next { skipped: 3 });
        assert_eq!(reader.handle_message(1, 1), DeliveryOrder::Next { skipped: 0 });
        assert_eq!(reader.handle_message(0, 3), DeliveryOrder::Late);
        assert_eq!(reader.handle_message(0, 3), DeliveryOrder::Repeated);
        assert_eq!(reader.handle_message(0, 5), DeliveryOrder::Repeated);
        assert_eq!(reader.handle_message(0, 4), DeliveryOrder::Late);
        (0..7).for_each(|_| ledger.handle_sent(0, Time::from_micros(1)));
        ledger.handle_sent(1, Time::from_micros(1));
        assert_eq!((reader.seen, reader.missing, reader.tail(&ledger)), (5, 1, 2));
    }

    #[test]
    fn who_was_away_is_owed_what_is_sent_from_then_on() {
        let mut ledger = Ledger::new();
        ledger.add_room(1);
        let mut reader = Reader::new(&[0], &ledger);
        let send = |times| (0..times).for_each(|_| ledger.handle_sent(0, Time::from_micros(1)));
        send(5);
        assert_eq!(reader.handle_message(0, 1), DeliveryOrder::Next { skipped: 0 });
        reader.excuse(&ledger);
        assert_eq!((reader.unowed, reader.tail(&ledger)), (4, 0));
        send(3);
        assert_eq!(reader.handle_message(0, 4), DeliveryOrder::Next { skipped: 0 }, "on its way");
        assert_eq!((reader.unowed, reader.tail(&ledger)), (3, 3));
        assert_eq!(reader.handle_message(0, 7), DeliveryOrder::Next { skipped: 1 });
        assert_eq!(reader.handle_message(0, 6), DeliveryOrder::Late);
        reader.excuse(&ledger);
        assert_eq!((reader.seen, reader.missing, reader.unowed), (4, 0, 4));
        assert_eq!(reader.tail(&ledger), 0);
    }
}
