//! All sessions of a thread but the first ones lose their connections at one moment.

use super::desk::Desk;
use crate::driver::Time;

/// A storm that is to come, if it was announced.
#[derive(Clone, Debug)]
pub(super) struct Storm {
    /// How many of the thread's sessions stay.
    stay: usize,
    /// Whether a session survives its connection.
    is_resumed: bool,
    due: Option<Time>,
    /// When it came.
    struck: Option<Time>,
}

impl Storm {
    /// For a thread of whose sessions so many stay.
    pub(super) const fn new(stay: usize, is_resumed: bool) -> Self {
        Self { stay, is_resumed, due: None, struck: None }
    }

    /// It comes at this time.
    pub(super) const fn announce(&mut self, at: Time) {
        self.due = Some(at);
    }

    /// It does not come any more.
    pub(super) const fn call_off(&mut self) {
        self.due = None;
    }

    /// When it comes.
    pub(super) const fn next(&self) -> Option<Time> {
        self.due
    }

    /// When it came.
    pub(super) const fn struck(&self) -> Option<Time> {
        self.struck
    }

    /// Cuts the connections if it is time.
    pub(super) fn turn(&mut self, now: Time, desk: &mut Desk) {
        if self.due.take_if(|due| *due <= now).is_none() {
            return;
        }
        self.struck = Some(now);
        for session in self.stay..desk.driver.sessions() {
            if desk.audience.is_open(session) {
                desk.audience.handle_cut(now, session, self.is_resumed);
                desk.driver.cut(session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::tests::desk;
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn who_is_open_and_does_not_stay_is_cut_once() {
        let (mut desk, mut storm) = (desk(3, 2), Storm::new(1, false));
        storm.announce(at(50));
        storm.turn(at(49), &mut desk);
        assert_eq!((storm.next(), storm.struck()), (Some(at(50)), None));
        storm.turn(at(51), &mut desk);
        storm.turn(at(60), &mut desk);
        assert_eq!((storm.next(), storm.struck()), (None, Some(at(51))));
        assert_eq!([0, 1].map(|session| desk.audience.is_open(session)), [true, false]);
        assert_eq!((desk.audience.comebacks.cut, desk.audience.comebacks.away()), (1, 1));
    }

    #[test]
    fn a_storm_that_is_called_off_does_not_come() {
        let (mut desk, mut storm) = (desk(3, 2), Storm::new(1, false));
        storm.announce(at(50));
        storm.call_off();
        storm.turn(at(60), &mut desk);
        assert_eq!((storm.struck(), desk.audience.comebacks.cut), (None, 0));
    }
}
