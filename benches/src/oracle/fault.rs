//! Faults of deliveries.

use std::fmt;

/// Kinds of broken promises.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum FaultKind {
    /// A message never came, and no gap counts it.
    Lost,
    /// A message came again.
    Duplicate,
    /// A message came after a later one of the same publisher.
    OutOfOrder,
    /// A message came to a session that is not in its room, or was never sent.
    Stray,
    /// The bytes are not those that were sent.
    Damaged,
    /// A gap counts another number of messages than are missing.
    WrongGap,
    /// A session was not resumed: its losses are unknown.
    Reset,
    /// A session ended for good.
    Ended,
    /// The gateway did not take a message.
    Refused,
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// To which session.
    pub session: usize,
    /// Evidence for people.
    pub evidence: String,
}

/// All of them: counted, and the first ones kept.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    counts: Vec<(FaultKind, u64)>,
    first: Vec<Fault>,
}

/// Number of faults kept of each kind.
const KEPT: usize = 8;

impl Faults {
    /// Notes that something happened `times` times; the evidence is asked for only if it is kept.
    pub fn note(
        &mut self,
        kind: FaultKind,
        session: usize,
        times: u64,
        evidence: impl FnOnce() -> String,
    ) {
        let known = self.counts.iter().position(|(other, _)| *other == kind);
        let at = known.unwrap_or_else(|| {
            self.counts.push((kind, 0));
            self.counts.len() - 1
        });
        if self.first.iter().filter(|fault| fault.kind == kind).count() < KEPT {
            self.first.push(Fault { kind, session, evidence: evidence() });
        }
        self.counts[at].1 += times;
    }

    /// Count of each kind; absent kinds have none.
    #[must_use]
    pub fn counts(&self) -> &[(FaultKind, u64)] {
        &self.counts
    }

    /// Count of one kind.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.counts.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count)
    }

    /// The first of each kind.
    #[must_use]
    pub fn first(&self) -> &[Fault] {
        &self.first
    }

    /// Adds the faults of another part of the run.
    pub fn merge(&mut self, other: Self) {
        for (kind, count) in other.counts {
            match self.counts.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) => *known += count,
                None => self.counts.push((kind, count)),
            }
        }
        self.first.extend(other.first);
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out of order",
            Self::Stray => "stray",
            Self::Damaged => "damaged",
            Self::WrongGap => "wrong gap",
            Self::Reset => "not resumed",
            Self::Ended => "session ended",
            Self::Refused => "message refused",
        })
    }
}
