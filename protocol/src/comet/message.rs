//! Bodies of control frames: prost messages with bounds of their own.
//!
//! Unknown fields are skipped, so that either side may be the older one. Field numbers are never
//! used again for something else.

use std::fmt;

use bytes::Bytes;

use super::received::{BadRanges, Received};
use super::{AwayReason, Code, FrameError, GapReason, Loss, Seq, limits, op};

/// Bits of [`Auth::capabilities`] and [`Welcome::capabilities`].
pub mod capability {
    /// The client keeps tickets and may come back with them.
    pub const RESUME: u64 = 1;
    /// The client understands latest deliveries; without it they come as best effort.
    pub const LATEST: u64 = 2;
}

/// Asks for a session, or for one that is parked. Fields 1 to 3 are those of dtalk's `AuthMsg`.
#[derive(Clone, Eq, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Auth {
    /// The application.
    #[prost(string, tag = "1")]
    pub app_id: String,
    /// What proves the user's identity.
    #[prost(string, tag = "2")]
    pub token: String,
    /// The application's own part.
    #[prost(bytes = "bytes", tag = "3")]
    pub ext: Bytes,
    /// What the client can do, see [`capability`].
    #[prost(uint64, tag = "16")]
    pub capabilities: u64,
    /// For logs and statistics.
    #[prost(string, tag = "17")]
    pub client_name: String,
    /// For logs and statistics.
    #[prost(string, tag = "18")]
    pub client_version: String,
    /// From the last welcome; empty asks for a new session.
    #[prost(bytes = "bytes", tag = "19")]
    pub ticket: Bytes,
    /// With a ticket: every delivery up to this one has arrived.
    #[prost(uint32, tag = "20")]
    pub last_seq: u32,
    /// With a ticket: the ranges beyond, as in an ack.
    #[prost(bytes = "bytes", tag = "21")]
    pub ranges: Bytes,
    /// The first number that the client will send or send again; 0 stands for 1.
    #[prost(uint32, tag = "22")]
    pub first_send: u32,
    /// The longest frame body that the client takes; 0 leaves it to the server.
    #[prost(uint32, tag = "23")]
    pub max_body: u32,
}

impl Auth {
    /// What has arrived in the session that the ticket is of.
    ///
    /// # Errors
    ///
    /// [`BadRanges`], never for an auth that came out of
    /// [`ClientFrame::decode`](super::ClientFrame::decode).
    pub fn received(&self) -> Result<Received<'_>, BadRanges> {
        Received::parse(Seq::new(self.last_seq), &self.ranges)
    }

    /// The first number that the client will send.
    #[must_use]
    pub const fn first_send(&self) -> Seq {
        if self.first_send == 0 { Seq::FIRST } else { Seq::new(self.first_send) }
    }

    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::AUTH, "client_name", self.client_name.len(), limits::CLIENT_NAME)?;
        field(op::AUTH, "client_version", self.client_version.len(), limits::CLIENT_NAME)?;
        field(op::AUTH, "ticket", self.ticket.len(), limits::TICKET)?;
        self.received()?;
        Ok(())
    }
}

/// Leaves out what would let a reader of the log in: the token and the ticket.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("app_id", &self.app_id)
            .field("client", &(&self.client_name, &self.client_version))
            .field("capabilities", &self.capabilities)
            .field("has_ticket", &!self.ticket.is_empty())
            .field("last_seq", &self.last_seq)
            .field("first_send", &self.first_send)
            .finish_non_exhaustive()
    }
}

/// There is a session.
#[derive(Clone, Eq, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Welcome {
    /// The session, for logs; below 2^53.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// Which connection of the session this is, from 1.
    #[prost(uint32, tag = "2")]
    pub epoch: u32,
    /// Whether the session of the ticket goes on.
    #[prost(bool, tag = "3")]
    pub resumed: bool,
    /// With which to come back; empty if that is not possible.
    #[prost(bytes = "bytes", tag = "4")]
    pub ticket: Bytes,
    /// How long after the loss of its connection the session waits, in milliseconds.
    #[prost(uint32, tag = "5")]
    pub ticket_ttl_ms: u32,
    /// Every message up to this number has been taken.
    #[prost(uint32, tag = "6")]
    pub accepted: u32,
    /// What both sides can do, see [`capability`].
    #[prost(uint64, tag = "7")]
    pub capabilities: u64,
    /// How often the client should let itself be heard, in milliseconds; 0 leaves it to the client.
    #[prost(uint32, tag = "8")]
    pub heartbeat_ms: u32,
    /// The longest frame body that the server takes.
    #[prost(uint32, tag = "9")]
    pub max_body: u32,
    /// How many messages of the client may be without an answer; at least 1.
    #[prost(uint32, tag = "10")]
    pub send_window: u32,
    /// How many deliveries may be without an ack; at least 1.
    #[prost(uint32, tag = "11")]
    pub deliver_window: u32,
    /// Why a ticket was not honoured.
    #[prost(enumeration = "Loss", tag = "12")]
    pub loss: i32,
    /// The application's.
    #[prost(bytes = "bytes", tag = "13")]
    pub body: Bytes,
}

impl Welcome {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::WELCOME, "ticket", self.ticket.len(), limits::TICKET)?;
        field(op::WELCOME, "body", self.body.len(), limits::OPAQUE_BODY)
    }
}

