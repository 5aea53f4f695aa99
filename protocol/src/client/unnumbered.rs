//! Deliveries without a number of the session, where the connection counts them: on one with
//! datagrams, which come in any order or not at all.
//!
//! Not here: what becomes of those that are handed up.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Event, Time};
use crate::comet::{Gap, Key, Seq};

/// Keys whose newest counts are remembered.
const KEYS: usize = 256;

/// Patience with a count that is missing: others may have overtaken it.
const PATIENCE: Duration = Duration::from_millis(200);

/// Counts on the current connection, if it has any.
#[derive(Debug, Default)]
pub(super) struct Counts(Option<Box<Unnumbered>>);

impl Counts {
    /// A connection begins.
    pub(super) fn new(has_counts: bool) -> Self {
        Self(has_counts.then(Box::default))
    }

    /// Whether a best-effort delivery is to be handed up.
    pub(super) fn takes_best_effort(&mut self, now: Time, count: Seq) -> bool {
        self.0.as_mut().is_none_or(|counts| counts.takes_best_effort(now, count))
    }

    /// Whether a latest delivery is to be handed up.
    pub(super) fn takes_latest(&mut self, now: Time, count: Seq, key: &Key) -> bool {
        self.0.as_mut().is_none_or(|counts| counts.takes_latest(now, count, key))
    }

    /// Time at which counts that are missing are given up.
    pub(super) fn gap_at(&self) -> Option<Time> {
        self.0.as_ref()?.gap_at
    }

    /// Word of counts that are missing by now.
    pub(super) fn tell(&mut self, now: Time) -> Option<Event> {
        self.0.as_mut()?.take_gap(now).then(uncounted)
    }

    /// The connection is gone, and with it what is under way on it: word of what is missing.
    pub(super) fn end(&mut self) -> Option<Event> {
        self.0.take()?.gap_at.map(|_| uncounted())
    }
}

/// Some deliveries without numbers may be missing.
fn uncounted() -> Event {
    Event::Gap { from: Seq::NONE, to: Seq::NONE, gap: Gap::default() }
}

/// Counts of one connection that have come.
#[derive(Debug)]
struct Unnumbered {
    newest: Seq,
    /// Bit `n`: the count `n` before the newest has come, or has been told as missing.
    settled: u64,
    newest_best_effort: Seq,
    /// Newest count of each key, those first that had none for longest.
    keys: VecDeque<(Key, Seq)>,
    /// Newest count of the keys that are remembered no longer.
    forgotten: Seq,
    gap_at: Option<Time>,
}

impl Default for Unnumbered {
    fn default() -> Self {
        Self {
            newest: Seq::NONE,
            settled: u64::MAX,
            newest_best_effort: Seq::NONE,
            keys: VecDeque::new(),
            forgotten: Seq::NONE,
            gap_at: None,
        }
    }
}

impl Unnumbered {
    /// Whether a best-effort delivery is to be handed up. One that was overtaken is missing.
    fn takes_best_effort(&mut self, now: Time, count: Seq) -> bool {
        if count.is_none() {
            return true;
        }
        let is_newer = self.newest_best_effort.is_none() || count.is_after(self.newest_best_effort);
        if is_newer {
            self.newest_best_effort = count;
            self.settle(now, count);
        }
        is_newer
    }

    /// Whether a latest delivery is to be handed up. One that was overtaken is not missed.
    fn takes_latest(&mut self, now: Time, count: Seq, key: &Key) -> bool {
        if count.is_none() {
            return true;
        }
        self.settle(now, count);
        let at = self.keys.iter().position(|(known, _)| known == key);
        let known = at.and_then(|at| self.keys.remove(at)).map(|(_, newest)| newest);
        let newest = known.unwrap_or(self.forgotten);
        let is_newer = newest.is_none() || count.is_after(newest);
        if is_newer || known.is_some() {
            self.keys.push_back((key.clone(), if is_newer { count } else { newest }));
        }
        if self.keys.len() > KEYS
            && let Some((_, count)) = self.keys.pop_front()
            && (self.forgotten.is_none() || count.is_after(self.forgotten))
        {
            self.forgotten = count;
        }
        is_newer
    }

    /// Notes that a count has come.
    fn settle(&mut self, now: Time, count: Seq) {
        if !count.is_after(self.newest) {
            let behind = self.newest.count_from(count);
            self.settled |=
                u32::try_from(behind).ok().and_then(|at| 1u64.checked_shl(at)).unwrap_or(0);
            self.gap_at = self.gap_at.filter(|_| self.settled != u64::MAX);
            return;
        }
        let ahead = if self.newest.is_none() {
            count.get() as usize
        } else {
            count.count_from(self.newest)
        };
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        let was_settled = self.settled;
        self.settled = was_settled.checked_shl(ahead).unwrap_or(0) | 1;
        self.newest = count;
        // What leaves the bits is overtaken by far.
        let is_lost = ahead > u64::BITS || was_settled.leading_ones() < ahead.min(u64::BITS);
        if is_lost {
            self.gap_at = Some(now);
        } else if self.settled != u64::MAX {
            self.gap_at.get_or_insert(now + PATIENCE);
        }
    }

    /// Whether something is missing by now that has not been told before.
    fn take_gap(&mut self, now: Time) -> bool {
        let is_due = self.gap_at.take_if(|due| *due <= now).is_some();
        if is_due {
            self.settled = u64::MAX;
        }
        is_due
    }
}
