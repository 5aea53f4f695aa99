//! Backlog of a room's slow readers: each delivery stored once, with a cursor per reader.
//!
//! A [`Log`] is empty while every reader keeps up. Once one falls behind, published deliveries are
//! kept for all readers that are behind, at the cost of one [`Cursor`] each, whatever the backlog.
//! The log is bounded; a reader that it has left behind is told how much it missed, and from where.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::{Class, Gap, Held};
use crate::budget::{Account, Charge};
use comet_protocol::comet::GapReason;

/// The log of one room on one shard.
#[derive(Debug)]
pub(crate) struct Log {
    room: Arc<str>,
    items: VecDeque<Rc<Held>>,
    /// Number of the first item; numbers only grow.
    base: u64,
    bytes: usize,
    cursors: usize,
    /// Charge for the entries; each item has a charge of its own.
    charge: Charge,
    /// Reason of the last trim.
    trimmed_for: GapReason,
}

/// A log shared by its cursors and its room.
pub(crate) type SharedLog = Rc<RefCell<Log>>;

/// Place of an item in a log.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) log: SharedLog,
    pub(crate) index: u64,
}

/// Unread items of one reader in a log, which keeps them within its limits.
#[derive(Debug)]
pub(super) struct Cursor {
    log: SharedLog,
    next: u64,
    end: u64,
    /// Position of the next item in the room's record.
    position: u64,
}

impl Log {
    pub(crate) fn new(account: &Rc<Account>, room: &Arc<str>) -> SharedLog {
        Rc::new(RefCell::new(Self {
            room: Arc::clone(room),
            items: VecDeque::new(),
            base: 0,
            bytes: 0,
            cursors: 0,
            charge: Charge::none(account),
            trimmed_for: GapReason::Slow,
        }))
    }

    /// Appends an item for readers that are behind, gives up the oldest beyond the limits, and
    /// returns the item's number. The item itself is given up at once if the budget has no room for
    /// it.
    pub(crate) fn append(&mut self, item: &Rc<Held>, most: usize, most_bytes: usize) -> u64 {
        let number = self.base + self.items.len() as u64;
        if self.items.len() == self.items.capacity() {
            let more = self.items.capacity().max(8);
            let entries = self.items.capacity() + more;
            if self.charge.set(entries * size_of::<Rc<Held>>()).is_err() {
                self.give_up(usize::MAX, GapReason::Memory);
                self.base = number + 1;
                return number;
            }
            self.items.reserve_exact(more);
        }
        self.items.push_back(Rc::clone(item));
        self.bytes += item.len();
        while self.items.len() > most || (self.bytes > most_bytes && self.items.len() > 1) {
            self.give_up(1, GapReason::Slow);
        }
        number
    }

    /// Gives up the oldest half, to free memory.
    pub(crate) fn halve(&mut self) {
        self.give_up(self.items.len().div_ceil(2), GapReason::Memory);
    }

    /// Drops items that no reader waits for.
    pub(crate) fn tidy(&mut self) {
        if self.cursors == 0 {
            self.base += self.items.len() as u64;
            self.items.clear();
            self.bytes = 0;
            self.release();
        }
    }

    fn give_up(&mut self, count: usize, reason: GapReason) {
        for _ in 0..count {
            let Some(item) = self.items.pop_front() else { break };
            self.bytes -= item.len();
            self.base += 1;
            self.trimmed_for = reason;
        }
        self.release();
    }

    /// Frees the entries when none is left.
    fn release(&mut self) {
        if self.items.is_empty() {
            self.items = VecDeque::new();
            let _shrinks = self.charge.set(0);
        }
    }
}

impl Cursor {
    /// Cursor of a reader that is one item behind.
    pub(super) fn new(at: &Logged, position: u64) -> Self {
        at.log.borrow_mut().cursors += 1;
        Self { log: Rc::clone(&at.log), next: at.index, end: at.index + 1, position }
    }

    /// Takes in an item if it is the next of the same log and of the room's record: a delivery that
    /// went another way, in an urgent lane for instance, leaves a hole there.
    pub(super) fn extend(&mut self, at: &Logged, position: u64) -> bool {
        let next = if self.position == 0 { 0 } else { self.position + self.left() };
        let is_next = Rc::ptr_eq(&self.log, &at.log) && self.end == at.index && next == position;
        self.end += u64::from(is_next);
        is_next
    }

    /// Whether the log has trimmed items that this reader has not read.
    pub(super) fn has_fallen(&self) -> bool {
        self.next < self.log.borrow().base && self.next < self.end
    }

    /// Items left to read, including lost ones.
    pub(super) fn left(&self) -> u64 {
        self.end - self.next
    }

    /// Bytes of the log attributed to this reader: the total, divided by the number of readers
    /// behind.
    pub(super) fn share(&self) -> usize {
        let log = self.log.borrow();
        let entries = log.items.capacity() * size_of::<Rc<Held>>();
        (log.bytes + entries) / log.cursors.max(1)
    }

    /// The next item, unless it has been trimmed.
    pub(super) fn peek(&self) -> Option<Rc<Held>> {
        let log = self.log.borrow();
        let index = usize::try_from(self.next.checked_sub(log.base)?).ok()?;
        if self.next < self.end { log.items.get(index).cloned() } else { None }
    }

    /// Visits the items left to read, without the lost ones.
    pub(super) fn each_left(&self, visit: impl FnMut(&Held)) {
        let log = self.log.borrow();
        let index = |number: u64| usize::try_from(number.saturating_sub(log.base)).unwrap_or(0);
        let (from, to) = (index(self.next), index(self.end));
        let left = log.items.iter().skip(from).take(to - from);
        left.map(|item| &**item).for_each(visit);
    }

