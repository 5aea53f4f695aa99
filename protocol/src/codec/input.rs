//! Inputs: what peers ask of the gateway.

use std::fmt;

use bytes::Bytes;

use crate::comet::{Received, Seq};
use crate::ws::MessageKind;

/// A frame of a peer, whatever its dialect.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A request for a session, or to renew the one that is open.
    Auth(Box<AuthRequest>),
    /// A sign of life that wants a reply.
    Heartbeat {
        /// Repeated in the reply.
        seq: u32,
    },
    /// A question whether the gateway is there.
    Ping {
        /// Repeated in the answer.
        stamp: [u8; 8],
    },
    /// The answer to a ping of the gateway.
    Pong {
        /// Of the ping.
        stamp: [u8; 8],
    },
    /// The end of the session, for good.
    Leave,
    /// A message for the router, which wants a reply.
    Send {
        /// Repeated in the reply; the number of the message where peers number them.
        seq: u32,
        /// The wire op, for dialects that have several.
        op: u32,
        /// The kind of WebSocket message that it came in.
        kind: MessageKind,
        /// Every answer up to this number has arrived, where peers number their messages.
        answered: Seq,
        /// The message.
        body: &'a [u8],
    },
    /// A question about a room, or anything else that wants a reply and is its own bytes.
    Ask(Box<Question>),
    /// The delivery of this number has arrived.
    Ack {
        /// Of the delivery.
        seq: u32,
    },
    /// These deliveries have arrived.
    Received(Received<'a>),
    /// A frame that cannot be understood, which is no reason to end the connection.
    Misunderstood {
        /// Its id, if it has one.
        id: Option<u32>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing that a peer of this dialect may say, or something newer than this code.
    Unknown {
        /// The wire op.
        op: u32,
    },
}

/// A question that wants a reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// Repeated in the reply.
    pub seq: u32,
    /// The wire op, for dialects that have several.
    pub op: u32,
    /// The question.
    pub ask: Ask,
}

/// What a peer asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ask {
    /// To be in this room, too.
    Join(String),
    /// To be in this room no longer.
    Leave(String),
    /// To be in this room instead of the one before; empty for none.
    Change(String),
    /// To get pushes of these ops, too: numbers separated by commas, as the peer wrote them.
    Watch(String),
    /// To get pushes of these ops no longer.
    Unwatch(String),
    /// To take a message: as [`Input::Send`], in dialects whose bodies have to be decoded.
    Take {
        /// The kind of body.
        kind: MessageKind,
        /// The body.
        body: Bytes,
    },
    /// To deliver to a room.
    Publish {
        /// The room.
        room: String,
        /// The kind of body.
        kind: MessageKind,
        /// The body.
        body: Bytes,
    },
}

/// A request for a session.
#[derive(Clone, PartialEq)]
pub struct AuthRequest {
    /// Repeated in the answer.
    pub seq: u32,
    /// The application.
    pub app: String,
    /// What proves the user's identity.
    pub token: String,
    /// The application's own part.
    pub ext: Bytes,
    /// Of a peer that numbers its messages and may come back with a ticket.
    pub continuity: Option<Continuity>,
}

/// Leaves out the token.
impl fmt::Debug for AuthRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRequest")
            .field("seq", &self.seq)
            .field("app", &self.app)
            .field("continuity", &self.continuity)
            .finish_non_exhaustive()
    }
}

/// What a peer brings along to go on with a session.
#[derive(Clone, PartialEq)]
pub struct Continuity {
    /// Proof of the session that it had; empty asks for a new one.
    pub ticket: Bytes,
    /// Every delivery of that session up to this one has arrived.
    pub up_to: Seq,
    /// Ranges beyond, in the form of [`Received`].
    pub ranges: Bytes,
    /// The first number that it will send, or send again.
    pub first_send: Seq,
    /// The longest body that it takes; 0 leaves that to the gateway.
    pub max_body: u32,
    /// It numbers its messages for the session.
    pub numbers_messages: bool,
    /// It understands latest deliveries.
    pub takes_latest: bool,
    /// It keeps tickets.
    pub keeps_tickets: bool,
}

impl Continuity {
    /// Of a peer that is told what it misses, and has nothing to go on with.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            ticket: Bytes::new(),
            up_to: Seq::NONE,
            ranges: Bytes::new(),
            first_send: Seq::FIRST,
            max_body: 0,
            numbers_messages: false,
            takes_latest: false,
            keeps_tickets: false,
        }
    }

    /// The deliveries that have arrived.
    #[must_use]
    pub fn received(&self) -> Received<'_> {
        // A codec lets no ranges through that break their form.
        Received::parse(self.up_to, &self.ranges).unwrap_or(Received::up_to_only(self.up_to))
    }
}

/// Leaves out the ticket.
impl fmt::Debug for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuity")
            .field("has_ticket", &!self.ticket.is_empty())
            .field("up_to", &self.up_to)
            .field("first_send", &self.first_send)
            .finish_non_exhaustive()
    }
}

/// What stands at the front of some bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    /// A frame of so many bytes.
    Frame {
        /// What it asks for.
        input: Input<'a>,
        /// Its length.
        len: usize,
    },
    /// Not all of a frame: at least so many bytes are needed.
    Need(usize),
}
