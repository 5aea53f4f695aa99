//! Targets of commands.

use crate::{Peer, SessionId};

/// The sessions that a command of the [`Gateway`](crate::Gateway) applies to.
///
/// A [`SessionId`], and a [`Peer`] for its session, convert into a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Target<'a> {
    /// One session.
    Session(SessionId),
    /// All sessions of a user; see [`Target::user`].
    #[non_exhaustive]
    User {
        /// The user's application.
        app: &'a str,
        /// The user.
        user: &'a str,
    },
    /// All sessions in a room.
    Room(&'a str),
    /// All sessions.
    All,
}

impl<'a> Target<'a> {
    /// All sessions of the user `user` of the application `app`.
    ///
    /// An anonymous peer has no user: an empty `user` matches no session.
    #[must_use]
    pub const fn user(app: &'a str, user: &'a str) -> Self {
        Self::User { app, user }
    }

    /// All sessions in the room `name`.
    #[must_use]
    pub const fn room(name: &'a str) -> Self {
        Self::Room(name)
    }
}

impl From<SessionId> for Target<'_> {
    fn from(session: SessionId) -> Self {
        Self::Session(session)
    }
}

impl From<&Peer> for Target<'_> {
    fn from(peer: &Peer) -> Self {
        Self::Session(peer.session())
    }
}
