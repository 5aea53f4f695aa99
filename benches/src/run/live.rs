//! Counters of a thread for the others, while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::latency::Latency;

/// Numbers that one thread writes and others read.
#[derive(Debug, Default)]
pub(super) struct LiveCounters {
    /// Sessions that are open.
    pub(super) open: Number,
    /// Sessions that were cut and are not back.
    pub(super) away: Number,
    /// Time of the cut, in microseconds; 0 if there was none.
    pub(super) struck: Number,
    /// Sessions that ended unexpectedly.
    pub(super) ended: Number,
    /// Waits for another connection.
    pub(super) waits: Number,
    /// Time when the first session began to connect, in microseconds.
    pub(super) dialed: Number,
    /// Time of the last opening.
    pub(super) opened: Number,
    /// Deliveries that came.
    pub(super) arrived: Number,
    /// Faults that were found.
    pub(super) faults: Number,
    /// Microseconds on a core.
    pub(super) cpu: Number,
    /// Deliveries and answers that are on their way, since nothing is sent any more.
    pub(super) outstanding: Number,
    /// Time of the last count, in microseconds; 0 while messages are sent.
    pub(super) counted: Number,
    /// Latencies since they were last taken.
    recent: Mutex<Latency>,
    last_error: Mutex<Option<String>>,
}

/// A number that is read while it changes.
#[derive(Debug, Default)]
pub(super) struct Number(AtomicU64);

impl Number {
    pub(super) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl LiveCounters {
    /// Adds times, and empties where they were.
    pub(super) fn add_recent(&self, recent: &mut Latency) {
        if !recent.is_empty() {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).merge(recent);
            recent.reset();
        }
    }

    /// Takes the times.
    pub(super) fn take_recent(&self, into: &mut Latency) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        into.merge(&recent);
        recent.reset();
    }

    /// Says why a connection failed last.
    pub(super) fn set_last_error(&self, last_error: Option<&str>) {
        let mut known = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != last_error {
            *known = last_error.map(str::to_owned);
        }
    }

    /// The last error of a connection.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
