//! Counters of the store.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::db::Deleted;
use comet::{Distribution, Histogram, Metric, MetricKind};

/// Defines counters and gauges from one list.
macro_rules! counters {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// Counts since the start, and the present number of sessions.
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            $($($(#[doc = $doc])+ pub $name: u64,)+)+
            /// Time from taking a batch of messages until it is durable or refused.
            pub commit: Distribution,
        }

        impl Stats {
            /// All counters and gauges with name and help text, for exporters.
            pub fn metrics(&self) -> impl Iterator<Item = Metric> {
                [$($(Metric {
                    name: stringify!($name),
                    help: concat!($($doc),+).trim_ascii(),
                    kind: MetricKind::$kind,
                    value: self.$name,
                },)+)+]
                .into_iter()
            }
        }

        /// Atomics behind [`Stats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($($name: AtomicU64,)+)+
            commit: Histogram,
            /// Whether the last transaction failed.
            failing: AtomicBool,
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats {
                    $($($name: self.$name.load(Ordering::Relaxed),)+)+
                    commit: self.commit.read(),
                }
            }
        }
    };
}

counters! {
    Counter {
        /// Messages stored.
        stored,
        /// Messages that had been stored before and were answered again.
        repeated,
        /// Messages refused because clients may not send such.
        malformed,
        /// Messages refused because the group takes none from this user, or there is no user.
        forbidden,
        /// Messages refused because too many waited.
        overloaded,
        /// Acks that were not recorded, and whose sessions ended, because too many waited.
        acks_unrecorded,
        /// Messages refused because their users sent too many in a short time.
        over_rate,
        /// Messages refused because the database failed.
        unstored,
        /// Transactions made durable.
        commits,
        /// Transactions that failed.
        failed_commits,
        /// Messages, and entries of groups, deleted by age or number.
        expired,
        /// Receivers of those, none of whose phones had received it.
        expired_unreceived,
        /// Signals to users, and rows for deduplication, deleted by age.
        expired_others,
        /// Live deliveries to sessions; those to groups are not in it.
        delivered,
        /// Deliveries to sessions that caught up from the database.
        replayed,
        /// Times that a session had no room and had to catch up.
        fell_behind,
        /// Gaps in what sessions got that were filled from the database.
        repaired,
    }
    Gauge {
        /// Attached sessions, now.
        sessions,
    }
}

impl Counters {
    pub(crate) fn malformed(&self) {
        add(&self.malformed, 1);
    }

    pub(crate) fn forbidden(&self) {
        add(&self.forbidden, 1);
    }

    pub(crate) fn overloaded(&self) {
        add(&self.overloaded, 1);
    }

    pub(crate) fn ack_unrecorded(&self) {
        add(&self.acks_unrecorded, 1);
    }

    pub(crate) fn over_rate(&self) {
        add(&self.over_rate, 1);
    }

    /// Records the duration of a transaction, successful or not.
    pub(crate) fn commit_took(&self, time: Duration) {
        self.commit.record(time);
    }

    /// Records a durable transaction: `senders` answered, `stored` new; the others are repeats.
    pub(crate) fn committed(&self, senders: usize, stored: usize) {
        add(&self.commits, 1);
        add(&self.stored, stored);
        add(&self.repeated, senders - stored);
    }

    /// Records a failed transaction with this many messages.
    pub(crate) fn failed(&self, messages: usize) {
        add(&self.failed_commits, 1);
        add(&self.unstored, messages);
    }

    /// Records whether the last transaction failed; returns true if this is a change.
    pub(crate) fn turn_failing(&self, failing: bool) -> bool {
        self.failing.swap(failing, Ordering::Relaxed) != failing
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(crate) fn expired(&self, deleted: Deleted) {
        self.expired.fetch_add(deleted.messages, Ordering::Relaxed);
        self.expired_unreceived.fetch_add(deleted.unreceived, Ordering::Relaxed);
        self.expired_others.fetch_add(deleted.others, Ordering::Relaxed);
    }

    pub(crate) fn delivered(&self) {
        add(&self.delivered, 1);
    }

    pub(crate) fn replayed(&self, rows: usize) {
        add(&self.replayed, rows);
    }

    pub(crate) fn fell_behind(&self) {
        add(&self.fell_behind, 1);
    }

    pub(crate) fn repaired(&self) {
        add(&self.repaired, 1);
    }

    pub(crate) fn sessions(&self, now: usize) {
        self.sessions.store(now as u64, Ordering::Relaxed);
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
