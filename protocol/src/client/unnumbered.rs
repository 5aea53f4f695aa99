//! Deliveries without a number of the session, where the connection counts them: on one with
//! datagrams, which come in any order or not at all.
//!
//! Not here: what becomes of those that are handed up.

use std::collections::VecDeque;
use std::time::Duration;

use super::Time;
use crate::comet::{Key, Seq};

/// Keys whose newest counts are remembered.
const KEYS: usize = 256;

/// Patience with a count that is missing: others may have overtaken it.
const PATIENCE: Duration = Duration::from_millis(200);

/// Counts of one connection that have come.
#[derive(Debug)]
pub(super) struct Unnumbered {
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
    pub(super) fn takes_best_effort(&mut self, now: Time, count: Seq) -> bool {
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
    pub(super) fn takes_latest(&mut self, now: Time, count: Seq, key: &Key) -> bool {
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

    /// Time at which counts that are missing are given up.
    pub(super) const fn gap_at(&self) -> Option<Time> {
        self.gap_at
    }

    /// Whether something is missing by now that has not been told before.
    pub(super) fn take_gap(&mut self, now: Time) -> bool {
        let is_due = self.gap_at.take_if(|due| *due <= now).is_some();
        if is_due {
            self.settled = u64::MAX;
        }
        is_due
    }

    /// Whether something is missing that has not been told.
    pub(super) const fn is_missing(&self) -> bool {
        self.gap_at.is_some()
    }
}
