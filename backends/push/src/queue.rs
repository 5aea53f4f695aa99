//! Pushes that wait for a vendor: one for each user and conversation, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::batches::Batch;
use crate::push::{Conversation, Push};

/// Push that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) push: Push,
    /// Held until the push is done.
    pub(crate) batch: Arc<Batch>,
    /// Its place among those that may wait; none in tests.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

type Key = (String, Conversation);

/// Pushes that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    order: VecDeque<Key>,
    waiting: HashMap<Key, Waiting>,
}

impl Queue {
    /// Adds a push, or replaces the one of the same conversation that waits, in its turn. Returns
    /// whether it did.
    pub(crate) fn put(&mut self, mut waiting: Waiting) -> bool {
        let key = (waiting.push.user.clone(), waiting.push.conversation.clone());
        if let Some(older) = self.waiting.get_mut(&key) {
            waiting.push.count = waiting.push.count.saturating_add(older.push.count);
            *older = waiting;
            return true;
        }
        self.order.push_back(key.clone());
        self.waiting.insert(key, waiting);
        false
    }

    /// Takes the first ones.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Waiting> {
        let count = most.min(self.order.len());
        let keys = self.order.drain(..count);
        keys.filter_map(|key| self.waiting.remove(&key)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use comet_dtalk::message::Device;

    use super::*;
    use crate::push::Token;

    fn waiting(user: &str, group: i64, message: i64) -> Waiting {
        let push = Push {
            user: user.into(),
            device: Device::Android,
            token: Token::new("t").unwrap(),
            login: 1,
            conversation: Conversation::Group(group),
            from: "alice".into(),
            message,
            count: 1,
            title: "title".into(),
            text: "text".into(),
            expires_ms: 0,
        };
        Waiting { push, batch: Arc::new(Batch), place: None }
    }

    #[test]
    fn a_newer_push_of_a_conversation_takes_the_place_of_the_one_that_waits() {
        let mut queue = Queue::default();
        let first = waiting("bob", 1, 10);
        let batch = Arc::downgrade(&first.batch);
        assert!(!queue.put(first));
        assert!(!queue.put(waiting("bob", 2, 11)));
        assert!(!queue.put(waiting("carol", 1, 12)));
        assert!(queue.put(waiting("bob", 1, 13)));
        assert_eq!(batch.strong_count(), 0, "its batch does not wait for it");

        let found = |taken: Vec<Waiting>| {
            let push = |it: Waiting| (it.push.user, it.push.message, it.push.count);
            taken.into_iter().map(push).collect::<Vec<_>>()
        };
        assert_eq!(found(queue.take(2)), [("bob".into(), 13, 2), ("bob".into(), 11, 1)]);
        assert!(!queue.is_empty());
        assert!(!queue.put(waiting("bob", 1, 14)), "the one before is on its way");
        assert_eq!(found(queue.take(9)), [("carol".into(), 12, 1), ("bob".into(), 14, 1)]);
        assert!(queue.is_empty());
    }
}
