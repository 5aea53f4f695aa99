//! Deliveries that wait for room in a window, in lanes, and the gaps of those dropped.
//!
//! An entry is a delivery, a place in a room's [`Log`](super::Log), or the notice of a gap. A lane
//! is first-in first-out; between lanes, [`Lane::Signal`] goes first, then four of [`Lane::Normal`]
//! for one of [`Lane::Bulk`]. Every dropped delivery leaves a [`Gap`] in its place.

mod losing;

use std::collections::VecDeque;
use std::rc::Rc;

use super::log::Cursor;
use super::{Gap, Held, Lane, Logged, Pass, Replay};
use crate::budget::{Account, Charge};

/// Bounds of a queue; see [`DeliveryConfig`](crate::DeliveryConfig) for the cost of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimits {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// Reason for which an entry cannot be queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum QueueError {
    /// The queue is at its own limits.
    Full,
    /// The budget has no memory for the entry.
    Memory,
    /// The budget has no memory even for a gap: the session cannot go on.
    Broken,
}

/// Consecutive gaps of different records that are kept apart before they are summed up.
const GAPS: usize = 8;

/// Normal entries that may pass before a waiting bulk one.
const NORMAL_PER_BULK: u8 = 4;

/// Bytes of a boxed entry beside its place.
const BOXED: usize = 64;

/// Waiting deliveries, oldest first in each lane.
#[derive(Debug)]
pub(crate) struct Queue {
    lanes: [VecDeque<Entry>; 3],
    /// Bytes of single deliveries; a log has its own charge.
    bytes: usize,
    boxed: usize,
    /// Normal entries sent since a bulk one waits.
    normals: u8,
    /// Lanes that nothing leaves for now, one bit each.
    held: u8,
    /// Current pass, begun by the last loss of a replayable delivery.
    pass: Pass,
    charge: Charge,
}

#[derive(Debug)]
enum Entry {
    One(Rc<Held>),
    Log(Box<Cursor>),
    Gap(Box<Gap>),
}

impl Queue {
    /// An empty queue that continues in the `pass` of the one before it.
    pub(crate) fn new(account: &Rc<Account>, pass: Pass) -> Self {
        let charge = Charge::none(account);
        Self { lanes: Default::default(), bytes: 0, boxed: 0, normals: 0, held: 0, pass, charge }
    }

