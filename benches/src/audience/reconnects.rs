//! Sessions whose connections were cut, and their return.

use comet_protocol::client::Time;

use crate::latency::Latency;

/// Sessions whose connections were cut, and their return.
#[derive(Clone, Debug, Default)]
pub struct Reconnects {
    /// Sessions that were cut.
    pub cut: u64,
    /// Cut sessions that are open again.
    pub back: u64,
    /// Cut sessions that are over.
    pub over: u64,
    /// Waits of cut sessions; each has one when it is cut.
    pub waits: u64,
    /// Time of the first cut.
    pub began: Option<Time>,
    /// Time of the last return.
    pub ended: Time,
    /// From when a session was free to come back to when it was open.
    pub took: Latency,
}

impl Reconnects {
    /// Sessions that are neither back nor over.
    #[must_use]
    pub const fn away(&self) -> u64 {
        self.cut - self.back - self.over
    }

    /// Adds the sessions of another thread.
    pub fn merge(&mut self, other: &Self) {
        self.cut += other.cut;
        self.back += other.back;
        self.over += other.over;
        self.waits += other.waits;
        self.began = [self.began, other.began].into_iter().flatten().min();
        self.ended = self.ended.max(other.ended);
        self.took.merge(&other.took);
    }

    pub(super) fn handle_cut(&mut self, now: Time) {
        self.cut += 1;
        self.began.get_or_insert(now);
    }

    pub(super) fn handle_back(&mut self, now: Time, free: Time) {
        self.back += 1;
        self.ended = now;
        self.took.record(now.since(free));
    }
}
