//! Batch of messages that are due, and how far it was handed over.
//!
//! It is read in pages: messages between users together, then each group's members by name. A page
//! that was handed over is not read again, also if the database fails in between.

use std::collections::BTreeSet;
use std::sync::Arc;

use comet_sql::Error;
use comet_store::{MessageHead, Receiver, Slice, Store, Unreceived};

use crate::batches::Batch;
use crate::dispatch::{Missed, Page};

/// Members of a group in one page.
const MEMBERS: usize = 1_000;

/// Messages that are due, until all receivers are handed over.
#[derive(Debug)]
pub(crate) struct Work {
    heads: Vec<MessageHead>,
    /// Id up to which it goes.
    through: i64,
    batch: Arc<Batch>,
    at: At,
}

#[derive(Debug)]
enum At {
    Users,
    /// The first of these groups, after this member.
    Groups(BTreeSet<i64>, String),
}

/// Page, and the place after it.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) page: Page,
    next: At,
}

/// Part of a slice that is due, and the age at which the next message is.
#[derive(Debug)]
pub(crate) struct Due {
    /// Messages that are due and not too old.
    pub(crate) heads: Vec<MessageHead>,
    /// Id up to which the slice is due.
    pub(crate) through: i64,
    /// Milliseconds until the next one is; `None` if the slice has no other.
    pub(crate) next_in: Option<u64>,
}

/// Splits a slice at `now`: due is what is at least `after` old, too old what has reached `limit`,
/// all in milliseconds. Messages are due in the order of their ids. A time in the future, left by a
/// clock that was set back, counts as `now`.
pub(crate) fn split(slice: Slice, now: u64, after: u64, limit: u64) -> Due {
    let age = |head: &MessageHead| now.saturating_sub(head.stored_ms);
    let is_ahead = |head: &MessageHead| head.stored_ms > now.saturating_add(after);
    let first_young = slice.heads.iter().position(|head| !is_ahead(head) && age(head) < after);
    let next_in = first_young.map(|at| after - age(&slice.heads[at]));
    let through = first_young.map_or(slice.through, |at| slice.heads[at].id - 1);
    let mut heads = slice.heads;
    heads.retain(|head| head.id <= through && age(head) < limit);
    Due { heads, through, next_in }
}

impl Work {
    pub(crate) fn new(heads: Vec<MessageHead>, through: i64) -> Self {
        Self { heads, through, batch: Arc::new(Batch), at: At::Users }
    }

    pub(crate) const fn through(&self) -> i64 {
        self.through
    }

    pub(crate) const fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The next page; `None` after the last one.
    pub(crate) async fn read(&self, store: &Store) -> Result<Option<Read>, Error> {
        match &self.at {
            At::Users => {
                let users = store.unreceived_by_users(&self.heads).await?;
                let page = self.page(None, users);
                Ok(Some(Read { page, next: At::Groups(self.groups(), String::new()) }))
            }
            At::Groups(groups, after) => {
                let Some(&group) = groups.first() else { return Ok(None) };
                let members = store.unreceived_by_members(group, &self.heads, after, MEMBERS);
                let (members, next) = members.await?;
                let page = self.page(Some(group), members);
                let next = if let Some(after) = next {
                    At::Groups(groups.clone(), after)
                } else {
                    let others = groups.iter().copied().filter(|&other| other != group);
                    At::Groups(others.collect(), String::new())
                };
                Ok(Some(Read { page, next }))
            }
        }
    }

    /// A page was handed over.
    pub(crate) fn advance(&mut self, read: Read) {
        self.at = read.next;
    }

    fn groups(&self) -> BTreeSet<i64> {
        let group = |head: &MessageHead| match head.to {
            Receiver::Group(group) => Some(group),
            Receiver::User(_) => None,
        };
        self.heads.iter().filter_map(group).collect()
    }

    fn page(&self, group: Option<i64>, users: Vec<Unreceived>) -> Page {
        let missed = |unreceived: Unreceived| {
            let at = self.heads.binary_search_by_key(&unreceived.id, |head| head.id);
            let stored_ms = at.map_or(0, |at| self.heads[at].stored_ms);
            Missed { unreceived, stored_ms }
        };
        Page { group, users: users.into_iter().map(missed).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    /// Messages with ids from 1 on, stored so many milliseconds ago.
    fn split_at(ages: &[i64]) -> (Vec<i64>, i64, Option<u64>) {
        let head = |(id, age): (i64, &i64)| MessageHead {
            id,
            from: "alice".into(),
            to: Receiver::Group(1),
            stored_ms: NOW.checked_add_signed(-age).unwrap(),
            position: id,
        };
        let heads = (1..).zip(ages).map(head).collect();
        let slice = Slice { heads, through: 100, more: false };
        let due = split(slice, NOW, 15_000, 420_000);
        (due.heads.iter().map(|head| head.id).collect(), due.through, due.next_in)
    }

    #[test]
    fn messages_are_due_in_their_order_from_an_age_on() {
        assert_eq!(split_at(&[]), (vec![], 100, None));
        assert_eq!(split_at(&[20_000, 15_000]), (vec![1, 2], 100, None));
        assert_eq!(split_at(&[20_000, 14_999, 3]), (vec![1], 1, Some(1)));
        assert_eq!(split_at(&[3, 20_000]), (vec![], 0, Some(14_997)));
    }

    #[test]
    fn what_is_too_old_is_passed_over() {
        assert_eq!(split_at(&[420_000, 419_999, 5]), (vec![2], 2, Some(14_995)));
        assert_eq!(split_at(&[420_000, 500_000]), (vec![], 100, None));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        assert_eq!(split_at(&[-3_600_000, 16_000]), (vec![1, 2], 100, None));
        assert_eq!(split_at(&[-20, 16_000]), (vec![], 0, Some(15_000)), "a moment ahead");
    }
}
