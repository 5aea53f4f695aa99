//! Rules: what is kept, and for how long.

use std::time::Duration;

/// Shortest time for which deduplication rows are kept.
const SHORTEST_DEDUPLICATION: Duration = Duration::from_secs(7 * 86_400);

/// Messages of a conversation that are kept: those that satisfy both limits. Default: all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keep {
    /// Maximum age.
    pub age: Option<Duration>,
    /// Maximum number of messages of a conversation, the newest ones. In a group, notices and
    /// signals count as well.
    pub count: Option<u32>,
}

impl Keep {
    pub(crate) const fn is_limited(self) -> bool {
        self.age.is_some() || self.count.is_some()
    }
}

/// Limits of age and number of the rows kept in the database. Default: everything, forever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    pub(crate) private: Keep,
    pub(crate) group: Keep,
    pub(crate) signals: Option<Duration>,
    pub(crate) deduplication: Option<Duration>,
    pub(crate) every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            private: Keep::default(),
            group: Keep::default(),
            signals: None,
            deduplication: None,
            every: Duration::from_secs(3_600),
        }
    }
}

impl Retention {
    /// Messages between two users.
    #[must_use]
    pub const fn private(mut self, keep: Keep) -> Self {
        self.private = keep;
        self
    }

    /// Messages, notices and signals of a group.
    #[must_use]
    pub const fn group(mut self, keep: Keep) -> Self {
        self.group = keep;
        self
    }

    /// Maximum age of signals to single users, such as those of revoked messages.
    #[must_use]
    pub const fn signals(mut self, age: Duration) -> Self {
        self.signals = Some(age);
        self
    }

    /// Time for which a repeat of a message is recognized, at least 7 days; less counts as 7 days.
    /// A repeat after that is stored and delivered as a new message.
    #[must_use]
    pub fn deduplication(mut self, age: Duration) -> Self {
        self.deduplication = Some(age.max(SHORTEST_DEDUPLICATION));
        self
    }

    /// Pause between two walks over the database. Default 1 h.
    #[must_use]
    pub const fn every(mut self, pause: Duration) -> Self {
        self.every = pause;
        self
    }

    pub(crate) const fn is_limited(&self) -> bool {
        self.private.is_limited()
            || self.group.is_limited()
            || self.signals.is_some()
            || self.deduplication.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_deleted_by_default() {
        assert!(!Retention::default().is_limited());
        assert!(!Retention::default().every(Duration::ZERO).is_limited());
        let keep = Keep { count: Some(1), ..Keep::default() };
        assert!(Retention::default().group(keep).is_limited());
        assert!(Retention::default().private(keep).is_limited());
    }

    #[test]
    fn deduplication_rows_are_kept_for_a_week_at_least() {
        let week = Duration::from_secs(604_800);
        let of = |age| Retention::default().deduplication(age).deduplication;
        assert_eq!(of(Duration::from_secs(1)), Some(week));
        assert_eq!(of(2 * week), Some(2 * week));
    }
}
