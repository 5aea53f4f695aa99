//! Judgement of every delivery of a run: nothing lost, nothing twice, each publisher's messages in
//! order, and gaps that count exactly what is missing.
//!
//! Every reader of a room gets every message of each of the room's publishers, from when it joins
//! until it leaves. A publisher's messages to a room are a stream, and counted, so a skipped
//! counter is a missing message; a gap pays for as many as it counts. For a reader of one stream
//! the two must agree when the next message comes; for others, where a gap may hold messages of
//! several, at the end.
//!
//! An oracle judges the readers of one thread; sent messages stand in a [`Ledger`] that all threads
//! share. Not here: sockets and time. The owner reports what was sent and what came.

mod fault;
mod ledger;
mod reader;
mod stamp;

use std::sync::Arc;

use comet_protocol::client::Time;
use comet_protocol::comet::{Gap, Seq};
pub use fault::{Fault, FaultKind, Faults};
pub use ledger::Ledger;
use reader::{DeliveryOrder, Reader};
pub use stamp::{Damaged, Stamp, StampedContent};

/// The judge of a run, or of one thread of it.
#[derive(Debug, Default)]
pub struct Oracle {
    ledger: Arc<Ledger>,
    readers: Vec<Reader>,
    faults: Faults,
    /// Deliveries that came, or that a gap paid for.
    settled: u64,
    gaps: u64,
}

/// A delivery that was due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExpectedDelivery {
    /// Of which stream.
    pub stream: u32,
    /// Its number in the stream.
    pub counter: u64,
    /// Time when the message was due; short bodies do not have it, and it may be forgotten.
    pub due: Option<Time>,
}

/// Result of a run.
#[derive(Debug)]
pub struct Verdict {
    /// Broken promises.
    pub faults: Faults,
    /// Deliveries owed for the sent messages.
    pub expected: u64,
    /// Deliveries that came, each counted once.
    pub received: u64,
    /// Messages that gaps spoke of.
    pub told: u64,
    /// Gaps.
    pub gaps: u64,
    /// Deliveries that sessions never got which were owed nothing because they had stalled.
    pub forgone: u64,
}

impl Verdict {
    /// Adds that of another part of the run.
    pub fn merge(&mut self, other: Self) {
        self.faults.merge(other.faults);
        self.expected += other.expected;
        self.received += other.received;
        self.told += other.told;
        self.gaps += other.gaps;
        self.forgone += other.forgone;
    }
}

impl Oracle {
    /// A judge without readers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A judge of some of the readers of a ledger.
    #[must_use]
    pub fn of(ledger: Arc<Ledger>) -> Self {
        Self { ledger, ..Self::default() }
    }

    /// A room with this many publishers, and the number of the first of them; the others follow.
    ///
    /// # Panics
    ///
    /// When others share the ledger: rooms are there before threads are.
    pub fn add_room(&mut self, publishers: usize) -> (usize, u32) {
        let ledger = Arc::get_mut(&mut self.ledger).expect("the ledger is not shared yet");
        ledger.add_room(u32::try_from(publishers).unwrap_or(u32::MAX))
    }

    /// The next session reads these rooms.
    pub fn add_reader(&mut self, rooms: &[usize]) {
        self.readers.push(Reader::new(rooms, &self.ledger));
    }

    /// The counter of the publisher's next message.
    #[must_use]
    pub fn next_counter(&self, publisher: u32) -> u64 {
        self.ledger.sent(publisher) + 1
    }

    /// A publisher's next message is on its way.
    pub fn handle_sent(&mut self, publisher: u32, due: Time) {
        self.ledger.handle_sent(publisher, due);
    }

