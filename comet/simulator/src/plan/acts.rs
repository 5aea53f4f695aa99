//! Numbers of acts: what happens to a world besides the traffic of its connections.

use super::usize_of;
use crate::random::Random;

/// Number of acts of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActCounts {
    pub(crate) pushes: usize,
    pub(crate) messages: usize,
    pub(crate) faults: usize,
    pub(crate) kicks: usize,
    pub(crate) moves: usize,
    pub(crate) replays: usize,
    pub(crate) thefts: usize,
    pub(crate) clock_steps: usize,
    pub(crate) drains: usize,
}

impl ActCounts {
    /// Pushes, messages and faults, and nothing else.
    pub(super) const fn of(pushes: usize, messages: usize, faults: usize) -> Self {
        let (kicks, moves, replays, thefts, clock_steps, drains) = (0, 0, 0, 0, 0, 0);
        Self { pushes, messages, faults, kicks, moves, replays, thefts, clock_steps, drains }
    }

    pub(super) fn draw(random: &mut Random) -> Self {
        let pushes = usize_of(random.between(30, 120));
        let messages = usize_of(random.between(5, 40));
        let faults = usize_of(random.between(0, 14));
        let mut some =
            |chance, most| if random.percent(chance) { random.index(most) + 1 } else { 0 };
        Self {
            pushes,
            messages,
            faults,
            kicks: some(15, 2),
            moves: some(30, 6),
            replays: some(30, 4),
            thefts: some(25, 3),
            clock_steps: some(10, 3),
            drains: usize::from(random.percent(15)),
        }
    }
}
