//! Outcomes of logins, with counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use comet::{Distribution, Histogram};

/// Outcome of a login on a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The peer has a session.
    Accepted,
    /// The application named by the peer is not served here.
    UnknownApp,
    /// Too many logins were in progress.
    Overloaded,
    /// The token, or the device sent with it, was malformed, forged, or from the future.
    Invalid,
    /// The token had expired.
    Expired,
    /// The phone reconnected automatically although a newer one had logged in.
    Superseded,
    /// The device could not be stored.
    Unavailable,
    /// Other devices of the user hold all sessions that the policy allows.
    Crowded,
    /// The peer has a session, and presented another valid token.
    Renewed,
    /// The peer disconnected while its answer was held because of alternating phones.
    GivenUp,
    /// The device reconnected automatically although its user had revoked it.
    Revoked,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 11] = [
        Self::Accepted,
        Self::UnknownApp,
        Self::Overloaded,
        Self::Invalid,
        Self::Expired,
        Self::Superseded,
        Self::Unavailable,
        Self::Crowded,
        Self::Renewed,
        Self::GivenUp,
        Self::Revoked,
    ];

    /// Label of its counter.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::UnknownApp => "unknown_app",
            Self::Overloaded => "overloaded",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Unavailable => "unavailable",
            Self::Crowded => "crowded",
            Self::Renewed => "renewed",
            Self::GivenUp => "given_up",
            Self::Revoked => "revoked",
        }
    }
}

/// Number of logins by outcome, and their duration.
#[derive(Debug, Default)]
pub struct Logins {
    ended: [AtomicU64; Outcome::ALL.len()],
    took: Histogram,
}

impl Logins {
    /// Number of logins with this outcome.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.ended[outcome as usize].load(Ordering::Relaxed)
    }

    /// Time from the request of a peer to the decision, for logins with a checked token.
    #[must_use]
    pub fn took(&self) -> Distribution {
        self.took.read()
    }

    pub(crate) fn record(&self, time: Duration) {
        self.took.record(time);
    }

    pub(crate) fn count(&self, outcome: Outcome) {
        self.ended[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_counter() {
        let logins = Logins::default();
        for (times, outcome) in (1..).zip(Outcome::ALL) {
            (0..times).for_each(|_| logins.count(outcome));
        }
        let ended = Outcome::ALL.map(|outcome| logins.ended(outcome));
        assert_eq!(ended, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
}
