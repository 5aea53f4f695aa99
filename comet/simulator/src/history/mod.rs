//! The events of a run, in order: the only input of the checker.
//!
//! Three parties write into one history, on one clock: the source of pushes, the router, and the
//! applications of the clients. It contains nothing from inside the gateway.
//!
//! Not here: the properties that a history must have (module `checker`).

mod display;
mod event;
mod log;
mod subject;

pub use event::Event;
pub(crate) use log::Log;
pub use subject::{
    Answer, Attempt, ClientId, Dial, Dialect, Lane, Loss, MessageId, MissingGap, Push, PushClass,
    PushId, Session, Taken, Target, Transport,
};

/// An event with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Virtual microseconds since the start of the run.
    pub at: u64,
    /// The event.
    pub event: Event,
}

/// All events of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Entries in the order of the events.
    pub entries: Vec<Entry>,
}

impl History {
    /// A history of these events, all at the same time: for tests of the checker.
    #[must_use]
    pub fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let entries = events.into_iter().map(|event| Entry { at: 1, event }).collect();
        Self { entries }
    }

    /// Entries with their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate()
    }

    /// Time of the entry at an index.
    pub(crate) fn time(&self, place: usize) -> u64 {
        self.entries.get(place).map_or(0, |entry| entry.at)
    }
}
