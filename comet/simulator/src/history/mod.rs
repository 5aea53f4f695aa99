//! What happened in a run, in order: all that the checker knows.
//!
//! Three parties write into one history, on one clock: whoever pushes, the router, and what the
//! applications behind the clients saw. Nothing in it comes from inside the gateway.
//!
//! Not here: what must be true of a history (module `checker`).

mod event;
mod log;
mod show;
mod subject;

pub use event::What;
pub(crate) use log::Log;
pub use subject::{
    Answer, Attempt, ClientId, Dial, Lane, Loss, MessageId, MissingGap, Push, PushClass, PushId,
    Session, Taken, Target, Wire,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Virtual microseconds since the run began.
    pub at: u64,
    /// What it was.
    pub what: What,
}

/// Everything that happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// In the order in which it happened.
    pub entries: Vec<Entry>,
}

impl History {
    /// A history of these events, all at one moment: for tests of the checker.
    #[must_use]
    pub fn of(events: impl IntoIterator<Item = What>) -> Self {
        let entries = events.into_iter().map(|what| Entry { at: 1, what }).collect();
        Self { entries }
    }

    /// Entries with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate()
    }

    /// When the entry at a place happened.
    pub(crate) fn time(&self, place: usize) -> u64 {
        self.entries.get(place).map_or(0, |entry| entry.at)
    }
}
