//! Sessions that leave and return, and connections that break, while messages flow.
//!
//! A session leaves only when it has an answer to everything it sent: a message on its way when the
//! session leaves may be lost by nobody's fault.

use std::collections::VecDeque;
use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::sender::Sender;
use crate::driver::Time;
use crate::plan::ChurnRates;
use crate::schedule::Schedule;

/// Sessions of a thread that leave and return.
#[derive(Debug)]
pub(super) struct Churn {
    rates: ChurnRates,
    /// The sessions of which some leave.
    who: Range<usize>,
    /// Whether a session survives its connection.
    is_resumed: bool,
    leaves: Schedule,
    breaks: Schedule,
    /// Absent sessions, with the time of their return.
    away: VecDeque<(Time, usize)>,
    rng: StdRng,
    pub(super) left: u64,
    pub(super) broken: u64,
}

/// Sessions that are tried for one departure or break.
const CHANCES: usize = 32;

impl Churn {
    /// This thread's share of the churn, which has not begun.
    pub(super) fn new(
        rates: ChurnRates,
        who: Range<usize>,
        share: f64,
        is_resumed: bool,
        seed: u64,
    ) -> Self {
        let never = Schedule::at(Time::default(), 0.0);
        let (leaves, breaks) = (rates.leaves * share, rates.breaks * share);
        Self {
            rates: ChurnRates { leaves, breaks, ..rates },
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

    /// Begins the churn.
    pub(super) fn begin(&mut self, from: Time) {
        self.leaves = Schedule::at(from, self.rates.leaves);
        self.breaks = Schedule::at(from, self.rates.breaks);
    }

    /// Time of the next departure, break or return.
    pub(super) fn next(&self) -> Option<Time> {
        let returns = self.away.front().map(|(time, _)| *time);
        [returns, self.leaves.next(), self.breaks.next()].into_iter().flatten().min()
    }

    /// Stops departures; absent sessions still return.
    pub(super) fn stay(&mut self) {
        self.leaves = Schedule::at(Time::default(), 0.0);
        self.breaks = self.leaves;
    }

    /// Whether all absent sessions are on the way back.
    pub(super) fn is_complete(&self) -> bool {
        self.away.is_empty()
    }

    /// Carries out due departures, breaks and returns.
    pub(super) fn turn(&mut self, now: Time, sender: &mut Sender) {
        while let Some(session) = self.take_back(now) {
            sender.audience.handle_free(session, now);
            sender.driver.reopen(session);
        }
        while self.leaves.take(now).is_some() {
            if let Some(session) = self.choose(sender) {
                sender.driver.close(session);
                sender.audience.handle_left(session);
                self.away.push_back((now + self.rates.away, session));
                self.left += 1;
            }
        }
        while self.breaks.take(now).is_some() {
            if let Some(session) = self.choose(sender) {
                self.cut(now, session, sender);
                self.broken += 1;
            }
        }
    }

    fn take_back(&mut self, now: Time) -> Option<usize> {
        let due = self.away.front().is_some_and(|(time, _)| *time <= now);
        if due { self.away.pop_front().map(|(_, session)| session) } else { None }
    }

    fn choose(&mut self, sender: &Sender) -> Option<usize> {
        let audience = &sender.audience;
        let may_go =
            |session: &usize| audience.is_open(*session) && audience.unanswered_of(*session) == 0;
        if self.who.is_empty() {
            return None;
        }
        (0..CHANCES).map(|_| self.rng.random_range(self.who.clone())).find(may_go)
    }

    fn cut(&self, now: Time, session: usize, sender: &mut Sender) {
        sender.driver.cut(session);
        if !self.is_resumed {
            sender.audience.handle_left(session);
            sender.audience.handle_free(session, now);
            sender.driver.reopen(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sender::tests::{open_again, sender};
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    fn churn(churn: f64, breaks: f64) -> Churn {
        let rates = ChurnRates { leaves: churn, away: Duration::from_millis(300), breaks };
        let mut churn = Churn::new(rates, 0..1, 0.5, false, 1);
        churn.begin(at(0));
        churn
    }

    #[test]
    fn who_leaves_returns_when_its_time_is_over() {
        let (mut sender, mut churn) = (sender(1, 1), churn(2.0, 0.0));
        churn.turn(at(10), &mut sender);
        assert_eq!((sender.audience.open(), churn.left), (0, 1));
        assert_eq!((churn.is_complete(), churn.next()), (false, Some(at(310))));
        churn.turn(at(309), &mut sender);
        assert!(!churn.is_complete());
        churn.turn(at(310), &mut sender);
        assert!(churn.is_complete());
        open_again(&mut sender, 0);
        assert_eq!((sender.audience.open(), sender.audience.oracle.faults()), (1, 0));
        churn.stay();
        churn.turn(at(9_000), &mut sender);
        assert_eq!((churn.left, churn.next()), (1, None));
        churn.begin(at(9_500));
        assert_eq!(churn.next(), Some(at(9_500)), "the next time that messages flow");
    }

    #[test]
    fn who_waits_for_an_answer_stays() {
        let (mut sender, mut churn) = (sender(1, 1), churn(2.0, 2.0));
        sender.audience.handle_sent(0);
        churn.turn(at(10), &mut sender);
        assert_eq!((churn.left, churn.broken, sender.audience.open()), (0, 0, 1));
    }

    #[test]
    fn a_connection_that_breaks_is_no_fault_of_the_server() {
        let (mut sender, mut churn) = (sender(1, 1), churn(0.0, 2.0));
        churn.turn(at(10), &mut sender);
        assert_eq!((churn.broken, sender.audience.open(), churn.is_complete()), (1, 0, true));
        open_again(&mut sender, 0);
        assert_eq!((sender.audience.open(), sender.audience.oracle.faults()), (1, 0));
    }
}
