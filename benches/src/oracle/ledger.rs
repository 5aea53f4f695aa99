//! Messages sent in a run: the one thing that all threads of the harness share.
//!
//! A stream is the messages of one publisher to one room. Only the publisher's thread counts on;
//! the others see the count before they can see the message, which goes through the server.

use std::sync::atomic::{AtomicU64, Ordering};

use comet_protocol::client::Time;

/// The streams of one room, which follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) first: u32,
    pub(super) streams: u32,
}

#[derive(Debug)]
struct Stream {
    room: u32,
    slot: u32,
    sent: AtomicU64,
}

/// Due times of the newest messages of each stream, for bodies too short to have them.
#[derive(Debug)]
struct DueTimes {
    /// A power of two.
    each: usize,
    micros: Box<[AtomicU64]>,
}

/// Rooms, their streams, and how far each has come.
#[derive(Debug, Default)]
pub struct Ledger {
    rooms: Vec<Room>,
    streams: Vec<Stream>,
    dues: Option<DueTimes>,
}

/// Times that are kept of all streams together, and the fewest of one.
const KEPT: usize = 1 << 20;
const KEPT_LEAST: usize = 64;

impl Ledger {
    /// Without rooms.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A room with this many streams, and the number of the first of them; the others follow.
    pub fn add_room(&mut self, streams: u32) -> (usize, u32) {
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let (room, first) = (self.rooms.len(), count(self.streams.len()));
        self.rooms.push(Room { first, streams });
        let stream = |slot| Stream { room: count(room), slot, sent: AtomicU64::new(0) };
        self.streams.extend((0..streams).map(stream));
        (room, first)
    }

    /// From now on also knows when the newest messages were due.
    pub fn keep_dues(&mut self) {
        let streams = self.streams.len().max(1);
        let each = (KEPT / streams).max(KEPT_LEAST).next_power_of_two();
        let micros = (0..each * streams).map(|_| AtomicU64::new(0)).collect();
        self.dues = Some(DueTimes { each, micros });
    }

    /// The number of messages of a stream.
    #[must_use]
    pub fn sent(&self, stream: u32) -> u64 {
        self.streams[stream as usize].sent.load(Ordering::Acquire)
    }

    /// The next message of a stream is on its way. Only one thread says so of a stream.
    pub fn handle_sent(&self, stream: u32, due: Time) {
        let sent = &self.streams[stream as usize].sent;
        let counter = sent.load(Ordering::Relaxed) + 1;
        if let Some(dues) = &self.dues {
            dues.of(stream, counter).store(due.as_micros(), Ordering::Relaxed);
        }
        sent.store(counter, Ordering::Release);
    }

    /// Time when a message was due, if that is still known.
    pub(super) fn due(&self, stream: u32, counter: u64) -> Option<Time> {
        let dues = self.dues.as_ref()?;
        let is_kept = self.sent(stream) < counter + dues.each as u64;
        is_kept.then(|| Time::from_micros(dues.of(stream, counter).load(Ordering::Relaxed)))
    }

    /// The room and the place in it of a stream, and how many messages it has.
    pub(super) fn stream(&self, stream: u32) -> Option<(u32, u32, u64)> {
        let known = self.streams.get(stream as usize)?;
        Some((known.room, known.slot, known.sent.load(Ordering::Acquire)))
    }

    pub(super) fn room(&self, room: usize) -> Room {
        self.rooms[room]
    }

    /// The number of messages of each room.
    pub(super) fn totals(&self) -> Vec<u64> {
        self.rooms.iter().map(|room| self.total(room)).collect()
    }

    /// The number of messages of a room.
    pub(super) fn total(&self, room: &Room) -> u64 {
        (room.first..room.first + room.streams).map(|stream| self.sent(stream)).sum()
    }
}

impl DueTimes {
    fn of(&self, stream: u32, counter: u64) -> &AtomicU64 {
        let place = usize::try_from(counter).unwrap_or(usize::MAX) & (self.each - 1);
        &self.micros[stream as usize * self.each + place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_a_room_follow_each_other() {
        let mut ledger = Ledger::new();
        assert_eq!(
            [ledger.add_room(2), ledger.add_room(0), ledger.add_room(1)],
            [(0, 0), (1, 2), (2, 2)]
        );
        ledger.handle_sent(1, Time::from_micros(5));
        ledger.handle_sent(1, Time::from_micros(6));
        assert_eq!((ledger.stream(1), ledger.stream(2)), (Some((0, 1, 2)), Some((2, 0, 0))));
        assert_eq!((ledger.stream(3), ledger.totals()), (None, vec![2, 0, 0]));
        assert_eq!(ledger.due(1, 2), None, "not asked for");
    }

    #[test]
    fn only_the_newest_messages_are_known_to_have_been_due() {
        let mut ledger = Ledger::new();
        ledger.add_room(2);
        ledger.keep_dues();
        let kept = (KEPT / 2) as u64;
        (1..=kept + 1).for_each(|at| ledger.handle_sent(1, Time::from_micros(at)));
        assert_eq!(ledger.due(1, 1), None);
        assert_eq!(ledger.due(1, 2), Some(Time::from_micros(2)));
        assert_eq!(ledger.due(1, kept + 1), Some(Time::from_micros(kept + 1)));
    }
}
