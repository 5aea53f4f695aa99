//! Message counters of rooms: the positions in which gaps are reported.
//!
//! No messages are kept: a relay has no record to pull from, but measurements can tell exactly
//! which messages a gap skipped.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Limit on remembered rooms without members: clients can make up any number of names.
const REMEMBERED: usize = 65_536;

/// All rooms in use, by name.
#[derive(Default)]
pub(crate) struct Records {
    rooms: Mutex<HashMap<Arc<str>, Arc<Record>>>,
}

/// The counter of a room.
pub(crate) struct Record {
    room: Arc<str>,
    last: Mutex<u64>,
}

impl Records {
    /// The record of a room, which is kept while there are references to it.
    pub(crate) fn of(&self, room: &str) -> Arc<Record> {
        let mut rooms = self.rooms.lock();
        if let Some(known) = rooms.get(room) {
            return Arc::clone(known);
        }
        if rooms.len() >= REMEMBERED && rooms.len() == rooms.capacity() {
            rooms.retain(|_, record| Arc::strong_count(record) > 1);
        }
        let record = Arc::new(Record { room: room.into(), last: Mutex::default() });
        rooms.insert(Arc::clone(&record.room), Arc::clone(&record));
        record
    }
}

impl Record {
    /// The name of the room.
    pub(crate) fn room(&self) -> &str {
        &self.room
    }

    /// Publishes under the next number, from 1. The number is used up even on failure: some members
    /// may have received the message.
    ///
    /// The lock makes every shard receive messages in the order of their numbers; it is held while
    /// a reference is put into each mailbox.
    pub(crate) fn publish<T>(&self, publish: impl FnOnce(&str, u64) -> T) -> T {
        let mut last = self.last.lock();
        *last += 1;
        publish(&self.room, *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(record: &Record) -> u64 {
        record.publish(|_, position| position)
    }

    #[test]
    fn each_room_counts_from_one() {
        let records = Records::default();
        let (red, blue) = (records.of("red"), records.of("blue"));
        assert_eq!([next(&red), next(&red), next(&blue)], [1, 2, 1]);
        assert_eq!(next(&records.of("red")), 3);
        red.publish(|room, position| assert_eq!((room, position), ("red", 4)));
    }

    #[test]
    fn rooms_in_use_outlive_any_number_of_others() {
        let records = Records::default();
        let kept = records.of("kept");
        assert_eq!(next(&kept), 1);
        for name in 0..400_000 {
            records.of(&name.to_string());
        }
        assert_eq!(next(&records.of("kept")), 2);
        assert!(records.rooms.lock().len() < 4 * REMEMBERED);
    }
}
