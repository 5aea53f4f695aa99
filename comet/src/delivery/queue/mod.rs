//! What waits for room in a window, in lanes, and what is said about what could not wait.
//!
//! An entry is a delivery, a place in a room's [`Log`](super::Log), or word of a gap. Entries of a
//! lane leave in the order in which they came; between lanes, [`Lane::Signal`] goes first, and four
//! of [`Lane::Normal`] for one of [`Lane::Bulk`]. Nothing is ever dropped without a [`Gap`] in its
//! place.

mod losing;

use std::collections::VecDeque;
use std::rc::Rc;

use super::log::Cursor;
use super::{Gap, Held, Lane, Logged, Pass, Replay};
use crate::budget::{Account, Charge};

/// Bounds of a queue; see [`Config`](crate::Config) for what each costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimits {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// There is no room to wait in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overflow {
    /// The queue is at its own limits.
    Full,
    /// There is no memory for what is to wait.
    Memory,
    /// There is no memory even for word of what was given up: the session cannot go on.
    Broken,
}

/// So many gaps of different records stand behind each other before they are summed up.
const GAPS: usize = 8;

/// Normal entries that may pass before a bulk one that waits.
const NORMAL_PER_BULK: u8 = 4;

/// What an entry that is boxed costs beside its place.
const BOXED: usize = 64;

/// Deliveries that wait, oldest first in each lane.
#[derive(Debug)]
pub(crate) struct Queue {
    lanes: [VecDeque<Entry>; 3],
    /// Bytes of single deliveries; a log answers for its own.
    bytes: usize,
    boxed: usize,
    /// Normal entries since a bulk one waits.
    normals: u8,
    /// The one that the last loss of something replayable began.
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
    /// An empty queue in the `pass` that the one before it ended in.
    pub(crate) fn new(account: &Rc<Account>, pass: Pass) -> Self {
        let charge = Charge::none(account);
        Self { lanes: Default::default(), bytes: 0, boxed: 0, normals: 0, pass, charge }
    }

    /// In which replayable deliveries are taken now.
    pub(crate) fn pass(&self) -> Pass {
        self.pass
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    /// Whether nothing waits that goes before what enters this lane now.
    pub(crate) fn lets_pass(&self, lane: Lane) -> bool {
        match lane {
            Lane::Signal => self.lanes[0].is_empty(),
            Lane::Normal | Lane::Bulk => self.is_empty(),
        }
    }

    /// Gaps that stand here.
    pub(crate) fn untold(&self) -> Vec<Gap> {
        let gap = |entry: &Entry| match entry {
            Entry::Gap(gap) => Some(gap.as_ref().clone()),
            Entry::Log(cursor) => cursor.lost(),
            Entry::One(_) => None,
        };
        self.lanes.iter().flatten().filter_map(gap).collect()
    }

    /// Bytes of single deliveries that wait.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that are kept for what waits, by share, and how many entries that are.
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

    /// Deliveries that wait, those in logs included.
    #[cfg(test)]
    pub(crate) fn deliveries(&self) -> u64 {
        let count = |entry: &Entry| match entry {
            Entry::One(_) => 1,
            Entry::Log(cursor) => cursor.left(),
            Entry::Gap(_) => 0,
        };
        self.lanes.iter().flatten().map(count).sum()
    }

    /// Whether a room's log has gone on without this reader.
    pub(crate) fn has_fallen(&self) -> bool {
        let first = |lane: &VecDeque<Entry>| match lane.front() {
            Some(Entry::Log(cursor)) => cursor.has_fallen(),
            _ => false,
        };
        self.lanes.iter().any(first)
    }

    /// Has a delivery wait; one of a room in the room's log, where it is. A full queue gives up its
    /// oldest if it `drops_oldest`, and otherwise refuses the newest. What comes again may as well
    /// come later: nothing is given up for a replayable one.
    pub(crate) fn push(
        &mut self,
        item: &Rc<Held>,
        at: Option<&Logged>,
        drops_oldest: bool,
        limits: &QueueLimits,
    ) -> Result<(), Overflow> {
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
                return Err(Overflow::Full);
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

    /// The next that may leave, when `fits` says that there is room for one of its lane and length.
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
                let item = Held::gap(self.charge.account(), gap).ok()?;
                self.remove_front(lane);
                item
            }
            Entry::Log(cursor) => {
                let (item, count) = match cursor.lost() {
                    // Passed only once there is memory to say so.
                    Some(gap) => (Held::gap(self.charge.account(), gap.clone()).ok()?, gap.count),
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
            Lane::Normal if !self.lanes[Lane::Bulk as usize].is_empty() => self.normals + 1,
            Lane::Bulk => 0,
            _ => self.normals,
        };
        Some(item)
    }

    /// Puts back what was taken out, before everything else in its lane.
    pub(crate) fn restore(&mut self, item: Rc<Held>) -> Result<(), Overflow> {
        let lane = item.lane() as usize;
        if !self.reserve(lane, true) {
            return Err(Overflow::Broken);
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
        let waits = |lane: Lane| !self.lanes[lane as usize].is_empty();
        let bulk_is_due = self.normals >= NORMAL_PER_BULK;
        match () {
            () if waits(Lane::Signal) => Some(Lane::Signal),
            () if waits(Lane::Bulk) && (bulk_is_due || !waits(Lane::Normal)) => Some(Lane::Bulk),
            () if waits(Lane::Normal) => Some(Lane::Normal),
            () => None,
        }
    }

    fn push_entry(&mut self, lane: usize, entry: Entry) -> Result<(), Overflow> {
        let boxed = usize::from(!matches!(entry, Entry::One(_)));
        self.boxed += boxed;
        if !self.reserve(lane, false) {
            self.boxed -= boxed;
            return Err(Overflow::Memory);
        }
        self.lanes[lane].push_back(entry);
        Ok(())
    }

    /// Makes room for one more entry, and pays for it, out of the reserve if it must not fail.
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

    /// Pays for what is there, which is not more than before.
    fn recharge(&mut self) {
        let _shrinks = self.charge.set(cost(&self.lanes, self.boxed));
    }

    fn remove_front(&mut self, lane: Lane) {
        let gone = self.lanes[lane as usize].pop_front();
        self.boxed -= usize::from(gone.is_some_and(|entry| !matches!(entry, Entry::One(_))));
        self.recharge();
    }
}

/// Bytes of entries and what they point to.
fn cost(lanes: &[VecDeque<Entry>; 3], boxed: usize) -> usize {
    let entries: usize = lanes.iter().map(VecDeque::capacity).sum();
    entries * size_of::<Entry>() + boxed * BOXED
}

impl Entry {
    /// Whether it is a delivery that nobody can push again.
    fn is_only_here(&self) -> bool {
        match self {
            Self::One(item) => item.pass().is_none(),
            Self::Log(_) => true,
            Self::Gap(_) => false,
        }
    }

    /// Word of a gap that asks the router to push again.
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
