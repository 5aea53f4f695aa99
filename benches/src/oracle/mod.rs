//! Judges every delivery of a run: nothing lost, nothing twice, each publisher's messages in
//! order, and gaps that speak of exactly what is missing.
//!
//! Every reader of a room gets every message of each of the room's publishers. A publisher's
//! messages are counted, so a counter that is skipped is a message missing; a gap pays for as
//! many as it counts. In a room of one publisher the two must agree when the next message comes;
//! in others, where a gap may hold messages of several, at the end.
//!
//! Not here: sockets and time. The owner says what was sent and what came.

mod fault;
mod reader;
mod stamp;

use comet_protocol::comet::{Gap, Seq};
pub use fault::{Fault, FaultKind, Faults};
use reader::{Arrival, Reader};
pub use stamp::{Damaged, Stamp};

#[derive(Debug, Default)]
struct Room {
    publishers: Vec<u32>,
    readers: u64,
    sent: u64,
}

#[derive(Debug)]
struct Publisher {
    room: usize,
    slot: usize,
    sent: u64,
}

/// The judge of a run.
#[derive(Debug, Default)]
pub struct Oracle {
    rooms: Vec<Room>,
    publishers: Vec<Publisher>,
    readers: Vec<Reader>,
    faults: Faults,
    /// Deliveries that are due for what was sent.
    expected: u64,
    /// Those that came, or that a gap paid for.
    settled: u64,
    gaps: u64,
}

/// What stands at the end of a run.
#[derive(Debug)]
pub struct Verdict {
    /// What broke the promise.
    pub faults: Faults,
    /// Deliveries that were due for what was sent.
    pub expected: u64,
    /// Those that came, each counted once.
    pub received: u64,
    /// Messages that gaps spoke of.
    pub told: u64,
    /// Gaps.
    pub gaps: u64,
}

impl Verdict {
    /// Adds that of another part of the run.
    pub fn merge(&mut self, other: Self) {
        self.faults.merge(other.faults);
        self.expected += other.expected;
        self.received += other.received;
        self.told += other.told;
        self.gaps += other.gaps;
    }
}

impl Oracle {
    /// A judge who knows nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A room with this many publishers, and the number of the first of them; the others follow.
    pub fn add_room(&mut self, publishers: usize) -> (usize, u32) {
        let room = self.rooms.len();
        let first = u32::try_from(self.publishers.len()).unwrap_or(u32::MAX);
        let mut members = Vec::new();
        for (slot, publisher) in (first..).take(publishers).enumerate() {
            members.push(publisher);
            self.publishers.push(Publisher { room, slot, sent: 0 });
        }
        self.rooms.push(Room { publishers: members, readers: 0, sent: 0 });
        (room, first)
    }

    /// The next session reads this room; to be told before anything is sent there.
    pub fn add_reader(&mut self, room: usize) {
        self.readers.push(Reader::new(room, self.rooms[room].publishers.len()));
        self.rooms[room].readers += 1;
    }

    /// The counter of the publisher's next message.
    #[must_use]
    pub fn next_counter(&self, publisher: u32) -> u64 {
        self.publishers[publisher as usize].sent + 1
    }

    /// A publisher's next message is on its way.
    pub fn handle_sent(&mut self, publisher: u32) {
        let publisher = &mut self.publishers[publisher as usize];
        let room = &mut self.rooms[publisher.room];
        publisher.sent += 1;
        room.sent += 1;
        self.expected += room.readers;
    }

