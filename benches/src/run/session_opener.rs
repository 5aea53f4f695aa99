//! Order and pace in which sessions connect.

use super::OpenPace;
use crate::driver::Time;
use crate::schedule::Schedule;

/// The sessions of one thread, on their way.
#[derive(Clone, Debug)]
pub(super) struct SessionOpener {
    schedule: Option<Schedule>,
    concurrency: usize,
    begun: usize,
    all: usize,
}

impl SessionOpener {
    /// All sessions of a thread, with its share of those of all threads; threads take turns, and
    /// the phase is the time of its first.
    pub(super) fn new(pace: &OpenPace, all: usize, (share, phase): (f64, f64)) -> Self {
        let in_turn = |rate: f64| Schedule::in_phase(pace.from, rate * share, phase);
        let schedule = pace.rate.map(in_turn);
        Self { schedule, concurrency: pace.concurrency, begun: 0, all }
    }

    /// The next session that connects now, and since when it was free to; `there` are those whose
    /// attempt has come to an end.
    pub(super) fn take(&mut self, now: Time, there: usize) -> Option<(usize, Time)> {
        let session = self.begun;
        if session == self.all || session.saturating_sub(there) >= self.concurrency {
            return None;
        }
        let free = match &mut self.schedule {
            Some(schedule) => schedule.take(now)?,
            None => now,
        };
        self.begun += 1;
        Some((session, free))
    }

    /// Sessions that were taken.
    pub(super) const fn begun(&self) -> usize {
        self.begun
    }

    /// Time when the next one is due.
    pub(super) fn next(&self) -> Option<Time> {
        let schedule = self.schedule.as_ref().filter(|_| self.begun < self.all)?;
        schedule.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    fn taken(opener: &mut SessionOpener, now: u64, there: usize) -> Vec<(usize, Time)> {
        std::iter::from_fn(|| opener.take(at(now), there)).collect()
    }

    #[test]
    fn without_a_rate_only_so_many_are_under_way() {
        let pace = OpenPace { from: at(0), rate: None, concurrency: 2 };
        let mut opener = SessionOpener::new(&pace, 4, (1.0, 0.0));
        assert_eq!(taken(&mut opener, 5, 0), [(0, at(5)), (1, at(5))]);
        assert_eq!(taken(&mut opener, 6, 1), [(2, at(6))]);
        assert_eq!((taken(&mut opener, 7, 3), opener.next()), (vec![(3, at(7))], None));
        assert_eq!(taken(&mut opener, 8, 4), []);
    }

    #[test]
    fn with_a_rate_who_comes_late_was_free_when_it_was_due() {
        let pace = OpenPace { from: at(10), rate: Some(200.0), concurrency: 2 };
        let mut opener = SessionOpener::new(&pace, 3, (0.5, 0.0));
        assert_eq!((opener.next(), taken(&mut opener, 9, 0)), (Some(at(10)), vec![]));
        assert_eq!(taken(&mut opener, 40, 0), [(0, at(10)), (1, at(20))], "two at once");
        assert_eq!(taken(&mut opener, 40, 1), [(2, at(30))]);
        assert_eq!(opener.next(), None);
        let mut others = SessionOpener::new(&pace, 2, (0.5, 0.5));
        assert_eq!(taken(&mut others, 40, 0), [(0, at(15)), (1, at(25))], "between them");
    }
}
