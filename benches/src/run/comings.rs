//! People who leave and return, and connections that break, while others talk.
//!
//! Who leaves has had an answer to everything it said: what a user says while it goes may be lost
//! by anybody's fault.

use std::collections::VecDeque;
use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::desk::Desk;
use crate::driver::Time;
use crate::plan::Presence;
use crate::schedule::Schedule;

/// Who of a thread's sessions comes and goes.
#[derive(Debug)]
pub(super) struct Comings {
    presence: Presence,
    /// The sessions of which some do.
    who: Range<usize>,
    /// Whether a session survives its connection.
    is_resumed: bool,
    leaves: Schedule,
    breaks: Schedule,
    /// Who is away, and returns when.
    away: VecDeque<(Time, usize)>,
    rng: StdRng,
    pub(super) left: u64,
    pub(super) broken: u64,
}

/// Sessions that are asked whether they can go just now.
const CHANCES: usize = 32;

impl Comings {
    /// This thread's share of those who come and go; nobody does yet.
    pub(super) fn new(
        presence: Presence,
        who: Range<usize>,
        share: f64,
        is_resumed: bool,
        seed: u64,
    ) -> Self {
        let never = Schedule::at(Time::default(), 0.0);
        let (churn, breaks) = (presence.churn * share, presence.breaks * share);
        Self {
            presence: Presence { churn, breaks, ..presence },
            who,
            is_resumed,
            leaves: never,
            breaks: never,
            away: VecDeque::new(),
            rng: StdRng::seed_from_u64(seed),
            left: 0,
            broken: 0,
        }
    }

    /// From now on people come and go.
    pub(super) fn begin(&mut self, from: Time) {
        self.leaves = Schedule::at(from, self.presence.churn);
        self.breaks = Schedule::at(from, self.presence.breaks);
    }

    /// When somebody comes or goes next.
    pub(super) fn next(&self) -> Option<Time> {
        let returns = self.away.front().map(|(time, _)| *time);
        [returns, self.leaves.next(), self.breaks.next()].into_iter().flatten().min()
    }

    /// Nobody leaves any more; who is away still returns.
    pub(super) fn stay(&mut self) {
        self.leaves = Schedule::at(Time::default(), 0.0);
        self.breaks = self.leaves;
    }

    /// Whether everybody is on the way back.
    pub(super) fn is_complete(&self) -> bool {
        self.away.is_empty()
    }

    /// Does what is due.
    pub(super) fn turn(&mut self, now: Time, desk: &mut Desk) {
        while let Some(session) = self.take_back(now) {
            desk.audience.handle_free(session, now);
            desk.driver.reopen(session);
        }
        while self.leaves.take(now).is_some() {
            if let Some(session) = self.choose(desk) {
                desk.driver.close(session);
                desk.audience.handle_left(session);
                self.away.push_back((now + self.presence.away, session));
                self.left += 1;
            }
        }
        while self.breaks.take(now).is_some() {
            if let Some(session) = self.choose(desk) {
                self.cut(now, session, desk);
                self.broken += 1;
            }
        }
    }

    fn take_back(&mut self, now: Time) -> Option<usize> {
        let due = self.away.front().is_some_and(|(time, _)| *time <= now);
        if due { self.away.pop_front().map(|(_, session)| session) } else { None }
    }

    fn choose(&mut self, desk: &Desk) -> Option<usize> {
        let audience = &desk.audience;
        let may_go =
            |session: &usize| audience.is_open(*session) && audience.unanswered_of(*session) == 0;
        if self.who.is_empty() {
            return None;
        }
        (0..CHANCES).map(|_| self.rng.random_range(self.who.clone())).find(may_go)
    }

    fn cut(&self, now: Time, session: usize, desk: &mut Desk) {
        desk.driver.cut(session);
        if !self.is_resumed {
            desk.audience.handle_left(session);
            desk.audience.handle_free(session, now);
            desk.driver.reopen(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::desk::tests::{desk, open_again};
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    fn comings(churn: f64, breaks: f64) -> Comings {
        let presence = Presence { churn, away: Duration::from_millis(300), breaks };
        let mut comings = Comings::new(presence, 0..1, 0.5, false, 1);
        comings.begin(at(0));
        comings
    }

    #[test]
    fn who_leaves_returns_when_its_time_is_over() {
        let (mut desk, mut comings) = (desk(1, 1), comings(2.0, 0.0));
        comings.turn(at(10), &mut desk);
        assert_eq!((desk.audience.open(), comings.left), (0, 1));
        assert_eq!((comings.is_complete(), comings.next()), (false, Some(at(310))));
        comings.turn(at(309), &mut desk);
        assert!(!comings.is_complete());
        comings.turn(at(310), &mut desk);
        assert!(comings.is_complete());
        open_again(&mut desk, 0);
        assert_eq!((desk.audience.open(), desk.audience.oracle.faults()), (1, 0));
        comings.stay();
        comings.turn(at(9_000), &mut desk);
        assert_eq!((comings.left, comings.next()), (1, None));
        comings.begin(at(9_500));
        assert_eq!(comings.next(), Some(at(9_500)), "the next time that messages flow");
    }

    #[test]
    fn who_waits_for_an_answer_stays() {
        let (mut desk, mut comings) = (desk(1, 1), comings(2.0, 2.0));
        desk.audience.handle_sent(0);
        comings.turn(at(10), &mut desk);
        assert_eq!((comings.left, comings.broken, desk.audience.open()), (0, 0, 1));
    }

    #[test]
    fn a_connection_that_breaks_is_no_fault_of_the_server() {
        let (mut desk, mut comings) = (desk(1, 1), comings(0.0, 2.0));
        comings.turn(at(10), &mut desk);
        assert_eq!((comings.broken, desk.audience.open(), comings.is_complete()), (1, 0, true));
        open_again(&mut desk, 0);
        assert_eq!((desk.audience.open(), desk.audience.oracle.faults()), (1, 0));
    }
}
