//! What is to happen at what time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use crate::history::Attempt;
use crate::plan::Plan;
use crate::random::Random;
use crate::shortage;

/// Something that happens at a time.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Act {
    /// The network has made a connection, or has not.
    Connect { actor: usize, attempt: Attempt, is_websocket: bool },
    /// So many pushes at once.
    Push { count: usize },
    /// A client sends.
    Message,
    /// A connection breaks, or stalls.
    Break,
    /// The router ends a session.
    Kick,
    /// A session changes its rooms.
    Move,
    /// Somebody repeats what a client wrote.
    Ghost,
    /// It is connected now.
    GhostConnect { auth: Haunting, is_websocket: bool },
    /// Somebody shows the ticket of another one.
    Theft,
    /// The wall clock jumps.
    StepClock,
    /// The gateway drains, and another one takes its place.
    Drain,
    /// A client that was over begins anew.
    Begin { actor: usize },
    /// A client leaves for good.
    Leave,
}

/// What a ghost says.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Haunting {
    pub(super) attempt: Attempt,
    pub(super) frame: Bytes,
    pub(super) is_dtalk: bool,
}

/// Acts in the order of their times, and of their coming.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    acts: BinaryHeap<Reverse<(u64, u64, Act)>>,
    count: u64,
}

impl Schedule {
    /// What a plan brings over its length.
    pub(super) fn draw(plan: &Plan, random: &mut Random) -> Self {
        let mut schedule = Self::default();
        let mut left = plan.pushes;
        let (often, most) = match plan.post {
            Some(_) => (60, 40),
            None if plan.is_shortage => (30, shortage::BURST),
            None => (30, 16),
        };
        while left > 0 {
            // Bursts fill queues, single ones find them empty.
            let count = if random.percent(often) { 1 + random.place(most) } else { 1 }.min(left);
            left -= count;
            schedule.put(random.below(plan.length), Act::Push { count });
        }
        let many = [
            (plan.messages, Act::Message),
            (plan.faults, Act::Break),
            (plan.kicks, Act::Kick),
            (plan.moves, Act::Move),
            (plan.ghosts, Act::Ghost),
            (plan.thefts, Act::Theft),
            (plan.clock_steps, Act::StepClock),
            (usize::from(plan.has_drain), Act::Drain),
            (usize::from(random.percent(10) && plan.lets_leave()), Act::Leave),
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

    /// Leaves only what must still happen to clients.
    pub(super) fn calm(&mut self) {
        self.acts
            .retain(|Reverse((_, _, act))| matches!(act, Act::Connect { .. } | Act::Begin { .. }));
    }
}
