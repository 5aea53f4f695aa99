//! A shard that is to stop: nobody new, and an end for everybody within a time.

use std::time::Duration;

use super::Shard;
use crate::Closed;
use crate::config::Config;
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
    returns: Returns,
}

/// When those who are told to go away are to come back: one after the other.
#[derive(Debug)]
struct Returns {
    /// Between two.
    interval: Duration,
    told: u32,
}

impl Returns {
    /// For so many sessions of one of so many shards, at a rate over all of them, the last no later
    /// than `most` after the first. A rate of 0 has no limit.
    fn new(sessions: usize, shards: usize, rate: u32, most: Duration) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let by_rate = Duration::from_secs(u64::from(rate > 0)) * number(shards) / rate.max(1);
        Self { interval: by_rate.min(most / number(sessions)), told: 0 }
    }

    /// How long after the first the next one is to come.
    fn next(&mut self) -> Duration {
        let after = self.interval * self.told;
        self.told = self.told.saturating_add(1);
        after
    }
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
        self.release_all_refused();
        let left: Vec<u32> = self.bucket.occupied().collect();
        let steps = (within / 2).as_millis() / DRAIN_STEP.as_millis();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).max(1);
        let share = left.len().div_ceil(steps).max(1);
        let Config { shards, return_rate, return_spread, .. } = self.shared.config;
        let returns = Returns::new(left.len(), shards, return_rate, return_spread);
        self.drain = Some(Drain {
            left,
            share,
            next: self.now,
            patience: self.now + within / 2,
            deadline: self.now + within,
            returns,
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

    /// When the next to be told is to come back: once all have been told, and not with others.
    fn return_after(&mut self) -> Duration {
        let Some(drain) = &mut self.drain else { return Duration::ZERO };
        let steps = u32::try_from(drain.left.len() / drain.share).unwrap_or(u32::MAX);
        let until_all_are_told = DRAIN_STEP.saturating_mul(steps);
        until_all_are_told.min(drain.deadline.since(self.now)) + drain.returns.next()
    }

    pub(super) fn drain_at(&self) -> Option<Time> {
        self.drain.as_ref().map(|drain| drain.next.min(drain.deadline))
    }

    /// Whether the shard is to stop now.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain.is_some() && self.bucket.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_of(sessions: usize, shards: usize, rate: u32, most: u64) -> Duration {
        let mut returns = Returns::new(sessions, shards, rate, Duration::from_secs(most));
        (0..sessions).map(|_| returns.next()).last().unwrap()
    }

    #[test]
    fn a_lone_session_comes_back_at_once() {
        assert_eq!(last_of(1, 64, 1, 60), Duration::ZERO);
    }

    #[test]
    fn a_crowd_comes_back_at_the_rate_over_all_shards() {
        let mut returns = Returns::new(1_000, 4, 1_000, Duration::from_secs(60));
        let times: Vec<Duration> = (0..1_000).map(|_| returns.next()).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(4)));
    }

    #[test]
    fn nobody_is_asked_to_stay_away_for_longer_than_the_spread() {
        let last = last_of(1_000_000, 4, 1_000, 60);
        assert!(last <= Duration::from_secs(60) && last > Duration::from_secs(50), "{last:?}");
    }

    #[test]
    fn without_a_rate_all_come_back_at_once() {
        assert_eq!(last_of(1_000, 4, 0, 60), Duration::ZERO);
    }
}
