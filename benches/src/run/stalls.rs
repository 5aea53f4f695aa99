//! Sessions that stop reading while their connections stay, and read again later.
//!
//! Where the dialect has gaps they are still owed everything, delivered or counted by a gap.
//! Elsewhere the server may drop what they do not read, and end them; then they connect again.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::sender::Sender;
use crate::audience::Audience;
use crate::driver::Time;

/// Sessions of a thread that stall.
#[derive(Debug)]
pub(super) struct Stalls {
    who: Range<usize>,
    has_gaps: bool,
    is_stalled: bool,
    /// Whether they have ever stalled.
    have_stalled: bool,
    /// Sessions that the server ended, with the time of their return.
    returning: VecDeque<(Time, usize)>,
    /// Deliveries that they had not read when they read again.
    pub(super) waiting: u64,
}

/// Pause before a session connects again that the server has ended or refused.
const PAUSE: Duration = Duration::from_millis(500);

impl Stalls {
    /// These sessions, which read for now.
    pub(super) const fn new(who: Range<usize>, has_gaps: bool) -> Self {
        Self {
            who,
            has_gaps,
            is_stalled: false,
            have_stalled: false,
            returning: VecDeque::new(),
            waiting: 0,
        }
    }

    /// Stops reading.
    pub(super) fn begin(&mut self, sender: &mut Sender) {
        (self.is_stalled, self.have_stalled) = (true, true);
        for session in self.who.clone() {
            sender.driver.freeze(session);
            sender.audience.handle_stalled(session, self.has_gaps);
        }
    }

    /// Reads again.
    pub(super) fn end(&mut self, sender: &mut Sender) {
        if !std::mem::take(&mut self.is_stalled) {
            return;
        }
        for session in self.who.clone() {
            self.waiting += sender.audience.oracle.behind(session);
            sender.audience.oracle.handle_going_on(session);
            sender.driver.thaw(session);
        }
    }

    /// Reopens sessions that the server has ended.
    pub(super) fn turn(&mut self, now: Time, sender: &mut Sender) {
        let expelled = sender.audience.take_expelled();
        self.returning.extend(expelled.into_iter().map(|session| (now + PAUSE, session)));
        while let Some((_, session)) = self.returning.pop_front_if(|(time, _)| *time <= now) {
            sender.audience.handle_free(session, now);
            sender.driver.reopen(session);
        }
    }

    /// Time of the next return.
    pub(super) fn next(&self) -> Option<Time> {
        self.returning.front().map(|(time, _)| *time)
    }

    /// The number of stalled sessions that are not there, as far as is known.
    pub(super) fn absent(&self, audience: &Audience) -> u64 {
        let is_absent = |session: &usize| self.have_stalled && !audience.is_open(*session);
        self.who.clone().filter(is_absent).count() as u64
    }
}
