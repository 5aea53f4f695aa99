//! Acks of entries of groups, from phones, until they are written.
//!
//! They are written together: many members acknowledge the same entry, and one phone many entries.
//! Acks lost before that cost a repeat only.

use std::sync::Arc;

/// Acks that are written without waiting for more, about 40 bytes each.
const MOST: usize = 65_536;

/// Acks to be written.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    waiting: Vec<(Arc<str>, i64)>,
    is_due: bool,
}

impl Receipts {
    /// A phone of the user has the entry with this id.
    pub(crate) fn note(&mut self, uid: &Arc<str>, id: i64) {
        self.waiting.push((Arc::clone(uid), id));
        self.is_due |= self.waiting.len() >= MOST;
    }

    /// Has the next transaction write them.
    pub(crate) fn make_due(&mut self) {
        self.is_due = true;
    }

    /// Takes them if they are due.
    pub(crate) fn take_due(&mut self) -> Vec<(Arc<str>, i64)> {
        if std::mem::take(&mut self.is_due) {
            std::mem::take(&mut self.waiting)
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_wait_until_they_are_due_or_too_many() {
        let (mut receipts, alice) = (Receipts::default(), Arc::from("alice"));
        receipts.note(&alice, 1);
        assert_eq!(receipts.take_due(), []);
        receipts.make_due();
        assert_eq!(receipts.take_due(), [(Arc::clone(&alice), 1)]);
        (1..MOST as i64).for_each(|id| receipts.note(&alice, id));
        assert_eq!(receipts.take_due(), []);
        receipts.note(&alice, 0);
        assert_eq!(receipts.take_due().len(), MOST);
    }
}
