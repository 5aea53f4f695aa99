//! Sessions of a user: a table of first sessions; the others are linked through the slots.

use hashbrown::HashTable;

/// No slot.
pub(super) const NOBODY: u32 = u32::MAX;

/// The first session of each user, five bytes each. Names are compared by the caller, which has
/// them.
#[derive(Debug, Default)]
pub(super) struct Users {
    first: HashTable<u32>,
}

impl Users {
    /// The user's first session, or [`NOBODY`].
    pub(super) fn first(&self, hash: u64, is_user: impl Fn(u32) -> bool) -> u32 {
        self.first.find(hash, |&slot| is_user(slot)).copied().unwrap_or(NOBODY)
    }

    /// Makes `slot` the user's first session. Returns the previous one, or [`NOBODY`].
    pub(super) fn insert<'a>(
        &mut self,
        hash: u64,
        slot: u32,
        name_of: impl Fn(u32) -> Option<(&'a str, &'a str)>,
        name: (&str, &str),
        rehash: impl Fn((&'a str, &'a str)) -> u64,
    ) -> u32 {
        if let Some(first) = self.first.find_mut(hash, |&other| name_of(other) == Some(name)) {
            return std::mem::replace(first, slot);
        }
        self.first.insert_unique(hash, slot, |&other| name_of(other).map_or(0, &rehash));
        NOBODY
    }

    /// Replaces the user's first session, which ended, by `next`, or removes the user.
    pub(super) fn replace(&mut self, hash: u64, slot: u32, next: u32) {
        let Ok(mut entry) = self.first.find_entry(hash, |&other| other == slot) else { return };
        if next == NOBODY {
            entry.remove();
        } else {
            *entry.get_mut() = next;
        }
    }
}
