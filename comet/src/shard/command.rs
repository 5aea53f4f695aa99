//! Commands for a shard.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::handoff::Handoff;
use crate::SessionId;
use crate::delivery::{Answer, Delivery};
use crate::devices::{Claim, Crowded};
use crate::identity::Identity;

/// One thing for a shard to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Deliver to one session.
    Push { session: SessionId, delivery: Delivery },
    /// Deliver to these sessions, which share the memory for it.
    PushMany { sessions: Box<[SessionId]>, delivery: Delivery },
    /// Deliver to the sessions of a user.
    PushUser { user: UserName, delivery: Delivery },
    /// Deliver to a user's other devices.
    PushOthers(Box<Others>),
    /// Deliver to a room.
    Publish { room: Arc<str>, delivery: Delivery },
    /// Deliver to all sessions.
    Broadcast(Delivery),
    /// Put sessions into a room; [`RoomFilter`](crate::home::RoomFilter) has counted it.
    Join { who: Who, room: Arc<str> },
    /// Take sessions out of a room.
    Leave { who: Who, room: Arc<str> },
    /// Count the members of a room here.
    Count(Box<Census>),
    /// End the sessions.
    Kick { who: Who, reason: Arc<str> },
    /// End a session that the router cannot serve any more.
    #[cfg(feature = "tokio")]
    Fail { session: SessionId, closed: crate::Closed },
    /// Have the sessions expire after this time, or not any more.
    SetExpiry { who: Who, after: Option<Duration> },
    /// Give a device a place, or say that it has none.
    Claim(Box<Question>),
    /// The router settled a message.
    Settled { session: SessionId, number: u32, answer: Answer },
    /// The router decided about a peer on the connection of that serial.
    Decided { session: SessionId, serial: u32, decision: Decision },
    /// Tell whether a peer still waits for a decision on the connection of that serial.
    Await { session: SessionId, serial: u32, then: Told },
    /// A connection comes from another shard, or from outside.
    Handoff(Box<Handoff>),
    /// Memory is short: look whether a session here should give way.
    Relieve,
    /// Take no more connections, end the sessions within the time, then stop.
    Drain(Duration),
    /// Follow other limits from now on.
    Reconfigure { message_rate: u32, handshake_rate: u32 },
}

/// Callback with whether a peer still waits.
pub(crate) struct Told(pub(crate) Box<dyn FnOnce(bool) + Send>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Told").finish_non_exhaustive()
    }
}

/// The sessions of one shard that a command is for.
#[derive(Debug)]
pub(crate) enum Who {
    Session(SessionId),
    Sessions(Box<[SessionId]>),
    User(UserName),
    Room(Arc<str>),
    All,
}

/// A user's sessions on other devices than one.
#[derive(Debug)]
pub(crate) struct Others {
    pub(crate) user: UserName,
    pub(crate) device: Box<str>,
    /// So many of them, the newest.
    pub(crate) most: usize,
    pub(crate) delivery: Delivery,
}

/// A user of an application.
#[derive(Clone, Debug)]
pub(crate) struct UserName {
    pub(crate) app: Box<str>,
    pub(crate) user: Box<str>,
}

/// Decision of the router about a peer that asks for a session.
#[derive(Debug)]
pub(crate) enum Decision {
    Accept(Box<Identity>),
    /// Tell the peer, which may try again.
    Refuse(Bytes),
    /// The same; a raw peer with this HTTP status.
    RefuseHttp {
        status: u16,
        body: Bytes,
    },
    /// Close without a word.
    Close,
    /// Have it come back after that time.
    Later(Duration),
    /// None yet: it takes that much longer.
    Wait(Duration),
}

impl Command {
    /// Length of the body that the command brings.
    pub(crate) fn body_len(&self) -> usize {
        match self {
            Self::Push { delivery, .. }
            | Self::PushMany { delivery, .. }
            | Self::PushUser { delivery, .. }
            | Self::Publish { delivery, .. }
            | Self::Broadcast(delivery) => delivery.body.len(),
            Self::PushOthers(others) => others.delivery.body.len(),
            _ => 0,
        }
    }

    /// Bytes that the command takes while it waits.
    pub(crate) fn len(&self) -> usize {
        let rest = match self {
            Self::PushMany { sessions, .. } => size_of_val(&**sessions),
            Self::Kick { reason, .. } => reason.len(),
            _ => 0,
        };
        size_of::<Self>() + self.body_len() + rest
    }

    /// Whether what was published before must be handed out first: the command may change who is in
    /// a room, or its effect must come after that of the publishes.
    pub(crate) fn ends_batch(&self) -> bool {
        !matches!(
            self,
            Self::Publish { .. }
                | Self::Settled { .. }
                | Self::Count(_)
                | Self::Claim(_)
                | Self::Await { .. }
                | Self::Relieve
                | Self::Reconfigure { .. }
        )
    }

    /// Whether the command counts against the mailbox's capacity. The others answer something that
    /// the shard gave out, or happen once.
    pub(crate) fn is_bounded(&self) -> bool {
        #[cfg(feature = "tokio")]
        if matches!(self, Self::Fail { .. }) {
            return false;
        }
        !matches!(
            self,
            Self::Settled { .. }
                | Self::Decided { .. }
                | Self::Await { .. }
                | Self::Count(_)
                | Self::Handoff(_)
                | Self::Relieve
                | Self::Drain(_)
                | Self::Reconfigure { .. }
        )
    }
}

/// A count under way.
#[derive(Debug)]
pub(crate) struct Census {
    /// The session whose heartbeat is answered in the end, on its shard.
    pub(crate) session: SessionId,
    /// Of the heartbeat.
    pub(crate) seq: u32,
    pub(crate) room: Arc<str>,
    pub(crate) members: u32,
}

/// Callback with the answer to a question for a place.
pub(crate) type Then = Box<dyn FnOnce(Result<Claim, Crowded>) + Send>;

/// A router asks for a place for a device.
pub(crate) struct Question {
    pub(crate) user: UserName,
    pub(crate) class: Box<str>,
    pub(crate) device: Box<str>,
    pub(crate) then: Then,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("user", &self.user)
            .field("class", &self.class)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
