//! What a policy means for a session that is about to open.
//!
//! The decision depends on nothing but what is handed in, and is the same however that is ordered,
//! except among sessions that are equally old: of those the one that is named first is the older.
//!
//! Not here: carrying it out.

use super::{DevicePolicy, Limit, Winner};

/// The peer that asks for a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer<'a> {
    pub(crate) class: &'a str,
    /// Empty if it did not say.
    pub(crate) device: &'a str,
}

/// A session that the same user has, with a connection or without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Existing<'a> {
    pub(crate) class: &'a str,
    /// Empty if it did not say.
    pub(crate) device: &'a str,
    /// Grows with the time at which the session began.
    pub(crate) since: u64,
}

/// What becomes of a newcomer, and of the sessions that were there. They go by their index.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It may have a session.
    Admit {
        /// Earlier sessions of the same device, whose place it takes.
        replaced: Vec<usize>,
        /// Sessions of other devices that end for it, the oldest first.
        end: Vec<usize>,
    },
    /// It may not: those who are there stay.
    Refuse,
}

/// Classes whose sessions compete for the same places.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Contest<'a> {
    /// One that was declared.
    Group(usize),
    /// Each other class has its own.
    Class(&'a str),
}

impl DevicePolicy {
    /// Whether `newcomer` may join the sessions that its user has, and which of them end for it.
    ///
    /// Sessions of its own device are replaced and count no more. The others compete with it if
    /// they are of the same class, or of one in the same group. No more of them end than have to.
    pub(crate) fn admit(&self, newcomer: &Newcomer<'_>, existing: &[Existing<'_>]) -> Verdict {
        let is_own = |other: &Existing<'_>| is_same_device(newcomer.device, other.device);
        let replaced = (0..existing.len()).filter(|&at| is_own(&existing[at])).collect();
        let contest = self.contest(newcomer.class);
        let Some(Limit { sessions, winner }) = self.limit(contest) else {
            return Verdict::Admit { replaced, end: Vec::new() };
        };
        let mut end = self.rivals(newcomer, existing);
        let excess = (end.len() + 1).saturating_sub(usize::from(sessions));
        if excess > 0 && winner == Winner::Oldest {
            return Verdict::Refuse;
        }
        end.truncate(excess);
        Verdict::Admit { replaced, end }
    }

    /// Which sessions of other devices compete with `newcomer`, the oldest first.
    pub(crate) fn rivals(&self, newcomer: &Newcomer<'_>, existing: &[Existing<'_>]) -> Vec<usize> {
        let contest = self.contest(newcomer.class);
        let competes = |other: &Existing<'_>| {
            !is_same_device(newcomer.device, other.device) && self.contest(other.class) == contest
        };
        let mut rivals: Vec<usize> =
            (0..existing.len()).filter(|&at| competes(&existing[at])).collect();
        rivals.sort_by_key(|&at| existing[at].since);
        rivals
    }

    /// Whether there is anybody whom it would refuse.
    pub(crate) fn may_refuse(&self) -> bool {
        let limits = self.groups.iter().filter_map(|group| group.limit).chain(self.others);
        limits.into_iter().any(|limit| limit.winner == Winner::Oldest)
    }

    fn contest<'a>(&self, class: &'a str) -> Contest<'a> {
        let has_class = |group: &super::Group| group.classes.iter().any(|name| **name == *class);
        self.groups.iter().position(has_class).map_or(Contest::Class(class), Contest::Group)
    }

    fn limit(&self, contest: Contest<'_>) -> Option<Limit> {
        match contest {
            Contest::Group(at) => self.groups.get(at)?.limit,
            Contest::Class(_) => self.others,
        }
    }
}

fn is_same_device(one: &str, other: &str) -> bool {
    !one.is_empty() && one == other
}
