//! Latest deliveries that wait for a peer: the newest of each key.

use std::rc::Rc;

use super::Held;

/// The newest delivery of each key, in the order in which the keys first had one.
#[derive(Debug, Default)]
pub(crate) struct Slots(Vec<Rc<Held>>);

impl Slots {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the delivery of the same key, or adds one. At the limit the key updated least
    /// recently is evicted, and its delivery returned.
    pub(crate) fn put(&mut self, item: &Rc<Held>, limit: usize) -> Option<Rc<Held>> {
        if limit == 0 {
            return Some(Rc::clone(item));
        }
        let same = |held: &Rc<Held>| key(held) == key(item);
        if let Some(at) = self.0.iter().position(same) {
            self.0.remove(at);
        }
        let stalest = (self.0.len() >= limit).then(|| self.0.remove(0));
        self.0.push(Rc::clone(item));
        stalest
    }

    /// Drops the delivery of the same key, which is not the newest any more.
    pub(crate) fn replace(&mut self, item: &Rc<Held>) {
        self.0.retain(|held| key(held) != key(item));
    }

    /// Bytes of the waiting bodies.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(Held::share).sum()
    }

    /// Takes all waiting deliveries, oldest first.
    pub(crate) fn take(&mut self) -> Vec<Rc<Held>> {
        std::mem::take(&mut self.0)
    }
}

fn key(held: &Held) -> Option<&[u8]> {
    held.as_delivery().and_then(|delivery| delivery.key.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delivery;
    use crate::budget::Account;
    use crate::time::Time;

    fn latest(key: &str, body: &'static str) -> Rc<Held> {
        Held::delivery(Time::START, &Account::unlimited(), Delivery::latest(key, body), None)
            .unwrap()
    }

    fn bodies(slots: &mut Slots) -> Vec<String> {
        let text = |held: &Rc<Held>| {
            String::from_utf8_lossy(&held.as_delivery().unwrap().body).into_owned()
        };
        slots.take().iter().map(text).collect()
    }

    #[test]
    fn only_the_newest_of_a_key_stays() {
        let mut slots = Slots::default();
        for (key, body) in [("a", "a1"), ("b", "b1"), ("a", "a2")] {
            assert!(slots.put(&latest(key, body), 8).is_none());
        }
        assert_eq!(bodies(&mut slots), ["b1", "a2"]);
        assert!(slots.is_empty());
    }

    #[test]
    fn at_the_limit_the_stalest_key_is_forgotten() {
        let mut slots = Slots::default();
        assert!(slots.put(&latest("a", "a1"), 2).is_none());
        assert!(slots.put(&latest("b", "b1"), 2).is_none());
        let stalest = slots.put(&latest("c", "c1"), 2).unwrap();
        assert_eq!(stalest.as_delivery().unwrap().body, "a1");
        assert!(slots.put(&latest("b", "b2"), 2).is_none());
        assert_eq!(bodies(&mut slots), ["c1", "b2"]);
        assert!(slots.put(&latest("a", "a2"), 0).is_some() && slots.is_empty());
    }
}
