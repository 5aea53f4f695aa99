//! Inputs: frames from peers to the gateway.

use std::fmt;

use bytes::Bytes;

use crate::comet::{Received, Seq};
use crate::ws::MessageKind;

/// A frame of a peer, whatever its dialect.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A request for a session, or to renew the open one.
    Auth(Box<AuthRequest>),
    /// A heartbeat, to be replied to.
    Heartbeat {
        /// Repeated in the reply.
        seq: u32,
    },
    /// A ping.
    Ping {
        /// Repeated in the answer.
        stamp: [u8; 8],
    },
    /// The answer to a ping of the gateway.
    Pong {
        /// Stamp of the ping.
        stamp: [u8; 8],
    },
    /// The end of the session, for good.
    Leave,
    /// A message for the router, to be replied to.
    Send {
        /// Repeated in the reply; the number of the message where peers number them.
        seq: u32,
        /// The wire op, for dialects that have several.
        op: u32,
        /// The kind of WebSocket message that it came in.
        kind: MessageKind,
        /// All answers up to this number have arrived, where peers number their messages.
        answered: Seq,
        /// The message.
        body: &'a [u8],
    },
    /// A question about a room, or any other request with a reply that owns its data.
    Ask(Box<Question>),
    /// The delivery of this number has arrived.
    Ack {
        /// Seq of the delivery.
        seq: u32,
    },
    /// These deliveries have arrived.
    Received(Received<'a>),
    /// A frame that cannot be understood, but does not end the connection.
    Misunderstood {
        /// Its id, if it has one.
        id: Option<u32>,
        /// Description of the problem.
        problem: &'static str,
    },
    /// A frame that peers of this dialect may not send, or of a newer version.
    Unknown {
        /// The wire op.
        op: u32,
    },
}

/// A request with a reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// Repeated in the reply.
    pub seq: u32,
    /// The wire op, for dialects that have several.
    pub op: u32,
    /// The request.
    pub ask: Ask,
}

/// Content of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ask {
    /// Join this room as well.
    Join(String),
    /// Leave this room.
    Leave(String),
    /// Change to this room from the previous one; empty for none.
    Change(String),
    /// Subscribe to pushes of these ops as well: comma-separated numbers, as sent by the peer.
    Watch(String),
    /// Unsubscribe from pushes of these ops.
    Unwatch(String),
    /// Take a message: as [`Input::Send`], in dialects whose bodies have to be decoded.
    Take {
        /// The kind of body.
        kind: MessageKind,
        /// The body.
        body: Bytes,
    },
    /// Deliver to a room.
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
    /// Proof of the user's identity.
    pub token: String,
    /// Application-defined part.
    pub ext: Bytes,
    /// Set for a peer that numbers its messages and may come back with a ticket.
    pub continuity: Option<Continuity>,
}

/// Omits the token.
impl fmt::Debug for AuthRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRequest")
            .field("seq", &self.seq)
            .field("app", &self.app)
            .field("continuity", &self.continuity)
            .finish_non_exhaustive()
    }
}

/// State with which a peer resumes a session.
#[derive(Clone, PartialEq)]
pub struct Continuity {
    /// Proof of the previous session; empty to request a new one.
    pub ticket: Bytes,
    /// All deliveries of that session up to this one have arrived.
    pub up_to: Seq,
    /// Ranges received beyond, in the form of [`Received`].
    pub ranges: Bytes,
    /// First number that it will send, or send again.
    pub first_send: Seq,
    /// Longest body that the peer takes; 0: the gateway's limit applies.
    pub max_body: u32,
    /// Whether it numbers its messages for the session.
    pub numbers_messages: bool,
    /// Whether it supports latest deliveries.
    pub takes_latest: bool,
    /// Whether it keeps tickets.
    pub keeps_tickets: bool,
    /// Where it takes deliveries beside the session's stream.
    pub beside: Beside,
}

/// Ways of deliveries beside the session's stream, on transports that have them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Beside {
    /// Lanes on streams of their own.
    pub lanes: bool,
    /// Datagrams for deliveries without a number.
    pub datagrams: bool,
}

impl Continuity {
    /// For a peer that is told of gaps, but has nothing to resume.
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
            beside: Beside { lanes: false, datagrams: false },
        }
    }

    /// The deliveries that have arrived.
    #[must_use]
    pub fn received(&self) -> Received<'_> {
        // A codec accepts only well-formed ranges.
        Received::parse(self.up_to, &self.ranges).unwrap_or(Received::up_to_only(self.up_to))
    }
}

/// Omits the ticket.
impl fmt::Debug for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuity")
            .field("has_ticket", &!self.ticket.is_empty())
            .field("up_to", &self.up_to)
            .field("first_send", &self.first_send)
            .finish_non_exhaustive()
    }
}

/// Result of decoding the front of a buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    /// A frame of `len` bytes.
    Frame {
        /// Its content.
        input: Input<'a>,
        /// Its length.
        len: usize,
    },
    /// An incomplete frame: at least this many bytes are needed.
    Need(usize),
}