    /// Gap of the items trimmed before this reader got them.
    pub(super) fn lost(&self) -> Option<Gap> {
        let log = self.log.borrow();
        let count = log.base.min(self.end).saturating_sub(self.next);
        let (room, reason) = (Some(Arc::clone(&log.room)), log.trimmed_for);
        let (position, replay) = (self.position, None);
        (count > 0).then_some(Gap { class: Class::Acked, count, reason, room, position, replay })
    }

    /// Advances by `count` items.
    pub(super) fn pass(&mut self, count: u64) {
        self.skip(count);
    }

    /// Gives up at most `count` items, and returns their gap.
    pub(super) fn give_up(&mut self, count: u64, reason: GapReason) -> Gap {
        let count = count.min(self.left());
        let room = Some(Arc::clone(&self.log.borrow().room));
        let (position, replay) = (self.skip(count), None);
        Gap { class: Class::Acked, count, reason, room, position, replay }
    }

    /// Advances without reading; returns the position of the first skipped item.
    fn skip(&mut self, count: u64) -> u64 {
        let position = self.position;
        self.next += count;
        self.position = if position == 0 { 0 } else { position + count };
        position
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut log = self.log.borrow_mut();
        log.cursors -= 1;
        log.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delivery;
    use crate::time::Time;

    fn item(account: &Rc<Account>, position: u64) -> Rc<Held> {
        Held::delivery(Time::START, account, Delivery::acked(vec![0; 10]).position(position), None)
            .unwrap()
    }

    fn append(log: &SharedLog, account: &Rc<Account>, position: u64) -> Logged {
        let index = log.borrow_mut().append(&item(account, position), 4, 1_000);
        Logged { log: Rc::clone(log), index }
    }

    #[test]
    fn readers_share_what_they_have_not_read() {
        let account = Account::unlimited();
        let log = Log::new(&account, &"r".into());
        let at = append(&log, &account, 100);
        let mut cursors = [Cursor::new(&at, 100), Cursor::new(&at, 100)];
        let before = account.used();
        for position in 101..104 {
            let at = append(&log, &account, position);
            assert!(cursors.iter_mut().all(|cursor| cursor.extend(&at, position)));
        }
        let each = account.used() - before;
        assert!(each < 3 * 300, "three more items for both readers: {each}");
        for cursor in &mut cursors {
            let read = std::iter::from_fn(|| {
                let item = cursor.peek()?;
                cursor.pass(1);
                item.as_delivery().map(|delivery| delivery.position)
            });
            assert_eq!(read.collect::<Vec<_>>(), [100, 101, 102, 103]);
        }
        drop(cursors);
        assert_eq!(account.used(), 0, "nobody is behind: nothing is kept");
    }

    #[test]
    fn a_reader_that_falls_off_is_told_the_exact_range() {
        let account = Account::unlimited();
        let log = Log::new(&account, &"r".into());
        let mut cursor = Cursor::new(&append(&log, &account, 50), 50);
        (51..57).for_each(|position| {
            assert!(cursor.extend(&append(&log, &account, position), position))
        });
        assert!(cursor.has_fallen());
        let gap = cursor.lost().unwrap();
        assert_eq!((gap.count, gap.position, gap.room.as_deref()), (3, 50, Some("r")));
        assert_eq!(cursor.lost(), Some(gap.clone()), "until it is passed");
        cursor.pass(gap.count);
        assert_eq!(cursor.lost(), None);
        assert_eq!(cursor.peek().unwrap().as_delivery().unwrap().position, 53);
        assert_eq!(cursor.left(), 4);
    }

    #[test]
    fn a_reader_visits_what_is_left_of_the_log() {
        let account = Account::unlimited();
        let log = Log::new(&account, &"r".into());
        append(&log, &account, 1);
        let mut cursor = Cursor::new(&append(&log, &account, 2), 2);
        let left = |cursor: &Cursor| {
            let mut seen = Vec::new();
            cursor.each_left(|item| seen.extend(item.as_delivery().map(|it| it.position)));
            seen
        };
        assert_eq!(left(&cursor), [2]);
        (3..5).for_each(|position| {
            assert!(cursor.extend(&append(&log, &account, position), position));
        });
        append(&log, &account, 5);
        assert_eq!(left(&cursor), [2, 3, 4]);
        (6..9).for_each(|position| drop(append(&log, &account, position)));
        assert!(left(&cursor).is_empty(), "1 to 4 are trimmed");
        assert_eq!(cursor.lost().unwrap().count, 3);
    }

    #[test]
    fn a_log_that_is_halved_says_memory() {
        let account = Account::unlimited();
        let log = Log::new(&account, &"r".into());
        let mut cursor = Cursor::new(&append(&log, &account, 1), 1);
        assert!(cursor.extend(&append(&log, &account, 2), 2));
        log.borrow_mut().halve();
        let gap = cursor.lost().unwrap();
        assert_eq!((gap.count, gap.position, gap.reason), (1, 1, GapReason::Memory));
    }

    #[test]
    fn an_item_that_follows_another_log_or_a_hole_is_not_taken_in() {
        let account = Account::unlimited();
        let (one, two) = (Log::new(&account, &"1".into()), Log::new(&account, &"2".into()));
        let mut cursor = Cursor::new(&append(&one, &account, 1), 1);
        assert!(!cursor.extend(&append(&two, &account, 2), 2));
        assert!(!cursor.extend(&append(&one, &account, 3), 3), "2 is not in between");
        assert!(!cursor.extend(&append(&one, &account, 2), 2), "what was appended between");
    }
}