    /// A session received a body; returns the message if it was due.
    pub fn handle_body(&mut self, session: usize, body: &[u8]) -> Option<Stamp> {
        let stamp = match Stamp::read(body) {
            Ok(stamp) => stamp,
            Err(damaged) => {
                self.faults.note(FaultKind::Damaged, session, 1, || damaged.to_string());
                return None;
            }
        };
        let reader = &mut self.readers[session];
        let publisher = self.publishers.get(stamp.publisher as usize);
        let Some(publisher) = publisher
            .filter(|known| known.room == reader.room && (1..=known.sent).contains(&stamp.counter))
        else {
            self.faults.note(FaultKind::Stray, session, 1, || format!("{stamp:?}"));
            return None;
        };
        if reader.is_void {
            return None;
        }
        let before = reader.newest(publisher.slot);
        match reader.handle_message(publisher.slot, stamp.counter) {
            Arrival::Next { skipped } => {
                self.settled += 1;
                let told = std::mem::take(&mut reader.pending);
                if self.rooms[reader.room].publishers.len() == 1 && told != skipped {
                    let kind = if told < skipped { FaultKind::Lost } else { FaultKind::WrongGap };
                    self.faults.note(kind, session, told.abs_diff(skipped), || {
                        format!("{stamp:?} after {before}: {skipped} skipped, gaps told {told}")
                    });
                }
                Some(stamp)
            }
            Arrival::Late => {
                self.settled += 1;
                self.faults.note(FaultKind::OutOfOrder, session, 1, || {
                    format!("{stamp:?} after {before}")
                });
                None
            }
            Arrival::Repeated => {
                self.faults
                    .note(FaultKind::Duplicate, session, 1, || format!("{stamp:?} after {before}"));
                None
            }
        }
    }

    /// A session was told of a gap; `from` is the first number that it takes.
    pub fn handle_gap(&mut self, session: usize, from: Seq, to: Seq, gap: &Gap) {
        self.gaps += 1;
        let reader = &mut self.readers[session];
        // Numbers before `from` had arrived, or another gap took them.
        let stale = if to.is_none() { 0 } else { u64::from(from.since(gap.first(to))) };
        let count = gap.count.saturating_sub(stale);
        if gap.count == 0 {
            self.faults.note(FaultKind::WrongGap, session, 1, || format!("not counted: {gap:?}"));
        }
        if !reader.is_void {
            reader.told += count;
            reader.pending += count;
            self.settled += count;
        }
    }

    /// A session begins anew; nobody can say what it missed, and it is judged no longer.
    pub fn handle_reset(&mut self, session: usize, why: impl FnOnce() -> String) {
        self.void(session, FaultKind::Reset, why);
    }

    /// A session is over.
    pub fn handle_ended(&mut self, session: usize, why: impl FnOnce() -> String) {
        self.void(session, FaultKind::Ended, why);
    }

    /// The gateway refused a message, which some may have got.
    pub fn handle_refused(&mut self, session: usize, why: impl FnOnce() -> String) {
        self.faults.note(FaultKind::Refused, session, 1, why);
    }

    fn void(&mut self, session: usize, kind: FaultKind, why: impl FnOnce() -> String) {
        self.faults.note(kind, session, 1, why);
        let reader = &mut self.readers[session];
        if !std::mem::replace(&mut reader.is_void, true) {
            let room = &mut self.rooms[reader.room];
            room.readers -= 1;
            self.expected -= room.sent;
            self.settled -= reader.seen + reader.told;
        }
    }

    /// Deliveries that are due and have not come.
    #[must_use]
    pub const fn outstanding(&self) -> u64 {
        self.expected.saturating_sub(self.settled)
    }

    /// Deliveries that came, or that a gap paid for.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.settled
    }

    /// What a session waits for: how many deliveries.
    #[must_use]
    pub fn behind(&self, session: usize) -> u64 {
        let reader = &self.readers[session];
        self.rooms[reader.room].sent.saturating_sub(reader.seen + reader.told)
    }

    /// Nothing more will come: what is missing is lost.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        for (session, reader) in self.readers.iter().enumerate().filter(|(_, r)| !r.is_void) {
            let room = &self.rooms[reader.room];
            let tails = room.publishers.iter().enumerate();
            let tail: u64 =
                tails.map(|(slot, id)| reader.tail(slot, self.publishers[*id as usize].sent)).sum();
            // In a room of one publisher what was skipped has been judged when it was.
            let (missing, told) = match room.publishers.len() {
                1 => (tail, reader.pending),
                _ => (reader.missing + tail, reader.told),
            };
            let evidence = || format!("{missing} missing ({tail} at the end), gaps told {told}");
            if missing > told {
                self.faults.note(FaultKind::Lost, session, missing - told, evidence);
            } else if told > missing {
                self.faults.note(FaultKind::WrongGap, session, told - missing, evidence);
            }
        }
        let (received, told) = self
            .readers
            .iter()
            .fold((0, 0), |(received, told), reader| (received + reader.seen, told + reader.told));
        Verdict { faults: self.faults, expected: self.expected, received, told, gaps: self.gaps }
    }
}

#[cfg(test)]
mod tests;