    /// Pass in which replayable deliveries are taken now.
    pub(crate) fn pass(&self) -> Pass {
        self.pass
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    /// Whether a new entry of this lane may leave, and no waiting one goes before it.
    pub(crate) fn lets_pass(&self, lane: Lane) -> bool {
        !self.is_held(lane)
            && match lane {
                Lane::Signal => self.lanes[0].is_empty(),
                Lane::Normal | Lane::Bulk => self.next_lane().is_none(),
            }
    }

    /// Holds these lanes back, a bit each, and no others. Whether one is held no longer.
    pub(crate) fn hold(&mut self, lanes: u8) -> bool {
        let held = std::mem::replace(&mut self.held, lanes);
        held & !lanes != 0
    }

    /// Whether a lane is held back.
    pub(crate) fn holds_lanes(&self) -> bool {
        self.held != 0
    }

    fn is_held(&self, lane: Lane) -> bool {
        self.held & (1 << lane as u8) != 0
    }

    /// Gaps that wait in the queue.
    pub(crate) fn untold(&self) -> Vec<Gap> {
        let gap = |entry: &Entry| match entry {
            Entry::Gap(gap) => Some(gap.as_ref().clone()),
            Entry::Log(cursor) => cursor.lost(),
            Entry::One(_) => None,
        };
        self.lanes.iter().flatten().filter_map(gap).collect()
    }

    /// Bytes of waiting single deliveries.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Visits the waiting deliveries, including those in logs, oldest first in each lane.
    pub(crate) fn each_delivery(&self, mut visit: impl FnMut(&Held)) {
        for entry in self.lanes.iter().flatten() {
            match entry {
                Entry::One(item) => visit(item),
                Entry::Log(cursor) => cursor.each_left(&mut visit),
                Entry::Gap(_) => {}
            }
        }
    }

    /// Bytes kept for waiting entries, by share, and the number of entries.
    pub(crate) fn holds(&self) -> (usize, usize) {
        let share = |entry: &Entry| match entry {
            Entry::One(item) => Held::share(item),
            Entry::Log(cursor) => cursor.share(),
            Entry::Gap(_) => 0,
        };
        let entries = self.lanes.iter().map(VecDeque::len).sum();
        let bodies: usize = self.lanes.iter().flatten().map(share).sum();
        (cost(&self.lanes, self.boxed) + bodies, entries)
    }

    /// Waiting deliveries, including those in logs.
    #[cfg(test)]
    pub(crate) fn deliveries(&self) -> u64 {
        let count = |entry: &Entry| match entry {
            Entry::One(_) => 1,
            Entry::Log(cursor) => cursor.left(),
            Entry::Gap(_) => 0,
        };
        self.lanes.iter().flatten().map(count).sum()
    }

    /// Whether a room's log has trimmed items that this reader has not read.
    pub(crate) fn has_fallen(&self) -> bool {
        let first = |lane: &VecDeque<Entry>| match lane.front() {
            Some(Entry::Log(cursor)) => cursor.has_fallen(),
            _ => false,
        };
        self.lanes.iter().any(first)
    }

    /// Queues a delivery; one of a room stays in the room's log. A full queue gives up its oldest
    /// if it `drops_oldest`, and otherwise refuses the newest. Nothing is given up for a replayable
    /// one, which can be pushed again later.
    pub(crate) fn push(
        &mut self,
        item: &Rc<Held>,
        at: Option<&Logged>,
        drops_oldest: bool,
        limits: &QueueLimits,
    ) -> Result<(), QueueError> {
        let lane = item.lane() as usize;
        let position = item.as_delivery().map_or(0, |delivery| delivery.position);
        if let (Some(at), Some(Entry::Log(cursor))) = (at, self.lanes[lane].back_mut())
            && cursor.extend(at, position)
        {
            return Ok(());
        }
        let len = if at.is_some() { 0 } else { item.len() };
        while self.is_full(len, limits) {
            if !drops_oldest || item.pass().is_some() || !self.drop_oldest()? {
                return Err(QueueError::Full);
            }
        }
        let entry = match at {
            Some(at) => Entry::Log(Box::new(Cursor::new(at, position))),
            None => Entry::One(Rc::clone(item)),
        };
        self.push_entry(lane, entry)?;
        self.bytes += len;
        Ok(())
    }

    /// The next entry to leave, if `fits` confirms room for its lane and length.
    pub(crate) fn pop(&mut self, fits: impl Fn(Lane, usize) -> bool) -> Option<Rc<Held>> {
        let lane = self.next_lane()?;
        let entry = self.lanes[lane as usize].front_mut()?;
        let item = match entry {
            Entry::One(item) => {
                if !fits(lane, item.len()) {
                    return None;
                }
                self.bytes -= item.len();
                let item = Rc::clone(item);
                self.remove_front(lane);
                item
            }
            Entry::Gap(gap) => {
                if !fits(lane, 0) {
                    return None;
                }
                let mut gap = gap.as_ref().clone();
                gap.replay = gap.replay.map(|replay| Replay { pass: self.pass, ..replay });
                let item = Held::gap(self.charge.account(), lane, gap).ok()?;
                self.remove_front(lane);
                item
            }
            Entry::Log(cursor) => {
                let (item, count) = match cursor.lost() {
                    // Passed only once there is memory for the notice.
                    Some(gap) => {
                        let count = gap.count;
                        (Held::gap(self.charge.account(), lane, gap).ok()?, count)
                    }
                    None => (cursor.peek()?, 1),
                };
                if !fits(lane, item.len()) {
                    return None;
                }
                cursor.pass(count);
                if cursor.left() == 0 {
                    self.remove_front(lane);
                }
                item
            }
        };
        self.normals = match lane {
            Lane::Normal if !self.lanes[Lane::Bulk as usize].is_empty() => {
                self.normals.saturating_add(1)
            }
            Lane::Bulk => 0,
            _ => self.normals,
        };
        Some(item)
    }

    /// Puts a removed entry back, before all others of its lane.
    pub(crate) fn restore(&mut self, item: Rc<Held>) -> Result<(), QueueError> {
        let lane = item.lane() as usize;
        if !self.reserve(lane, true) {
            return Err(QueueError::Broken);
        }
        self.bytes += item.len();
        self.lanes[lane].push_front(Entry::One(item));
        Ok(())
    }

    fn is_full(&self, len: usize, limits: &QueueLimits) -> bool {
        let entries: usize = self.lanes.iter().map(VecDeque::len).sum();
        entries >= limits.entries || self.bytes + len > limits.bytes
    }

    fn next_lane(&self) -> Option<Lane> {
        let waits = |lane: Lane| !self.lanes[lane as usize].is_empty() && !self.is_held(lane);
        let bulk_is_due = self.normals >= NORMAL_PER_BULK;
        match () {
            () if waits(Lane::Signal) => Some(Lane::Signal),
            () if waits(Lane::Bulk) && (bulk_is_due || !waits(Lane::Normal)) => Some(Lane::Bulk),
            () if waits(Lane::Normal) => Some(Lane::Normal),
            () => None,
        }
    }

    fn push_entry(&mut self, lane: usize, entry: Entry) -> Result<(), QueueError> {
        let boxed = usize::from(!matches!(entry, Entry::One(_)));
        self.boxed += boxed;
        if !self.reserve(lane, false) {
            self.boxed -= boxed;
            return Err(QueueError::Memory);
        }
        self.lanes[lane].push_back(entry);
        Ok(())
    }

    /// Makes room for one more entry, and charges it, to the reserve if it must not fail.
    fn reserve(&mut self, lane: usize, must: bool) -> bool {
        let entries = &mut self.lanes[lane];
        let more = if entries.len() < entries.capacity() { 0 } else { entries.capacity().max(4) };
        let cost = cost(&self.lanes, self.boxed) + more * size_of::<Entry>();
        let paid = match must {
            true => self.charge.set_from_reserve(cost),
            false => self.charge.set(cost),
        };
        if paid.is_ok() {
            self.lanes[lane].reserve_exact(more);
        }
        paid.is_ok()
    }

    /// Charges the current entries, which are no more than before.
    fn recharge(&mut self) {
        let _shrinks = self.charge.set(cost(&self.lanes, self.boxed));
    }

    fn remove_front(&mut self, lane: Lane) {
        let gone = self.lanes[lane as usize].pop_front();
        self.boxed -= usize::from(gone.is_some_and(|entry| !matches!(entry, Entry::One(_))));
        self.recharge();
    }
}

/// Bytes of entries and their boxes.
fn cost(lanes: &[VecDeque<Entry>; 3], boxed: usize) -> usize {
    let entries: usize = lanes.iter().map(VecDeque::capacity).sum();
    entries * size_of::<Entry>() + boxed * BOXED
}

impl Entry {
    /// Whether it is a delivery that cannot be replayed.
    fn is_only_here(&self) -> bool {
        match self {
            Self::One(item) => item.pass().is_none(),
            Self::Log(_) => true,
            Self::Gap(_) => false,
        }
    }

    /// The notice of a gap that asks the router for a replay.
    fn as_replay(&mut self) -> Option<&mut Gap> {
        self.as_gap().filter(|gap| gap.replay.is_some())
    }

    fn as_gap(&mut self) -> Option<&mut Gap> {
        match self {
            Self::Gap(gap) => Some(gap),
            Self::One(_) | Self::Log(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
