//! Totals of a thread, or of several, at its end.

use super::roaming::Moves;
use crate::audience::Counts;
use crate::driver::ConnectionCounts;
use crate::latency::Latency;
use crate::oracle::Verdict;

/// Totals of a thread, or of several, at its end.
#[derive(Debug)]
pub struct Totals {
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that were not answered.
    pub unanswered: u64,
    /// Deliveries that had not come.
    pub outstanding: u64,
    /// Counts of events.
    pub counts: Counts,
    /// From when sessions were free to connect to when they were open.
    pub opens: Latency,
    /// Counts of connections.
    pub tally: ConnectionCounts,
    /// Sessions that left and came back.
    pub left: u64,
    /// Connections that were broken.
    pub broken: u64,
    /// Moves from one transport to another.
    pub moves: Moves,
    /// Deliveries that sessions which had stopped had not read when they went on.
    pub waiting: u64,
    /// Sessions of these that were not there at the end.
    pub absent: u64,
    /// Verdict of the oracle.
    pub verdict: Verdict,
}

impl Totals {
    /// Adds the totals of other threads.
    pub fn merge(&mut self, other: Self) {
        self.sent += other.sent;
        self.unanswered += other.unanswered;
        self.outstanding += other.outstanding;
        self.counts.merge(other.counts);
        self.opens.merge(&other.opens);
        self.tally.dials += other.tally.dials;
        self.tally.failed_dials += other.tally.failed_dials;
        self.tally.lost += other.tally.lost;
        self.left += other.left;
        self.broken += other.broken;
        self.moves.merge(other.moves);
        self.waiting += other.waiting;
        self.absent += other.absent;
        self.verdict.merge(other.verdict);
    }
}
