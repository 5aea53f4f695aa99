//! Plain counters of what the store did.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages stored.
    pub stored: u64,
    /// Messages that had been stored before and were answered again.
    pub repeated: u64,
    /// Messages refused because clients may not send such.
    pub malformed: u64,
    /// Messages refused because the group does not take them from this user, or there is no user.
    pub forbidden: u64,
    /// Messages refused because too many waited.
    pub overloaded: u64,
    /// Messages refused because the database failed.
    pub unstored: u64,
    /// Transactions.
    pub commits: u64,
    /// Transactions that failed.
    pub failed_commits: u64,
    /// Live deliveries to sessions; those to groups are not in it.
    pub delivered: u64,
    /// Deliveries to sessions that caught up from the database.
    pub replayed: u64,
    /// Times that a session had no room and had to catch up.
    pub fell_behind: u64,
    /// Gaps in what sessions got that were filled from the database.
    pub repaired: u64,
    /// Attached sessions, now.
    pub sessions: u64,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// The counters behind [`Stats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters!(
    stored,
    repeated,
    malformed,
    forbidden,
    overloaded,
    unstored,
    commits,
    failed_commits,
    delivered,
    replayed,
    fell_behind,
    repaired,
    sessions,
);

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

    /// A transaction was made durable, which stored so many messages of so many senders.
    pub(crate) fn committed(&self, senders: usize, stored: usize) {
        add(&self.commits, 1);
        add(&self.stored, stored);
        add(&self.repeated, senders - stored);
    }

    /// A transaction with this many messages was not.
    pub(crate) fn failed(&self, messages: usize) {
        add(&self.failed_commits, 1);
        add(&self.unstored, messages);
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
