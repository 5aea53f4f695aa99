//! Losses of a queue, and the gaps that stand for them.

use super::{Entry, GAPS, Queue, QueueError};
use crate::delivery::{Gap, Lane};
use comet_protocol::comet::GapReason;

impl Queue {
    /// Appends a gap behind all entries of the lane. Losses of an earlier pass are not reported:
    /// they are replayed.
    pub(crate) fn lose(&mut self, lane: Lane, gap: &Gap) -> Result<(), QueueError> {
        if let Some(replay) = gap.replay {
            if replay.pass != self.pass {
                return Ok(());
            }
            self.pass = self.pass.next();
        }
        let end = self.lanes[lane as usize].len();
        self.lose_at(lane, end, gap)
    }

    /// Replaces all waiting deliveries by gaps. Returns whether there were any.
    pub(crate) fn give_up(&mut self, reason: GapReason) -> Result<bool, QueueError> {
        let mut gave = false;
        let mut is_replayable = false;
        for lane in [Lane::Signal, Lane::Normal, Lane::Bulk] {
            let entries = std::mem::take(&mut self.lanes[lane as usize]);
            gave |= entries.iter().any(|entry| !matches!(entry, Entry::Gap(_)));
            for entry in entries {
                let gap = match entry {
                    Entry::One(item) => {
                        self.bytes -= item.len();
                        let Some(gap) = item.given_up(reason) else { continue };
                        gap
                    }
                    Entry::Log(mut cursor) => {
                        self.boxed -= 1;
                        cursor.give_up(u64::MAX, reason)
                    }
                    Entry::Gap(gap) => {
                        self.boxed -= 1;
                        *gap
                    }
                };
                is_replayable |= gap.replay.is_some();
                let end = self.lanes[lane as usize].len();
                self.lose_at(lane, end, &gap)?;
            }
        }
        if is_replayable {
            self.pass = self.pass.next();
        }
        self.recharge();
        Ok(gave)
    }

    /// Gives up the oldest entry of the least urgent lane. Returns whether there was one.
    pub(super) fn drop_oldest(&mut self) -> Result<bool, QueueError> {
        for lane in [Lane::Bulk, Lane::Normal, Lane::Signal] {
            let entries = &mut self.lanes[lane as usize];
            let at = entries.iter().position(Entry::is_only_here);
            let Some(at) = at else { continue };
            let gap = match entries.remove(at) {
                Some(Entry::One(item)) => {
                    self.bytes -= item.len();
                    item.given_up(GapReason::Slow)
                }
                Some(Entry::Log(mut cursor)) => {
                    // A cursor costs the same, whatever the number of items it covers.
                    self.boxed -= 1;
                    Some(cursor.give_up(u64::MAX, GapReason::Slow))
                }
                Some(Entry::Gap(_)) | None => None,
            };
            return gap.map_or(Ok(true), |gap| self.lose_at(lane, at, &gap).map(|()| true));
        }
        self.drop_newest_replayable()
    }

    /// Gives up the newest, as everything replayable after it would be lost as well.
    fn drop_newest_replayable(&mut self) -> Result<bool, QueueError> {
        for lane in [Lane::Bulk, Lane::Normal, Lane::Signal] {
            let entries = &mut self.lanes[lane as usize];
            let at = entries.iter().rposition(|entry| matches!(entry, Entry::One(_)));
            let Some((at, Entry::One(item))) = at.and_then(|at| Some((at, entries.remove(at)?)))
            else {
                continue;
            };
            self.bytes -= item.len();
            self.pass = self.pass.next();
            let Some(mut gap) = item.given_up(GapReason::Slow) else { continue };
            // Only gaps are behind it, one of which may report more replayable losses.
            let later = self.lanes[lane as usize].iter_mut().skip(at).find_map(Entry::as_replay);
            if let Some(later) = later {
                gap.extend(later);
                *later = gap;
            } else {
                self.lose_at(lane, at, &gap)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Records a gap at a place, merged with a gap before it where possible.
    fn lose_at(&mut self, lane: Lane, at: usize, gap: &Gap) -> Result<(), QueueError> {
        let entries = &mut self.lanes[lane as usize];
        if gap.replay.is_some()
            && let Some(known) = entries.iter_mut().take(at).find_map(Entry::as_replay)
        {
            // The router replays from the first.
            known.extend(gap);
            return Ok(());
        }
        let known = entries.iter_mut().take(at).rev().map_while(Entry::as_gap);
        let (mut count, mut last) = (0, None);
        for known in known.take(GAPS) {
            if known.goes_on_with(gap) {
                known.extend(gap);
                return Ok(());
            }
            count += 1;
            last.get_or_insert(known);
        }
        if let Some(last) = last.filter(|_| count >= GAPS) {
            last.extend(gap);
            return Ok(());
        }
        self.boxed += 1;
        if !self.reserve(lane as usize, true) {
            self.boxed -= 1;
            return Err(QueueError::Broken);
        }
        self.lanes[lane as usize].insert(at, Entry::Gap(Box::new(gap.clone())));
        Ok(())
    }
}
