//! Values between a session and the owner of its sockets.

use comet_protocol::client::Time;

use super::{ClientTiming, DialectError, Identity};

/// A session's demand on the owner of its sockets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ConnectionRequest {
    /// A connection.
    Connect,
    /// None, not even the one that there is.
    Disconnect,
    /// None that is to take over.
    DropNext,
}

/// One of the two connections of a session that changes from one to the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    /// The connection that the session is on.
    Current,
    /// The connection that is to take over.
    Next,
}

/// Reasons to give up a session's connection.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum GiveUpReason {
    /// The server does not keep to its dialect, or refuses.
    #[error(transparent)]
    Dialect(#[from] DialectError),
    /// The server has not taken the session in time.
    #[error("no answer to the opening words")]
    NotOpened,
    /// The server has not answered the last heartbeat.
    #[error("silent for a heartbeat")]
    Silent,
}

/// Context of each call of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallContext<'a> {
    pub(crate) now: Time,
    pub(crate) me: &'a Identity,
    pub(crate) timing: &'a ClientTiming,
}
