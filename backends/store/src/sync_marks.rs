//! Sync marks: the last id covered by recent `sync-record` answers of a user.
//!
//! A desktop pulls first and connects afterwards. Messages stored in between are in neither the
//! answer nor the live traffic, so they are sent after the connection is made, starting from the
//! mark. Pure: time is the parameter `now`, in milliseconds. A forgotten mark costs the user the
//! messages of that gap until the next pull, so marks are removed only when too old or too many.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Lifetime of a mark: a client connects right after its pull; a minute allows for several
/// attempts.
pub(crate) const TTL: u64 = 60_000;
/// Maximum number of marks; about 100 bytes each.
const CAPACITY: usize = 65_536;

/// Marks, oldest first and by user.
#[derive(Debug, Default)]
pub(crate) struct SyncMarks {
    oldest_first: VecDeque<(u64, Arc<str>)>,
    by_user: HashMap<Arc<str>, VecDeque<i64>>,
}

impl SyncMarks {
    /// Records that an answer to `uid` covered everything up to `mid`.
    pub(crate) fn note(&mut self, uid: &str, mid: i64, now: u64) {
        self.forget_expired(now);
        while self.oldest_first.len() >= CAPACITY {
            self.forget_oldest();
        }
        let uid = match self.by_user.get_key_value(uid) {
            Some((known, _)) => Arc::clone(known),
            None => uid.into(),
        };
        self.oldest_first.push_back((now, Arc::clone(&uid)));
        self.by_user.entry(uid).or_default().push_back(mid);
    }

    /// Greatest id covered by every recent answer to `uid`; `None` if there was none.
    ///
    /// With several desktops it is unknown which of them connects, so the minimum counts: a
    /// duplicate message does no harm, because clients deduplicate messages by id.
    pub(crate) fn covered(&mut self, uid: &str, now: u64) -> Option<i64> {
        self.forget_expired(now);
        self.by_user.get(uid)?.iter().min().copied()
    }

    fn forget_expired(&mut self, now: u64) {
        while self.oldest_first.front().is_some_and(|(noted, _)| noted + TTL < now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, uid)) = self.oldest_first.pop_front() else { return };
        if let Some(marks) = self.by_user.get_mut(&uid) {
            marks.pop_front();
            if marks.is_empty() {
                self.by_user.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_lasts_a_minute() {
        let mut marks = SyncMarks::default();
        marks.note("alice", 7, 1_000);

        assert_eq!(marks.covered("alice", 61_000), Some(7));
        assert_eq!(marks.covered("alice", 61_001), None);
        assert!(marks.by_user.is_empty() && marks.oldest_first.is_empty());
    }

    #[test]
    fn of_several_desktops_the_one_that_got_least_counts() {
        let mut marks = SyncMarks::default();
        marks.note("alice", 7, 1_000);
        marks.note("bob", 8, 1_000);
        marks.note("alice", 9, 2_000);

        assert_eq!(marks.covered("alice", 2_000), Some(7));
        assert_eq!(marks.covered("alice", 61_500), Some(9));
        assert_eq!(marks.covered("carol", 2_000), None);
    }

    #[test]
    fn beyond_the_capacity_the_oldest_is_forgotten() {
        let mut marks = SyncMarks::default();
        marks.note("first", 1, 0);
        for _ in 0..CAPACITY {
            marks.note("busy", 2, 0);
        }

        assert_eq!(marks.covered("first", 0), None);
        assert_eq!(marks.covered("busy", 0), Some(2));
        assert_eq!(marks.oldest_first.len(), CAPACITY);
    }
}
