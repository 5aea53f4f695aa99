//! Values between a session and the owner of its sockets.

use comet_protocol::client::Time;

use super::{Broken, Habits, Identity};

/// A session's demand on the owner of its sockets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Want {
    /// A connection.
    Connect,
    /// None, not even the one that there is.
    Disconnect,
}

/// Reasons to give up a session's connection.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum GivenUp {
    /// The server does not keep to its dialect, or refuses.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The server has not taken the session in time.
    #[error("no answer to the opening words")]
    NotOpened,
    /// The server has not answered the last heartbeat.
    #[error("silent for a heartbeat")]
    Silent,
}

/// Context of each call of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Time,
    pub(crate) me: &'a Identity,
    pub(crate) habits: &'a Habits,
}
