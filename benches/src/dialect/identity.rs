//! Identity of a session, and destinations of its messages.

use std::sync::Arc;

use crate::account::{Account, Receiver};

/// Identity of a session, and the rooms that it joins.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The user. Names of users and rooms are of letters, digits, `-`, `_` and `.`, so that every
    /// dialect can buffer them.
    pub user: String,
    /// Rooms that it joins when it opens. Without any it is alone and sends to itself.
    pub rooms: Vec<String>,
    /// The device, if the user has several.
    pub device: Option<String>,
    /// Proof of the user, if the name alone is none: a password or a token.
    pub token: Option<String>,
    /// Whether messages to the user come also to a session with rooms, where that takes a
    /// subscription of its own (MQTT, NATS, Centrifugo).
    pub inbox: bool,
    /// The account, on a server that knows its users; comet and dtalk dialects only. Rooms are
    /// ids of its groups then, device and token are nothing.
    pub account: Option<Arc<Account>>,
}

impl Identity {
    /// A user in these rooms.
    #[must_use]
    pub fn new(user: impl Into<String>, rooms: impl IntoIterator<Item = String>) -> Self {
        Self { user: user.into(), rooms: rooms.into_iter().collect(), ..Self::default() }
    }

    /// Whether the session subscribes to its user's own address.
    pub(super) fn has_inbox(&self) -> bool {
        self.inbox || self.rooms.is_empty()
    }
}

/// Destination of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Destination {
    /// All rooms of the sender; the sender alone if it has none.
    #[default]
    Rooms,
    /// One of the sender's rooms, by its place among them.
    Room(usize),
    /// A user.
    User(String),
}

impl Destination {
    /// The receiver on a server that knows its users, where rooms are groups.
    pub(super) fn receiver<'a>(&'a self, me: &'a Identity) -> Receiver<'a> {
        match self {
            Self::User(user) => Receiver::User(user),
            Self::Room(at) => Receiver::Group(&me.rooms[*at]),
            Self::Rooms => Receiver::Myself,
        }
    }
}