/// Leaves out the ticket.
impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("session", &self.session)
            .field("epoch", &self.epoch)
            .field("resumed", &self.resumed)
            .field("accepted", &self.accepted)
            .field("loss", &self.loss())
            .finish_non_exhaustive()
    }
}

/// There is no session, and the connection ends.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Refused {
    /// Why.
    #[prost(sint32, tag = "1")]
    pub code: i32,
    /// The same for people.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Whether the same auth may be taken later.
    #[prost(bool, tag = "3")]
    pub retryable: bool,
    /// Not to come back earlier than this, in milliseconds.
    #[prost(uint32, tag = "4")]
    pub return_after_ms: u32,
    /// The application's.
    #[prost(bytes = "bytes", tag = "5")]
    pub body: Bytes,
}

impl Refused {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::REFUSED, "text", self.text.len(), limits::TEXT)?;
        field(op::REFUSED, "body", self.body.len(), limits::OPAQUE_BODY)
    }
}

/// Deliveries that will never arrive. Which numbers they would have had, ends in the head's seq.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Gap {
    /// The first number of the gap; 0 stands for the head's seq.
    #[prost(uint32, tag = "1")]
    pub from: u32,
    /// How many deliveries are missing; 0 if nobody counted.
    #[prost(uint64, tag = "2")]
    pub count: u64,
    /// Why.
    #[prost(enumeration = "GapReason", tag = "3")]
    pub reason: i32,
    /// Of which room they were; empty if of several or none.
    #[prost(string, tag = "4")]
    pub room: String,
    /// Where in the room's record to begin to pull; 0 if that is not known.
    #[prost(uint64, tag = "5")]
    pub position: u64,
}

impl Gap {
    /// The first number of a gap that ends with `to`.
    #[must_use]
    pub const fn first(&self, to: Seq) -> Seq {
        if self.from == 0 { to } else { Seq::new(self.from) }
    }

    pub(super) fn check(&self, to: Seq) -> Result<(), FrameError> {
        let first = self.first(to);
        let unnumbered_from = to.is_none() && self.from != 0;
        if unnumbered_from || first.is_after(to) || to.since(first) > limits::SPAN {
            return Err(FrameError::GapBackwards);
        }
        field(op::GAP, "room", self.room.len(), limits::ROOM)
    }
}

/// A message was not taken.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Refusal {
    /// Why.
    #[prost(sint32, tag = "1")]
    pub code: i32,
    /// The same for people.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Whether the same body may be taken later, under a new number.
    #[prost(bool, tag = "3")]
    pub retryable: bool,
}

impl Refusal {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::REFUSAL, "text", self.text.len(), limits::TEXT)
    }
}

/// The connection ends, and why.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Failure {
    /// Why.
    #[prost(sint32, tag = "1")]
    pub code: i32,
    /// The same for people.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Whether to connect again.
    #[prost(bool, tag = "3")]
    pub retryable: bool,
    /// Not to come back earlier than this, in milliseconds.
    #[prost(uint32, tag = "4")]
    pub return_after_ms: u32,
}

impl Failure {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::ERROR, "text", self.text.len(), limits::TEXT)
    }
}

/// The server will close the connection soon.
#[derive(Clone, Eq, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct GoingAway {
    /// Why.
    #[prost(enumeration = "AwayReason", tag = "1")]
    pub reason: i32,
    /// Not to come back earlier than this, in milliseconds.
    #[prost(uint32, tag = "2")]
    pub return_after_ms: u32,
    /// Whether the session may be resumed.
    #[prost(bool, tag = "3")]
    pub may_resume: bool,
    /// To be shown instead of the last ticket, whether or not it will be honoured: it says when its
    /// holder was asked to return. Empty: the last one stays.
    #[prost(bytes = "bytes", tag = "4")]
    pub ticket: Bytes,
}

impl GoingAway {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::GOING_AWAY, "ticket", self.ticket.len(), limits::TICKET)
    }
}

/// Leaves out the ticket.
impl fmt::Debug for GoingAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoingAway")
            .field("reason", &self.reason())
            .field("return_after_ms", &self.return_after_ms)
            .field("may_resume", &self.may_resume)
            .finish_non_exhaustive()
    }
}

macro_rules! has_code {
    ($($message:ident),*) => {$(
        impl $message {
            /// Why, as a code.
            #[must_use]
            pub const fn why(&self) -> Code {
                Code::new(self.code)
            }
        }
    )*};
}
has_code!(Refused, Refusal, Failure);

/// Cuts text for people to the length that a frame takes.
#[must_use]
pub fn fitting(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::TEXT)]
}

fn field(op: u32, field: &'static str, len: usize, limit: usize) -> Result<(), FrameError> {
    if len > limit { Err(FrameError::FieldTooLong { op, field, len, limit }) } else { Ok(()) }
}

/// Reads the body of a control frame, once it is known to be short enough.
pub(super) fn decode<M: prost::Message + Default>(
    op: u32,
    body: &[u8],
    limit: usize,
) -> Result<M, FrameError> {
    if body.len() > limit {
        return Err(FrameError::BodyTooLong { op, len: body.len(), limit });
    }
    M::decode(body).map_err(|_| FrameError::Malformed(op))
}
