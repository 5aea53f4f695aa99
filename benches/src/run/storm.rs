//! Loss of all connections of a thread at one moment, except those of the first sessions.

use super::sender::Sender;
use crate::driver::Time;

/// A storm that is to come, if it was announced.
#[derive(Clone, Debug)]
pub(super) struct Storm {
    /// Sessions of the thread that stay.
    stay: usize,
    /// Whether a session survives its connection.
    is_resumed: bool,
    due: Option<Time>,
    /// Time of the cut.
    struck: Option<Time>,
}

impl Storm {
    /// For a thread of which the first sessions stay.
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

    /// Time of the coming cut.
    pub(super) const fn next(&self) -> Option<Time> {
        self.due
    }

    /// Time of the cut.
    pub(super) const fn struck(&self) -> Option<Time> {
        self.struck
    }

    /// Cuts the connections if it is time.
    pub(super) fn turn(&mut self, now: Time, sender: &mut Sender) {
        if self.due.take_if(|due| *due <= now).is_none() {
            return;
        }
        self.struck = Some(now);
        for session in self.stay..sender.driver.sessions() {
            if sender.audience.is_open(session) {
                sender.audience.handle_cut(now, session, self.is_resumed);
                sender.driver.cut(session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sender::tests::sender;
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn who_is_open_and_does_not_stay_is_cut_once() {
        let (mut sender, mut storm) = (sender(3, 2), Storm::new(1, false));
        storm.announce(at(50));
        storm.turn(at(49), &mut sender);
        assert_eq!((storm.next(), storm.struck()), (Some(at(50)), None));
        storm.turn(at(51), &mut sender);
        storm.turn(at(60), &mut sender);
        assert_eq!((storm.next(), storm.struck()), (None, Some(at(51))));
        assert_eq!([0, 1].map(|session| sender.audience.is_open(session)), [true, false]);
        assert_eq!((sender.audience.reconnects.cut, sender.audience.reconnects.away()), (1, 1));
    }

    #[test]
    fn a_storm_that_is_called_off_does_not_come() {
        let (mut sender, mut storm) = (sender(3, 2), Storm::new(1, false));
        storm.announce(at(50));
        storm.call_off();
        storm.turn(at(60), &mut sender);
        assert_eq!((storm.struck(), sender.audience.reconnects.cut), (None, 0));
    }
}
