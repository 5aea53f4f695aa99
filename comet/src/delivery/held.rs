//! Deliveries as a shard holds them: stored and charged to the budget once, however many sessions
//! refer to them.

use std::rc::Rc;
use std::sync::Arc;

use super::{Delivery, Gap, GapReason, Lane, Pass};
use crate::budget::{Account, Charge, Exhausted};
use crate::time::Time;

/// Content of a sequence number.
#[derive(Debug)]
pub(crate) enum Item {
    /// A body to be sent.
    Delivery(Delivery),
    /// Notice of deliveries that are lost.
    Gap(Gap),
}

/// A reference-counted item.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) item: Item,
    /// Room it was published to, if any.
    room: Option<Arc<str>>,
    /// When the shard took it. Wrapping milliseconds.
    taken_at: u32,
    lane: Lane,
    /// Released with the item.
    _charge: Charge,
}

/// The item, and the two counters of its `Rc`.
const OVERHEAD: usize = size_of::<Held>() + 2 * size_of::<usize>();

impl Held {
    /// Room it was published to.
    pub(crate) fn room(&self) -> Option<&str> {
        self.room.as_deref()
    }

    /// Stores a delivery if the budget has room for it; otherwise returns it.
    pub(crate) fn delivery(
        now: Time,
        account: &Rc<Account>,
        delivery: Delivery,
        room: Option<&Arc<str>>,
    ) -> Result<Rc<Self>, Delivery> {
        let key = delivery.key.as_ref().map_or(0, |key| key.len());
        match Charge::new(account, OVERHEAD + delivery.body.len() + key) {
            Ok(charge) => {
                let lane = delivery.lane;
                let (item, room) = (Item::Delivery(delivery), room.cloned());
                let taken_at = now.wrapping_millis();
                Ok(Rc::new(Self { item, room, taken_at, lane, _charge: charge }))
            }
            Err(Exhausted) => Err(delivery),
        }
    }

    /// Stores the notice of a gap in a lane.
    pub(crate) fn gap(account: &Rc<Account>, lane: Lane, gap: Gap) -> Result<Rc<Self>, Exhausted> {
        let charge = Charge::from_reserve(account, OVERHEAD)?;
        let item = Item::Gap(gap);
        Ok(Rc::new(Self { item, room: None, taken_at: 0, lane, _charge: charge }))
    }

    /// The delivery; `None` for the notice of a gap.
    pub(crate) fn as_delivery(&self) -> Option<&Delivery> {
        match &self.item {
            Item::Delivery(delivery) => Some(delivery),
            Item::Gap(_) => None,
        }
    }

    /// Gap left when it is given up; `None` if it is itself the notice of a gap.
    pub(crate) fn given_up(&self, reason: GapReason) -> Option<Gap> {
        Some(Gap::of(self.as_delivery()?, self.room.as_ref(), reason))
    }

    /// Pass in which the router pushed it to one session, if it is replayable.
    pub(crate) fn pass(&self) -> Option<Pass> {
        self.as_delivery()?.pass.filter(|_| self.room.is_none())
    }

    /// Bytes of the body.
    pub(crate) fn len(&self) -> usize {
        self.as_delivery().map_or(0, |delivery| delivery.body.len())
    }

    /// Bytes attributed to one reference: the total, divided by the number of references.
    pub(crate) fn share(this: &Rc<Self>) -> usize {
        (OVERHEAD + this.len()) / Rc::strong_count(this).max(1)
    }

    /// Lane of the delivery, or of those that are lost.
    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    /// When the shard took it, in wrapping milliseconds, if the router asked to learn of its ack.
    pub(crate) fn awaited_since(&self) -> Option<u32> {
        (self.tag() != 0).then_some(self.taken_at)
    }

    /// Tag under which the router asked to learn of the ack; 0 for none.
    pub(crate) fn tag(&self) -> u64 {
        self.as_delivery().map_or(0, |delivery| delivery.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_charged_once_until_the_last_reference_is_gone() {
        let account = Account::unlimited();
        let held =
            Held::delivery(Time::START, &account, Delivery::acked(vec![0; 100]), None).unwrap();
        let again = Rc::clone(&held);
        assert_eq!(account.used(), OVERHEAD + 100);
        drop(held);
        assert_eq!(account.used(), OVERHEAD + 100);
        drop(again);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn what_the_budget_cannot_hold_comes_back() {
        let budget = Arc::new(crate::budget::Budget::new(64 * 1024, 1));
        let account = Account::new(budget, 0);
        let refused = Held::delivery(Time::START, &account, Delivery::acked(vec![7; 65_000]), None)
            .unwrap_err();
        assert_eq!(refused.body.len(), 65_000);
        assert_eq!(account.used(), 0);
    }
}
