//! Sessions of a thread that move from one transport to another while messages flow.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::sender::Sender;
use crate::driver::Time;
use crate::plan::Roam;

/// Counts of moves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moves {
    /// Moves that made the new connection first.
    pub made_first: u64,
    /// Moves that broke the older connection first.
    pub broken_first: u64,
    /// Changes of the ports of all UDP sockets.
    pub ports: u64,
}

impl Moves {
    /// Adds those of another thread.
    pub const fn merge(&mut self, other: Self) {
        self.made_first += other.made_first;
        self.broken_first += other.broken_first;
        self.ports += other.ports;
    }
}

/// The sessions that move.
#[derive(Debug)]
pub(super) struct Roaming {
    plan: Roam,
    sessions: usize,
    dues: BinaryHeap<Reverse<(Time, usize)>>,
    ports_due: Option<Time>,
    rng: StdRng,
    pub(super) moves: Moves,
}

impl Roaming {
    /// For so many sessions, which do not move yet.
    pub(super) fn new(plan: Roam, sessions: usize, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        let (dues, moves) = (BinaryHeap::new(), Moves::default());
        Self { plan, sessions, dues, ports_due: None, rng, moves }
    }

    /// Begins the moves.
    pub(super) fn begin(&mut self, from: Time) {
        self.dues =
            (0..self.sessions).map(|session| Reverse((self.later(from), session))).collect();
        self.ports_due = self.plan.ports.map(|interval| from + interval);
    }

    /// Nobody moves any more.
    pub(super) fn stay(&mut self) {
        self.dues.clear();
        self.ports_due = None;
    }

    /// Time of the next move.
    pub(super) fn next(&self) -> Option<Time> {
        let next = self.dues.peek().map(|Reverse((due, _))| *due);
        [next, self.ports_due].into_iter().flatten().min()
    }

    /// Carries out the moves that are due.
    pub(super) fn turn(&mut self, now: Time, sender: &mut Sender) -> io::Result<()> {
        while let Some(Reverse((due, session))) = self.dues.peek().copied()
            && due <= now
        {
            self.dues.pop();
            let next = self.later(now);
            self.dues.push(Reverse((next, session)));
            if sender.audience.is_open(session) {
                self.go(now, session, sender);
            }
        }
        if self.ports_due.is_some_and(|due| due <= now) {
            self.ports_due = self.plan.ports.map(|interval| now + interval);
            self.moves.ports += 1;
            sender.driver.move_udp()?;
        }
        Ok(())
    }

    fn go(&mut self, now: Time, session: usize, sender: &mut Sender) {
        let route = self.rng.random_range(0..self.plan.routes.max(1));
        if self.rng.random_bool(self.plan.make_first) {
            self.moves.made_first += u64::from(sender.driver.switch(session, route));
            return;
        }
        self.moves.broken_first += 1;
        sender.driver.prefer(session, route);
        sender.audience.handle_cut(now, session, true);
        if self.rng.random_bool(0.5) {
            sender.driver.cut(session);
        } else {
            sender.driver.lose(session);
        }
    }

    fn later(&mut self, now: Time) -> Time {
        let (shortest, longest) = self.plan.stay;
        now + self.rng.random_range(shortest..=longest.max(shortest))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sender::tests::sender;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn sessions_move_again_and_again_until_they_are_to_stay() {
        let plan = Roam { stay: (SECOND, 3 * SECOND), make_first: 0.0, routes: 1, ports: None };
        let (mut sender, mut roaming) = (sender(3, 2), Roaming::new(plan, 2, 7));
        assert_eq!(roaming.next(), None);
        roaming.begin(at(0));
        assert!(roaming.next().is_some_and(|next| next >= at(1_000)));
        roaming.turn(at(999), &mut sender).unwrap();
        assert_eq!(roaming.moves.broken_first, 0);
        roaming.turn(at(3_000), &mut sender).unwrap();
        assert_eq!((roaming.moves.broken_first, sender.audience.open()), (2, 0));
        assert_eq!(sender.audience.reconnects.away(), 2);
        roaming.turn(at(6_000), &mut sender).unwrap();
        assert_eq!(roaming.moves.broken_first, 2, "who is not there does not move");
        roaming.stay();
        assert_eq!(roaming.next(), None);
    }
}