    /// A session received a body; returns the message if it was due.
    pub fn handle_body(&mut self, session: usize, body: &[u8]) -> Option<ExpectedDelivery> {
        let said = match Stamp::read(body) {
            Ok(said) => said,
            Err(damaged) => {
                self.faults.note(FaultKind::Damaged, session, 1, || damaged.to_string());
                return None;
            }
        };
        let publisher = match said {
            StampedContent::All(Stamp { publisher, .. })
            | StampedContent::Short { publisher, .. } => publisher,
        };
        let reader = &mut self.readers[session];
        let known = self.ledger.stream(publisher).and_then(|(room, slot, sent)| {
            let counter = match said {
                StampedContent::All(stamp) => stamp.counter,
                StampedContent::Short { ending, .. } => stamp::whole(ending, sent),
            };
            let slot = reader.offset(room)? + slot as usize;
            (1..=sent).contains(&counter).then_some((slot, counter))
        });
        let Some((slot, counter)) = known else {
            self.faults.note(FaultKind::Stray, session, 1, || format!("{said:?}"));
            return None;
        };
        if reader.is_void {
            return None;
        }
        let before = reader.newest(slot);
        let what = || format!("message {counter} of {publisher} after {before}");
        match reader.handle_message(slot, counter) {
            DeliveryOrder::Next { skipped } => {
                self.settled += 1;
                let told = std::mem::take(&mut reader.pending);
                if reader.is_simple() && told != skipped {
                    let kind = if told < skipped { FaultKind::Lost } else { FaultKind::WrongGap };
                    self.faults.note(kind, session, told.abs_diff(skipped), || {
                        format!("{}: {skipped} skipped, gaps told {told}", what())
                    });
                }
                let due = match said {
                    StampedContent::All(stamp) => Some(stamp.due),
                    StampedContent::Short { .. } => self.ledger.due(publisher, counter),
                };
                return Some(ExpectedDelivery { stream: publisher, counter, due });
            }
            DeliveryOrder::Late => {
                self.settled += 1;
                self.faults.note(FaultKind::OutOfOrder, session, 1, what);
            }
            DeliveryOrder::Repeated => self.faults.note(FaultKind::Duplicate, session, 1, what),
        }
        None
    }

    /// A session got a gap; `from` is the first number that it takes.
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

    /// A session begins anew; its losses are unknown, and it is judged no longer.
    pub fn handle_reset(&mut self, session: usize, why: impl FnOnce() -> String) {
        self.void(session, FaultKind::Reset, why);
    }

    /// A session leaves: it is owed nothing until it returns.
    pub fn handle_left(&mut self, session: usize) {
        self.readers[session].is_away = true;
    }

    /// A session that left is there again: what is sent from now on is owed to it, and what is on
    /// its way may come.
    pub fn handle_returned(&mut self, session: usize) {
        let reader = &mut self.readers[session];
        reader.is_away = false;
        let unpaid = reader.excuse(&self.ledger);
        if !reader.is_void {
            self.settled -= unpaid;
        }
    }

    /// A session stops reading: nothing is waited for until it goes on. One that `is_lenient` may
    /// from here on get anything or nothing, but nothing twice and all in order.
    pub fn handle_stalled(&mut self, session: usize, is_lenient: bool) {
        let reader = &mut self.readers[session];
        reader.is_stalled = true;
        reader.is_lenient |= is_lenient;
    }

    /// A session that had stopped reads again.
    pub fn handle_going_on(&mut self, session: usize) {
        self.readers[session].is_stalled = false;
    }

    /// Whether a session may get anything or nothing.
    #[must_use]
    pub fn is_lenient(&self, session: usize) -> bool {
        self.readers[session].is_lenient
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
            self.settled -= reader.seen + reader.told;
        }
    }

    /// Deliveries that are due and have not come. Every session is looked at.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        let totals = self.ledger.totals();
        let judged = self.readers.iter().filter(|reader| reader.is_waited_for());
        judged.map(|reader| owed(reader, &totals)).sum()
    }

    /// Deliveries that came, or that a gap paid for.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.settled
    }

    /// The number of faults so far.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults.counts().iter().map(|(_, count)| count).sum()
    }

    /// The number of deliveries that a session waits for.
    #[must_use]
    pub fn behind(&self, session: usize) -> u64 {
        let reader = &self.readers[session];
        let total = |room| self.ledger.total(&self.ledger.room(room));
        let sent: u64 = reader.rooms().map(total).sum();
        sent.saturating_sub(reader.unowed + reader.seen + reader.told)
    }

    /// Nothing more will come: missing messages are lost.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let (totals, mut expected, mut forgone) = (self.ledger.totals(), 0, 0);
        let judged = self.readers.iter_mut().enumerate().filter(|(_, reader)| !reader.is_void);
        for (session, reader) in judged {
            if reader.is_away || reader.is_lenient {
                reader.excuse(&self.ledger);
            }
            if reader.is_lenient {
                forgone += reader.unowed;
            }
            expected += reader.rooms().map(|room| totals[room]).sum::<u64>() - reader.unowed;
            let tail = reader.tail(&self.ledger);
            // Skipped messages of a single stream have been judged already.
            let (missing, told) = if reader.is_simple() {
                (tail, reader.pending)
            } else {
                (reader.missing + tail, reader.told)
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
        Verdict { faults: self.faults, expected, received, told, gaps: self.gaps, forgone }
    }
}

/// Deliveries that a session has not got, by room.
fn owed(reader: &Reader, totals: &[u64]) -> u64 {
    let sent: u64 = reader.rooms().map(|room| totals[room]).sum();
    sent.saturating_sub(reader.unowed + reader.seen + reader.told)
}

#[cfg(test)]
mod tests;
