//! What the checker found.

use std::fmt;

use crate::history::{ClientId, Session};

/// What must be true, in a word.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// An acked delivery is seen, or covered by a gap that is told before anything newer.
    NoLoss,
    /// No delivery is seen twice, but one that dtalk repeats because its ack was lost.
    NoDuplicate,
    /// Deliveries of one class and lane are seen in the order in which they were pushed.
    Order,
    /// Nobody sees what was not pushed to him.
    NoStray,
    /// A gap tells of what is missing, and of nothing else.
    HonestGap,
    /// No older value of a key is seen after a newer one, and the newest comes.
    Latest,
    /// The gateway keeps within its budget.
    Budget,
    /// The router hears of a session in a legal order, and of its end exactly once.
    Life,
    /// A message reaches the router at most once in a session, and is answered as it was settled.
    Upstream,
    /// Once a connection has taken a session over, no other one gets anything of it.
    Fencing,
    /// A ticket resumes its own session while that waits, and no other one.
    Resume,
    /// What the gateway says about an end is true.
    TrueReason,
    /// When nothing goes wrong any more, everybody comes to rest with all that was promised.
    Liveness,
    /// Who reads, acknowledges and talks is neither cut off nor turned away for want of memory, and
    /// misses nothing, while somebody who reads nothing holds more.
    Fairness,
    /// A client first sees the letters of one sender in their order, and all that are owed to it.
    Letters,
    /// The wire carries nothing that no client can understand.
    Wire,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// When, in virtual microseconds.
    pub at: u64,
    /// Of which client, if that is known.
    pub client: Option<ClientId>,
    /// Of which session, if of one.
    pub session: Option<Session>,
    /// What should have been seen, and what was.
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
