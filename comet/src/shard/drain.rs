//! Drain of a shard: no new connections, and an end for all sessions within a time.

use std::time::Duration;

use super::sessions::Sessions;
use crate::Closed;
use crate::config::Config;
use crate::time::Time;

/// A draining shard ends a share of its sessions each step, so that not all come back at once.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// Slots in use when it began, to be ended from the back.
    left: Vec<u32>,
    /// Sessions to end at each step.
    share: usize,
    next: Time,
    /// Time from which on sessions that wait for replies or acks are ended too.
    patience: Time,
    /// Deadline after which the rest is dropped.
    deadline: Time,
    returns: Returns,
}

/// Staggered reconnect delays, one session after the other.
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

impl Drain {
    /// Begins to end all sessions within the time. The listeners are closed by now.
    pub(super) fn begin(sessions: &mut Sessions, within: Duration) -> Self {
        let Sessions { endpoints: ep, lifecycle, .. } = sessions;
        ep.cx.is_draining = true;
        lifecycle.release_all_refused(ep);
        let left: Vec<u32> = ep.bucket.occupied().collect();
        let steps = (within / 2).as_millis() / DRAIN_STEP.as_millis();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).max(1);
        let share = left.len().div_ceil(steps).max(1);
        let Config { shards, ref resume, .. } = ep.cx.shared.config;
        let returns = Returns::new(left.len(), shards, resume.return_rate, resume.return_spread);
        Self {
            left,
            share,
            next: ep.cx.now,
            patience: ep.cx.now + within / 2,
            deadline: ep.cx.now + within,
            returns,
        }
    }

    /// Ends the next share, if it is time.
    pub(super) fn go_on(&mut self, sessions: &mut Sessions) {
        let now = sessions.endpoints.cx.now;
        if now >= self.deadline {
            let rest: Vec<u32> = sessions.endpoints.bucket.occupied().collect();
            return rest.into_iter().for_each(|slot| sessions.abandon(slot, &Closed::Draining));
        }
        if now < self.next {
            return;
        }
        self.next = now + DRAIN_STEP;
        let keep = self.left.len().saturating_sub(self.share);
        let mut share = self.left.split_off(keep);
        if now < self.patience {
            let bucket = &sessions.endpoints.bucket;
            let settled =
                |slot: &u32| bucket.get(*slot).is_none_or(|member| member.session.is_settled());
            let (now, later): (Vec<u32>, Vec<u32>) = share.into_iter().partition(settled);
            share = now;
            self.left.splice(0..0, later);
        }
        for slot in share {
            let after = self.return_after(now);
            send_going_away(sessions, slot, after);
            sessions.end(slot, &Closed::Draining);
        }
    }

    /// Staggered reconnect delay: once all have been told, and not with others.
    fn return_after(&mut self, now: Time) -> Duration {
        let steps = u32::try_from(self.left.len() / self.share).unwrap_or(u32::MAX);
        let until_all_are_told = DRAIN_STEP.saturating_mul(steps);
        until_all_are_told.min(self.deadline.since(now)) + self.returns.next()
    }

    /// When it goes on.
    pub(super) fn due_at(&self) -> Time {
        self.next.min(self.deadline)
    }
}

/// Tells a comet peer that the gateway goes away, and when to come back.
fn send_going_away(sessions: &mut Sessions, slot: u32, return_after: Duration) {
    let Sessions { endpoints: ep, lifecycle, .. } = sessions;
    if !ep.connections.abilities(slot).reasons {
        return;
    }
    let ticket = lifecycle.resumption.ticket_for_later(ep, slot, return_after);
    if let Some(mut out) = ep.out(slot) {
        out.going_away(return_after, ticket.unwrap_or_default());
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
