//! The connections of a thread: by number, by the time at which they are due, and those that have
//! something to do now.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::connection::Connection;

/// All connections of a thread.
#[derive(Default)]
pub(super) struct Connections {
    table: Vec<Option<Box<Entry>>>,
    timers: BTreeSet<(Instant, usize)>,
    touched: Vec<usize>,
}

/// A connection and its place in the lists.
pub(super) struct Entry {
    pub(super) connection: Connection,
    /// Its time in the list, at or before the time at which it is due.
    timer: Option<Instant>,
    is_touched: bool,
}

impl Connections {
    /// Adds a connection under a number that is free, and touches it.
    pub(super) fn insert(&mut self, number: usize, connection: Connection) {
        if self.table.len() <= number {
            self.table.resize_with(number + 1, || None);
        }
        let entry = Entry { connection, timer: None, is_touched: false };
        self.table[number] = Some(Box::new(entry));
        self.touch(number);
    }

    pub(super) fn remove(&mut self, number: usize) {
        let entry = self.table.get_mut(number).and_then(Option::take);
        if let Some(timer) = entry.and_then(|entry| entry.timer) {
            self.timers.remove(&(timer, number));
        }
    }

    pub(super) fn get(&mut self, number: usize) -> Option<&mut Connection> {
        Some(&mut self.entry(number)?.connection)
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = (usize, &mut Connection)> {
        let entries = self.table.iter_mut().enumerate();
        entries.filter_map(|(number, entry)| Some((number, &mut entry.as_mut()?.connection)))
    }

    /// The connection has something to do. A number without a connection is ignored.
    pub(super) fn touch(&mut self, number: usize) {
        let Some(entry) = self.table.get_mut(number).and_then(Option::as_mut) else { return };
        if !std::mem::replace(&mut entry.is_touched, true) {
            self.touched.push(number);
        }
    }

    pub(super) const fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Exchanges the list of those that have something to do for an empty one.
    pub(super) fn take_touched(&mut self, into: &mut Vec<usize>) {
        std::mem::swap(&mut self.touched, into);
        for &number in into.iter() {
            if let Some(entry) = self.table.get_mut(number).and_then(Option::as_mut) {
                entry.is_touched = false;
            }
        }
    }

    /// Touches those that are due.
    pub(super) fn fire(&mut self, now: Instant) {
        while let Some(&(timer, number)) = self.timers.first()
            && timer <= now
        {
            self.timers.pop_first();
            if let Some(entry) = self.entry(number) {
                entry.timer = None;
            }
            self.touch(number);
        }
    }

    /// Time of the first that is due.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(timer, _)| *timer)
    }

    /// Puts the connection in the list for the time at which it is due. An earlier time stays: most
    /// timers are put off again and again, and are looked at once they fire.
    pub(super) fn rearm(&mut self, number: usize) {
        let Some(entry) = self.entry(number) else { return };
        let Some(due) = entry.connection.due() else { return };
        let timer = entry.timer;
        if timer.is_some_and(|timer| timer <= due) {
            return;
        }
        entry.timer = Some(due);
        if let Some(timer) = timer {
            self.timers.remove(&(timer, number));
        }
        self.timers.insert((due, number));
    }

    fn entry(&mut self, number: usize) -> Option<&mut Entry> {
        self.table.get_mut(number)?.as_deref_mut()
    }
}
