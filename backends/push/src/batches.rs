//! Batches of pushes, and how far they are done.
//!
//! Each push holds its batch until it is sent or given up. All up to the first batch that is still
//! held is done.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Batch, held by its pushes.
#[derive(Debug)]
pub(crate) struct Batch;

/// Batches in the order of the record.
#[derive(Debug)]
pub(crate) struct Batches {
    open: VecDeque<(i64, Weak<Batch>)>,
    done: i64,
}

impl Batches {
    /// Everything up to this id is done.
    pub(crate) const fn after(done: i64) -> Self {
        Self { open: VecDeque::new(), done }
    }

    /// Adds a batch that goes up to this id, all of whose pushes hold it.
    pub(crate) fn add(&mut self, through: i64, batch: &Arc<Batch>) {
        self.open.push_back((through, Arc::downgrade(batch)));
    }

    /// Id up to which everything is done now.
    pub(crate) fn done(&mut self) -> i64 {
        while let Some((through, batch)) = self.open.front()
            && batch.strong_count() == 0
        {
            self.done = *through;
            self.open.pop_front();
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_done_after_all_its_pushes_and_all_batches_before() {
        let mut batches = Batches::after(10);
        let [first, second, third] = [20, 30, 40].map(|through| {
            let batch = Arc::new(Batch);
            batches.add(through, &batch);
            batch
        });
        let other_push = Arc::clone(&first);
        assert_eq!(batches.done(), 10);
        drop((first, second));
        assert_eq!(batches.done(), 10);
        drop(other_push);
        assert_eq!(batches.done(), 30);
        drop(third);
        assert_eq!(batches.done(), 40);
        batches.add(50, &Arc::new(Batch));
        assert_eq!(batches.done(), 50, "nobody was to be pushed");
    }
}
