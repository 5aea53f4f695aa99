//! The schedule of acts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use crate::history::{Attempt, Transport};
use crate::plan::{Kind, Plan, shortage};
use crate::random::Random;

/// A scheduled act.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Act {
    /// A connection attempt succeeds or fails.
    Connect { actor: usize, attempt: Attempt, transport: Transport },
    /// A number of pushes at once.
    Push { count: usize },
    /// A client sends.
    Message,
    /// A connection is cut or stalls.
    Break,
    /// The router ends a session.
    Kick,
    /// A session changes its rooms.
    Move,
    /// A client's bytes are replayed.
    Replay,
    /// The connection of an attacker is established.
    ConnectForged { forged: Forged, transport: Transport },
    /// A client's ticket is presented in the name of another.
    Theft,
    /// The wall clock is stepped.
    StepClock,
    /// The gateway drains, and another one replaces it.
    Drain,
    /// A client whose session was over starts again.
    Start { actor: usize },
    /// A client leaves for good.
    Leave,
}

/// A forged auth, and the connection that it is for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Forged {
    pub(super) attempt: Attempt,
    pub(super) auth: Bytes,
    pub(super) is_dtalk: bool,
}

/// Acts ordered by time, then by insertion.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    acts: BinaryHeap<Reverse<(u64, u64, Act)>>,
    count: u64,
}

impl Schedule {
    /// The acts of a plan, spread over its length.
    pub(super) fn draw(plan: &Plan, random: &mut Random) -> Self {
        let mut schedule = Self::default();
        let acts = &plan.acts;
        let mut left = acts.pushes;
        let (often, most) = match plan.kind {
            Kind::Letters(_) => (60, 40),
            Kind::Shortage => (30, shortage::BURST),
            Kind::Mixed => (30, 16),
        };
        while left > 0 {
            // Bursts fill queues; single pushes find them empty.
            let count = if random.percent(often) { 1 + random.index(most) } else { 1 }.min(left);
            left -= count;
            schedule.put(random.below(plan.length), Act::Push { count });
        }
        let many = [
            (acts.messages, Act::Message),
            (acts.faults, Act::Break),
            (acts.kicks, Act::Kick),
            (acts.moves, Act::Move),
            (acts.replays, Act::Replay),
            (acts.thefts, Act::Theft),
            (acts.clock_steps, Act::StepClock),
            (acts.drains, Act::Drain),
            (usize::from(random.percent(10) && plan.allows_leaving()), Act::Leave),
        ];
        for (count, act) in many {
            for _ in 0..count {
                schedule.put(random.below(plan.length), act.clone());
            }
        }
        schedule
    }

    pub(super) fn put(&mut self, at: u64, act: Act) {
        self.count += 1;
        self.acts.push(Reverse((at, self.count, act)));
    }

    pub(super) fn next(&self) -> Option<u64> {
        self.acts.peek().map(|Reverse((at, _, _))| *at)
    }

    pub(super) fn pop(&mut self, now: u64) -> Option<Act> {
        if self.next()? > now {
            return None;
        }
        self.acts.pop().map(|Reverse((_, _, act))| act)
    }

    /// Keeps only the acts that clients depend on.
    pub(super) fn heal(&mut self) {
        self.acts
            .retain(|Reverse((_, _, act))| matches!(act, Act::Connect { .. } | Act::Start { .. }));
    }
}
