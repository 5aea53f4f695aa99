//! Everything that happens to the sessions of a driver, as scenarios want to know it.

use std::collections::VecDeque;
use std::ops::Range;

use comet_protocol::comet::Welcome;

use crate::driver::{Event, Observer, Time};
use crate::latency::Latency;
use crate::oracle::{Arrived, Oracle};

/// What happened how often.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Sessions that began.
    pub begun: u64,
    /// Sessions that were resumed.
    pub resumed: u64,
    /// Waits for another connection.
    pub waits: u64,
    /// Answers to messages.
    pub replies: u64,
}

/// How many of a room's members have which of the messages of its one publisher.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    members: usize,
    /// Members that lack a message, for each that not all have.
    lacking: VecDeque<usize>,
    /// Messages that all have.
    complete: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    is_open: bool,
    has_begun: bool,
    /// When it was free to connect.
    free: Time,
}

/// Judges deliveries, and times them.
#[derive(Debug, Default)]
pub struct Audience {
    /// What is right and wrong.
    pub oracle: Oracle,
    /// From when a message was due to when a session had it.
    pub latency: Latency,
    /// From when a session was free to come back to when it was open.
    pub returns: Latency,
    /// The sessions whose deliveries are timed.
    pub timed: Range<usize>,
    /// The messages that not all have yet, if somebody wants to know.
    pub rounds: Option<Rounds>,
    counts: Counts,
    standings: Vec<Standing>,
    open: usize,
    last_opened: Time,
}

impl Audience {
    /// Nobody is there yet, and every delivery is timed.
    #[must_use]
    pub fn new() -> Self {
        Self { timed: 0..usize::MAX, ..Self::default() }
    }

    /// Another session, which is free to connect from now on.
    pub fn add(&mut self, now: Time, room: usize) {
        self.oracle.add_reader(&[room]);
        self.standings.push(Standing { free: now, ..Standing::default() });
    }

    /// How many sessions are open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }

    /// Whether one is.
    #[must_use]
    pub fn is_open(&self, session: usize) -> bool {
        self.standings[session].is_open
    }

    /// When a session opened last.
    #[must_use]
    pub const fn last_opened(&self) -> Time {
        self.last_opened
    }

    /// What happened how often.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn handle_opened(
        &mut self,
        now: Time,
        session: usize,
        resumed: bool,
        welcome: Option<&Welcome>,
    ) {
        let standing = &mut self.standings[session];
        if !standing.is_open {
            self.open += 1;
        }
        self.last_opened = now;
        let begins_anew = standing.has_begun && !resumed;
        (standing.is_open, standing.has_begun) = (true, true);
        if resumed {
            self.counts.resumed += 1;
            self.returns.record(now.since(standing.free));
        } else {
            self.counts.begun += 1;
        }
        if begins_anew {
            self.oracle.handle_reset(session, || format!("{welcome:?}"));
        }
    }

    fn handle_closing(&mut self, session: usize) {
        if std::mem::take(&mut self.standings[session].is_open) {
            self.open -= 1;
        }
    }

    fn handle_body(&mut self, now: Time, session: usize, body: &[u8]) {
        let Some(Arrived { due, counter, .. }) = self.oracle.handle_body(session, body) else {
            return;
        };
        if let Some(due) = due.filter(|_| self.timed.contains(&session)) {
            self.latency.record(now.since(due));
        }
        if let Some(rounds) = &mut self.rounds {
            rounds.handle(counter);
        }
    }
}

impl Rounds {
    /// For a room with so many members.
    #[must_use]
    pub fn new(members: usize) -> Self {
        Self { members, ..Self::default() }
    }

    /// Messages that every member has.
    #[must_use]
    pub const fn complete(&self) -> u64 {
        self.complete
    }

    fn handle(&mut self, counter: u64) {
        let ahead = counter.saturating_sub(self.complete + 1);
        let at = usize::try_from(ahead).unwrap_or(usize::MAX);
        while self.lacking.len() <= at {
            self.lacking.push_back(self.members);
        }
        self.lacking[at] = self.lacking[at].saturating_sub(1);
        while self.lacking.front() == Some(&0) {
            self.lacking.pop_front();
            self.complete += 1;
        }
    }
}

impl Observer for Audience {
    fn handle(&mut self, now: Time, session: usize, event: Event<'_>) {
        match event {
            Event::Delivery { body } => self.handle_body(now, session, body),
            Event::Gap { from, to, gap } => self.oracle.handle_gap(session, from, to, gap),
            Event::Opened { resumed, welcome } => {
                self.handle_opened(now, session, resumed, welcome);
            }
            Event::Waiting { until } => {
                self.counts.waits += 1;
                self.handle_closing(session);
                self.standings[session].free = until;
            }
            Event::Replied => self.counts.replies += 1,
            Event::Refused { why } => self.oracle.handle_refused(session, || why),
            Event::Closed { why } => {
                self.handle_closing(session);
                self.oracle.handle_ended(session, || why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_when_all_members_have_it_and_those_before() {
        let mut rounds = Rounds::new(2);
        [2, 2, 1].into_iter().for_each(|counter| rounds.handle(counter));
        assert_eq!(rounds.complete(), 0);
        rounds.handle(1);
        assert_eq!(rounds.complete(), 2);
        rounds.handle(3);
        rounds.handle(3);
        assert_eq!(rounds.complete(), 3);
    }
}
