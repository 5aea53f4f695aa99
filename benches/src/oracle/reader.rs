//! What one session has received, by publisher.

/// Counters of one publisher that were skipped, and may still come late.
#[derive(Clone, Copy, Debug)]
struct Skipped {
    slot: usize,
    first: u64,
    last: u64,
}

/// How a message stands to those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    /// This many were skipped before it.
    Next { skipped: u64 },
    /// It had been skipped.
    Late,
    /// It had come before.
    Repeated,
}

/// The record of one session.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) room: usize,
    /// The newest counter of each publisher of the room.
    newest: Box<[u64]>,
    skipped: Vec<Skipped>,
    /// Messages that came, each counted once.
    pub(super) seen: u64,
    /// Messages that were skipped and have not come.
    pub(super) missing: u64,
    /// Messages that gaps spoke of.
    pub(super) told: u64,
    /// Those of them since the last message.
    pub(super) pending: u64,
    /// Not judged any more.
    pub(super) is_void: bool,
}

/// Ranges that are remembered to tell a late message from a repeated one.
const RANGES: usize = 1_024;

impl Reader {
    pub(super) fn new(room: usize, publishers: usize) -> Self {
        Self {
            room,
            newest: vec![0; publishers].into(),
            skipped: Vec::new(),
            seen: 0,
            missing: 0,
            told: 0,
            pending: 0,
            is_void: false,
        }
    }

    pub(super) fn handle_message(&mut self, slot: usize, counter: u64) -> Arrival {
        let newest = self.newest[slot];
        if counter <= newest {
            return self.handle_old(slot, counter);
        }
        let skipped = counter - newest - 1;
        if skipped > 0 {
            if self.skipped.len() < RANGES {
                self.skipped.push(Skipped { slot, first: newest + 1, last: counter - 1 });
            }
            self.missing += skipped;
        }
        self.newest[slot] = counter;
        self.seen += 1;
        Arrival::Next { skipped }
    }

    fn handle_old(&mut self, slot: usize, counter: u64) -> Arrival {
        let holds =
            |range: &Skipped| range.slot == slot && (range.first..=range.last).contains(&counter);
        let Some(at) = self.skipped.iter().position(holds) else { return Arrival::Repeated };
        let range = self.skipped.swap_remove(at);
        let parts = [(range.first, counter - 1), (counter + 1, range.last)];
        let left = parts.into_iter().filter(|(first, last)| first <= last);
        self.skipped.extend(left.map(|(first, last)| Skipped { slot, first, last }));
        self.missing -= 1;
        self.seen += 1;
        Arrival::Late
    }

    /// How many messages of a publisher have not come after the newest that has.
    pub(super) fn tail(&self, slot: usize, sent: u64) -> u64 {
        sent.saturating_sub(self.newest[slot])
    }

    pub(super) fn newest(&self, slot: usize) -> u64 {
        self.newest[slot]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_and_repeated_messages_are_told_apart() {
        let mut reader = Reader::new(0, 2);
        assert_eq!(reader.handle_message(0, 1), Arrival::Next { skipped: 0 });
        assert_eq!(reader.handle_message(0, 5), Arrival::Next { skipped: 3 });
        assert_eq!(reader.handle_message(1, 1), Arrival::Next { skipped: 0 });
        assert_eq!(reader.handle_message(0, 3), Arrival::Late);
        assert_eq!(reader.handle_message(0, 3), Arrival::Repeated);
        assert_eq!(reader.handle_message(0, 5), Arrival::Repeated);
        assert_eq!(reader.handle_message(0, 4), Arrival::Late);
        assert_eq!((reader.seen, reader.missing, reader.tail(0, 7)), (5, 1, 2));
    }
}
