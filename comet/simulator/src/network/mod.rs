//! The network between clients and gateways, and its faults.
//!
//! Bytes are delayed, split, held back, and cut off at any point; they are never reordered within a
//! connection, nor corrupted.
//!
//! Not here: the times of connections, and their contents.

mod faults;
mod line;
mod pipe;
mod websocket;

pub(crate) use line::{Arrived, Line};
pub(crate) use pipe::Ending;

use crate::history::Attempt;
use crate::random::Random;

/// The connections that are not closed on both sides.
#[derive(Debug, Default)]
pub(crate) struct Network {
    lines: Vec<Line>,
    attempts: u32,
}

impl Network {
    /// The number of another attempt to connect.
    pub(crate) const fn next_attempt(&mut self) -> Attempt {
        let attempt = Attempt(self.attempts);
        self.attempts += 1;
        attempt
    }

    /// Number of attempts so far.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Adds a connection that is established.
    pub(crate) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Sends bytes of a client.
    pub(crate) fn send(&mut self, now: u64, attempt: Attempt, bytes: &[u8], random: &mut Random) {
        if let Some(line) = self.find(attempt) {
            line.send(now, bytes, random);
        }
    }

    /// Closes the client's end of a connection, with or without notice.
    pub(crate) fn leave(
        &mut self,
        now: u64,
        attempt: Attempt,
        ending: Option<Ending>,
        random: &mut Random,
    ) {
        if let Some(line) = self.find(attempt) {
            line.leave(now, ending, random);
        }
    }

    fn find(&mut self, attempt: Attempt) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.attempt() == attempt)
    }

    /// Time of the next event.
    pub(crate) fn next(&self) -> Option<u64> {
        self.lines.iter().filter_map(Line::next).min()
    }

    /// Passes arrived bytes to the gateways.
    pub(crate) fn carry_up(&mut self, now: u64, random: &mut Random) {
        for line in &mut self.lines {
            line.carry_up(now, random);
        }
    }

    /// Collects the output of the gateways after a turn. Returns whether that may let them do more.
    pub(crate) fn collect_turn(&mut self, now: u64, random: &mut Random) -> bool {
        let mut any = false;
        for line in &mut self.lines {
            any |= line.collect_turn(now, random);
        }
        any
    }

    /// Number of connections.
    pub(crate) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Takes what has arrived for the client of a connection, given by its index.
    pub(crate) fn carry_down(
        &mut self,
        at: usize,
        now: u64,
        random: &mut Random,
        out: &mut Vec<Arrived>,
    ) -> Attempt {
        self.lines[at].carry_down(now, random, out);
        self.lines[at].attempt()
    }

    /// Ends all faults.
    pub(crate) fn heal(&mut self, now: u64) {
        self.lines.iter_mut().for_each(|line| line.heal(now));
    }

    /// Lets go of connections that are closed on both sides.
    pub(crate) fn remove_closed(&mut self) {
        self.lines.retain(|line| !line.is_over());
    }
}
