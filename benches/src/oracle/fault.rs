//! What must not happen to a delivery.

use std::fmt;

/// How a run broke its promise.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum FaultKind {
    /// A message never came, and no gap says so.
    Lost,
    /// A message came again.
    Duplicate,
    /// A message came after a later one of the same publisher.
    OutOfOrder,
    /// A message came to somebody who is not in its room, or nobody sent it.
    Stray,
    /// The bytes are not those that were sent.
    Damaged,
    /// A gap speaks of another number of messages than are missing.
    WrongGap,
    /// A session was not resumed: what it missed is unknown to it.
    Reset,
    /// A session ended for good.
    Ended,
    /// The gateway did not take a message.
    Refused,
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// What happened.
    pub kind: FaultKind,
    /// To which session.
    pub session: usize,
    /// The rest, for people.
    pub evidence: String,
}

/// All of them: counted, and the first ones kept.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    counts: Vec<(FaultKind, u64)>,
    first: Vec<Fault>,
}

/// How many are kept of each kind.
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

    /// How often each kind happened; kinds that did not are absent.
    #[must_use]
    pub fn counts(&self) -> &[(FaultKind, u64)] {
        &self.counts
    }

    /// How often one kind happened.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.counts.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count)
    }

    /// The first of each kind.
    #[must_use]
    pub fn first(&self) -> &[Fault] {
        &self.first
    }

    /// Adds those of another part of the run.
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
