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
