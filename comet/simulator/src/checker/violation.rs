//! Violations found by the checker.

use std::fmt;

use crate::history::{ClientId, Session};

/// A rule of the delivery contract.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// An acked delivery is seen, or covered by a gap that is reported before anything newer.
    NoLoss,
    /// No delivery is seen twice, except one that dtalk repeats because its ack was lost.
    NoDuplicate,
    /// Deliveries of one class and lane are seen in the order in which they were pushed.
    Order,
    /// No client sees a delivery that was not pushed to it.
    NoStray,
    /// A gap reports missing deliveries, and no others.
    HonestGap,
    /// No older value of a key is seen after a newer one, and the newest arrives.
    Latest,
    /// The gateway stays within its memory budget.
    Budget,
    /// The router is told of a session in a legal order, and of its end exactly once.
    Life,
    /// A message reaches the router at most once per session, and is answered as it was settled.
    Upstream,
    /// Once a connection has taken a session over, no other one receives its deliveries.
    Fencing,
    /// A ticket resumes its own session while that has not ended, and no other one.
    Resume,
    /// The reason that the gateway gives for an end is true.
    TrueReason,
    /// Once the faults end, every client comes to rest with everything owed to it.
    Liveness,
    /// A client that reads, acknowledges and sends is neither disconnected nor refused for lack of
    /// memory, and misses nothing, while one that does not read holds more.
    Fairness,
    /// A client first sees the letters of each sender in order, and all that are owed to it.
    Letters,
    /// Everything on the wire is valid for clients.
    Wire,
}

/// A violation of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Time, in virtual microseconds.
    pub at: u64,
    /// The client, if known.
    pub client: Option<ClientId>,
    /// The session, if the violation concerns one.
    pub session: Option<Session>,
    /// The expectation, and the observation.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}.{:06}", self.rule, self.at / 1_000_000, self.at % 1_000_000)?;
        if let Some(client) = self.client {
            write!(f, ", {client}")?;
        }
        if let Some(session) = self.session {
            write!(f, ", {session}")?;
        }
        write!(f, ": {}", self.what)
    }
}
