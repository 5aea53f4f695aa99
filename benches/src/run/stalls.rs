//! Sessions that stop reading while their connections stay, and read again later.
//!
//! Where the dialect tells of gaps they are owed everything all the same, delivered or told of.
//! Elsewhere the server may drop what they do not read, and end them; then they connect again.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::desk::Desk;
use crate::audience::Audience;
use crate::driver::Time;

/// Who of a thread's sessions stops.
#[derive(Debug)]
pub(super) struct Stalls {
    who: Range<usize>,
    has_gaps: bool,
    is_stalled: bool,
    /// Whether they ever did.
    have_stalled: bool,
    /// Who was ended, and connects again when.
    returning: VecDeque<(Time, usize)>,
    /// Deliveries that they had not read when they went on.
    pub(super) waiting: u64,
}

/// How long a session waits that the server has ended, or has not taken again.
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

    /// They stop.
    pub(super) fn begin(&mut self, desk: &mut Desk) {
        (self.is_stalled, self.have_stalled) = (true, true);
        for session in self.who.clone() {
            desk.driver.freeze(session);
            desk.audience.handle_stalled(session, self.has_gaps);
        }
    }

    /// They go on.
    pub(super) fn end(&mut self, desk: &mut Desk) {
        if !std::mem::take(&mut self.is_stalled) {
            return;
        }
        for session in self.who.clone() {
            self.waiting += desk.audience.oracle.behind(session);
            desk.audience.oracle.handle_going_on(session);
            desk.driver.thaw(session);
        }
    }

    /// Brings those back that the server has ended.
    pub(super) fn turn(&mut self, now: Time, desk: &mut Desk) {
        let expelled = desk.audience.take_expelled();
        self.returning.extend(expelled.into_iter().map(|session| (now + PAUSE, session)));
        while let Some((_, session)) = self.returning.pop_front_if(|(time, _)| *time <= now) {
            desk.audience.handle_free(session, now);
            desk.driver.reopen(session);
        }
    }

    /// When the next one comes back.
    pub(super) fn next(&self) -> Option<Time> {
        self.returning.front().map(|(time, _)| *time)
    }

    /// How many are not there who have stalled, as far as is known.
    pub(super) fn absent(&self, audience: &Audience) -> u64 {
        let is_absent = |session: &usize| self.have_stalled && !audience.is_open(*session);
        self.who.clone().filter(is_absent).count() as u64
    }
}
