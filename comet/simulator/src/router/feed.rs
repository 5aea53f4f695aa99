//! Progress of one session through the letters of its user.

use comet::Pass;

/// Limit on unacknowledged letters for reading the next page, after pushes to a live session.
const AFTER_LIVE: usize = 8;

/// A loss reported for a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// All letters from this one on, to be repeated in this pass.
    From(usize, Pass),
    /// A number of deliveries that are not repeated.
    Count(usize),
}

/// The state of a served session.
#[derive(Debug)]
pub(super) struct Feed {
    /// The next letter to push.
    next: usize,
    /// Before this letter, only those not acknowledged by a phone are pushed.
    since: usize,
    pass: Pass,
    unacked: usize,
    page: usize,
    low_water: usize,
    /// Nothing is missing: new letters are pushed at once.
    is_live: bool,
    /// A letter was given up since the session was live.
    is_repairing: bool,
    is_away: bool,
    is_reading: bool,
}

impl Feed {
    pub(super) const fn new(next: usize, since: usize, page: usize) -> Self {
        Self {
            next,
            since,
            pass: Pass::FIRST,
            unacked: 0,
            page,
            low_water: page / 2,
            is_live: false,
            is_repairing: false,
            is_away: false,
            is_reading: false,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        self.is_live
    }

    pub(super) const fn is_repairing(&self) -> bool {
        self.is_repairing
    }

    pub(super) const fn is_away(&self) -> bool {
        self.is_away
    }

    pub(super) const fn pass(&self) -> Pass {
        self.pass
    }

    pub(super) const fn next(&self) -> usize {
        self.next
    }

    pub(super) const fn since(&self) -> usize {
        self.since
    }

    /// Continues in another pass, at the same letter.
    pub(super) const fn change_pass(&mut self, pass: Pass) {
        self.pass = pass;
        self.is_reading = false;
    }

    /// Records the push of the newest letter, accepted or not.
    pub(super) fn pushed(&mut self, row: usize, is_taken: bool) {
        if is_taken {
            self.unacked += 1;
            if self.is_live {
                self.next = row + 1;
            }
        } else {
            self.fall_behind();
        }
    }

    fn fall_behind(&mut self) {
        if self.is_live {
            self.is_live = false;
            self.low_water = AFTER_LIVE.min(self.page / 2);
        }
    }

    /// Records the push of `sent` letters of a page; `next` is the one after them.
    pub(super) const fn page_pushed(&mut self, sent: usize, next: usize, is_full: bool) {
        self.is_reading = false;
        self.unacked += sent;
        self.next = next;
        if is_full {
            self.low_water = sent / 2;
        }
    }

    /// Records deliveries that were acknowledged, or never will be.
    pub(super) const fn settled(&mut self, count: usize) {
        self.unacked = self.unacked.saturating_sub(count);
    }

    pub(super) fn lost(&mut self, lost: Lost) {
        match lost {
            Lost::Count(count) => self.settled(count),
            Lost::From(next, pass) => {
                self.is_live = true;
                self.fall_behind();
                (self.next, self.pass, self.is_repairing) = (next, pass, true);
                // Earlier pushes are in transit, limited by the window.
                (self.unacked, self.is_reading) = (0, false);
            }
        }
    }

    /// Stops pushing while the session has no connection.
    pub(super) fn park(&mut self) {
        self.is_away = true;
        self.fall_behind();
    }

    pub(super) const fn resume(&mut self) {
        self.is_away = false;
    }

    /// The next step for this number of stored letters: the pass of the page to read, if any.
    pub(super) const fn step(&mut self, stored: usize) -> Option<Pass> {
        if self.is_live || self.is_away || self.is_reading || self.unacked > self.low_water {
            return None;
        }
        if self.next >= stored {
            (self.is_live, self.is_repairing) = (true, false);
            return None;
        }
        self.is_reading = true;
        Some(self.pass)
    }
}
