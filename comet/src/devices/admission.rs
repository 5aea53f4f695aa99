//! Verdict of a policy on a session that is about to open.
//!
//! The verdict depends only on the arguments, not on their order, except among sessions of equal
//! age: of those the one listed first counts as older.
//!
//! Not here: the execution of the verdict.

use super::{DevicePolicy, Limit, Winner};

/// The peer that asks for a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer<'a> {
    pub(crate) class: &'a str,
    /// Empty if it gave none.
    pub(crate) device: &'a str,
}

/// A session of the same user, connected or parked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Existing<'a> {
    pub(crate) class: &'a str,
    /// Empty if it gave none.
    pub(crate) device: &'a str,
    /// Ascending with the time at which the session began.
    pub(crate) since: u64,
}

/// Verdict on a newcomer and on the existing sessions, which are given by index.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Admitted.
    Admit {
        /// Earlier sessions of the same device, which it replaces.
        replaced: Vec<usize>,
        /// Sessions of other devices that end for it, oldest first.
        end: Vec<usize>,
    },
    /// Refused: the existing sessions stay.
    Refuse,
}

/// Classes that compete for the same places.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Contest<'a> {
    /// A declared group.
    Group(usize),
    /// A class of its own, in no group.
    Class(&'a str),
}

impl DevicePolicy {
    /// Decides whether `newcomer` may join the sessions of its user, and which of them end for it.
    ///
    /// Sessions of its own device are replaced and do not count. The others compete with it if they
    /// are of the same class, or of one in the same group. As few of them as possible end.
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

    /// Sessions of other devices that compete with `newcomer`, oldest first.
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

    /// Whether the policy can refuse a newcomer at all.
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
