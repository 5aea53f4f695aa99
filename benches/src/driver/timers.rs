//! Timers of sessions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use comet_protocol::client::Time;

/// One deadline for each session, the earliest that is known. Deadlines that move back stay where
/// they are, and are looked at once in vain: acks are put off with nearly every delivery.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Time, usize)>>,
    armed: Vec<Option<Time>>,
}

impl Timers {
    /// Looks at the session at this time at the latest.
    pub(super) fn arm(&mut self, session: usize, due: Option<Time>) {
        if self.armed.len() <= session {
            self.armed.resize(session + 1, None);
        }
        let Some(due) = due else { return };
        if self.armed[session].is_none_or(|armed| due < armed) {
            self.armed[session] = Some(due);
            self.heap.push(Reverse((due, session)));
        }
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// A session that is due; its reader arms it again.
    pub(super) fn pop(&mut self, now: Time) -> Option<usize> {
        while self.next().is_some_and(|due| due <= now) {
            let Reverse((due, session)) = self.heap.pop()?;
            if self.armed[session].take_if(|armed| *armed == due).is_some() {
                return Some(session);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    #[test]
    fn the_earliest_deadline_of_a_session_counts_once() {
        let mut timers = Timers::default();
        timers.arm(0, Some(at(30)));
        timers.arm(1, Some(at(20)));
        timers.arm(0, Some(at(10)));
        timers.arm(1, Some(at(40)));
        timers.arm(2, None);
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop(at(9)), None);
        assert_eq!(timers.pop(at(40)), Some(0));
        assert_eq!(timers.pop(at(40)), Some(1));
        assert_eq!(timers.pop(at(40)), None, "the later deadline of 0 was replaced");
        assert_eq!(timers.next(), None);
    }
}
