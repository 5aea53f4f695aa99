//! The shared writer of a history.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Entry, Event, History};

/// A history being written, and the current time, shared by all parties. Router and clients write
/// in turns, on one thread; the lock is there because a router must be `Send`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Writing>>);

#[derive(Debug, Default)]
struct Writing {
    now: u64,
    /// Time of the last entry.
    last_entry_at: u64,
    history: History,
}

impl Log {
    pub(crate) fn new() -> Self {
        let log = Self::default();
        log.0.lock().history.entries.reserve(2_048);
        log
    }

    pub(crate) fn set_now(&self, now: u64) {
        self.0.lock().now = now;
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.lock().now
    }

    pub(crate) fn record(&self, event: Event) {
        let mut writing = self.0.lock();
        let at = writing.now;
        writing.last_entry_at = at;
        writing.history.entries.push(Entry { at, event });
    }

    /// Time of the last entry.
    pub(crate) fn last_entry_at(&self) -> u64 {
        self.0.lock().last_entry_at
    }

    pub(crate) fn take(&self) -> History {
        std::mem::take(&mut self.0.lock().history)
    }
}
