//! A shard that is to stop: nobody new, and an end for everybody within a time.

use std::time::Duration;

use super::Shard;
use crate::Closed;
use crate::time::Time;

/// A draining shard ends a share of its sessions each step, so that not all come back at once.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// Slots that were in use when it began, to be ended from the back.
    left: Vec<u32>,
    /// How many to end at each step.
    share: usize,
    next: Time,
    /// From when on it no longer matters whether a session waits for replies or acks.
    patience: Time,
    /// When what is left is dropped.
    deadline: Time,
    /// How many have been told when to come back, of how many.
    told: u32,
    all: u32,
}

impl Shard {
    /// Takes no more connections and begins to end what is here.
    pub(super) fn begin_drain(&mut self, within: Duration) {
        if self.drain.is_some() {
            return;
        }
        for listener in std::mem::take(&mut self.listeners) {
            drop(listener);
        }
        let left: Vec<u32> = self.bucket.occupied().collect();
        let steps = (within / 2).as_millis() / DRAIN_STEP.as_millis();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).max(1);
        let share = left.len().div_ceil(steps).max(1);
        let all = u32::try_from(left.len()).unwrap_or(u32::MAX).max(1);
        self.drain = Some(Drain {
            left,
            share,
            next: self.now,
            patience: self.now + within / 2,
            deadline: self.now + within,
            told: 0,
            all,
        });
        self.drain_more();
    }

    /// Ends the next share of a drain under way.
    pub(super) fn drain_more(&mut self) {
        let Some(drain) = &mut self.drain else { return };
        if self.now >= drain.deadline {
            let rest: Vec<u32> = self.bucket.occupied().collect();
            return rest.into_iter().for_each(|slot| self.abandon(slot, &Closed::Draining));
        }
        if self.now < drain.next {
            return;
        }
        drain.next = self.now + DRAIN_STEP;
        let keep = drain.left.len().saturating_sub(drain.share);
        let mut share = drain.left.split_off(keep);
        if self.now < drain.patience {
            let settled = |slot: &u32| {
                self.bucket.get(*slot).is_none_or(|member| member.session.is_settled())
            };
            let (now, later): (Vec<u32>, Vec<u32>) = share.into_iter().partition(settled);
            share = now;
            drain.left.splice(0..0, later);
        }
        for slot in share {
            let after = self.return_after();
            self.send_going_away(slot, after);
            self.end(slot, &Closed::Draining);
        }
    }

    /// When the next to be told is to come back: once this gateway is gone, and not with others.
    fn return_after(&mut self) -> Duration {
        let Some(drain) = &mut self.drain else { return Duration::ZERO };
        let spread = self.shared.config.return_spread * drain.told / drain.all;
        drain.told += 1;
        drain.deadline.since(self.now) + spread
    }

    pub(super) fn drain_at(&self) -> Option<Time> {
        self.drain.as_ref().map(|drain| drain.next.min(drain.deadline))
    }

    /// Whether the shard is to stop now.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain.is_some() && self.bucket.len() == 0
    }
}
