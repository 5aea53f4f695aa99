//! Bodies of control frames: prost messages with additional bounds.
//!
//! Unknown fields are skipped, so that either side may be the older one. Field numbers are never
//! reused.

use std::fmt;

use bytes::Bytes;

use super::received::{BadRanges, Received};
use super::{AwayReason, Code, FrameError, GapReason, Loss, Seq, limits, op};

/// Bits of [`Auth::capabilities`] and [`Welcome::capabilities`].
pub mod capability {
    /// The client keeps tickets and may come back with them.
    pub const RESUME: u64 = 1;
    /// The client supports latest deliveries; without it they come as best effort.
    pub const LATEST: u64 = 2;
    /// The client reads lanes on streams of their own, where its transport has streams.
    pub const LANES: u64 = 4;
    /// The client takes deliveries without a number as datagrams, where its transport has them.
    pub const DATAGRAMS: u64 = 8;
}

/// Request for a session, or to resume a parked one. Fields 1 to 3 are those of dtalk's `AuthMsg`.
#[derive(Clone, Eq, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Auth {
    /// The application.
    #[prost(string, tag = "1")]
    pub app_id: String,
    /// Proof of the user's identity.
    #[prost(string, tag = "2")]
    pub token: String,
    /// Application-defined part.
    #[prost(bytes = "bytes", tag = "3")]
    pub ext: Bytes,
    /// Capabilities of the client, see [`capability`].
    #[prost(uint64, tag = "16")]
    pub capabilities: u64,
    /// For logs and statistics.
    #[prost(string, tag = "17")]
    pub client_name: String,
    /// For logs and statistics.
    #[prost(string, tag = "18")]
    pub client_version: String,
    /// Ticket from the last welcome; empty to request a new session.
    #[prost(bytes = "bytes", tag = "19")]
    pub ticket: Bytes,
    /// With a ticket: all deliveries up to this one have arrived.
    #[prost(uint32, tag = "20")]
    pub last_seq: u32,
    /// With a ticket: the ranges received beyond, as in an ack.
    #[prost(bytes = "bytes", tag = "21")]
    pub ranges: Bytes,
    /// First number that the client will send or send again; 0 stands for 1.
    #[prost(uint32, tag = "22")]
    pub first_send: u32,
    /// Longest frame body that the client takes; 0: the server's limit applies.
    #[prost(uint32, tag = "23")]
    pub max_body: u32,
}

impl Auth {
    /// Deliveries of the ticket's session that have arrived.
    ///
    /// # Errors
    ///
    /// [`BadRanges`], never for an auth returned by
    /// [`ClientFrame::decode`](super::ClientFrame::decode).
    pub fn received(&self) -> Result<Received<'_>, BadRanges> {
        Received::parse(Seq::new(self.last_seq), &self.ranges)
    }

    /// First number that the client will send.
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

/// Omits the credentials: the token and the ticket.
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

/// A session is granted.
#[derive(Clone, Eq, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Welcome {
    /// The session, for logs; below 2^53.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// Number of the session's connection, from 1.
    #[prost(uint32, tag = "2")]
    pub epoch: u32,
    /// Whether the ticket's session was resumed.
    #[prost(bool, tag = "3")]
    pub resumed: bool,
    /// Ticket for resumption; empty if that is not possible.
    #[prost(bytes = "bytes", tag = "4")]
    pub ticket: Bytes,
    /// Time for which the session waits after the loss of its connection, in milliseconds.
    #[prost(uint32, tag = "5")]
    pub ticket_ttl_ms: u32,
    /// All messages up to this number have been taken.
    #[prost(uint32, tag = "6")]
    pub accepted: u32,
    /// Capabilities of both sides, see [`capability`].
    #[prost(uint64, tag = "7")]
    pub capabilities: u64,
    /// Heartbeat interval for the client, in milliseconds; 0 leaves it to the client.
    #[prost(uint32, tag = "8")]
    pub heartbeat_ms: u32,
    /// Longest frame body that the server takes.
    #[prost(uint32, tag = "9")]
    pub max_body: u32,
    /// Unanswered messages that the client may have; at least 1.
    #[prost(uint32, tag = "10")]
    pub send_window: u32,
    /// Unacknowledged deliveries that the server may have; at least 1.
    #[prost(uint32, tag = "11")]
    pub deliver_window: u32,
    /// Reason for which a ticket was not honoured.
    #[prost(enumeration = "Loss", tag = "12")]
    pub loss: i32,
    /// Application-defined body.
    #[prost(bytes = "bytes", tag = "13")]
    pub body: Bytes,
}

impl Welcome {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::WELCOME, "ticket", self.ticket.len(), limits::TICKET)?;
        field(op::WELCOME, "body", self.body.len(), limits::OPAQUE_BODY)
    }
}

/// Omits the ticket.
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

/// A session is refused, and the connection ends.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Refused {
    /// Reason code.
    #[prost(sint32, tag = "1")]
    pub code: i32,
    /// Human-readable reason.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Whether the same auth may be accepted later.
    #[prost(bool, tag = "3")]
    pub retryable: bool,
    /// Minimum time before coming back, in milliseconds.
    #[prost(uint32, tag = "4")]
    pub return_after_ms: u32,
    /// Application-defined body.
    #[prost(bytes = "bytes", tag = "5")]
    pub body: Bytes,
}

impl Refused {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::REFUSED, "text", self.text.len(), limits::TEXT)?;
        field(op::REFUSED, "body", self.body.len(), limits::OPAQUE_BODY)
    }
}

/// Deliveries that will never arrive. The last of their numbers is the head's seq.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Gap {
    /// First number of the gap; 0 stands for the head's seq.
    #[prost(uint32, tag = "1")]
    pub from: u32,
    /// Number of deliveries missing; 0 if unknown.
    #[prost(uint64, tag = "2")]
    pub count: u64,
    /// Reason code.
    #[prost(enumeration = "GapReason", tag = "3")]
    pub reason: i32,
    /// Room of the deliveries; empty if several or none.
    #[prost(string, tag = "4")]
    pub room: String,
    /// Position in the room's record from which to pull; 0 if unknown.
    #[prost(uint64, tag = "5")]
    pub position: u64,
}

impl Gap {
    /// First number of a gap that ends with `to`.
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
    /// Reason code.
    #[prost(sint32, tag = "1")]
    pub code: i32,
    /// Human-readable reason.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Whether the same body may be accepted later, under a new number.
    #[prost(bool, tag = "3")]
    pub retryable: bool,
}

impl Refusal {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::REFUSAL, "text", self.text.len(), limits::TEXT)
    }
}

/// Reason for the end of the connection.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct Failure {
    /// Reason code.
    #[prost(sint32, tag = "1")]
    pub code: i32,
    /// Human-readable reason.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Whether to connect again.
    #[prost(bool, tag = "3")]
    pub retryable: bool,
    /// Minimum time before coming back, in milliseconds.
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
    /// Reason code.
    #[prost(enumeration = "AwayReason", tag = "1")]
    pub reason: i32,
    /// Minimum time before coming back, in milliseconds.
    #[prost(uint32, tag = "2")]
    pub return_after_ms: u32,
    /// Whether the session may be resumed.
    #[prost(bool, tag = "3")]
    pub may_resume: bool,
    /// Ticket that replaces the last one, whether or not it will be honoured: it encodes when the
    /// client was asked to return. Empty: the last one stays.
    #[prost(bytes = "bytes", tag = "4")]
    pub ticket: Bytes,
}

impl GoingAway {
    pub(super) fn check(&self) -> Result<(), FrameError> {
        field(op::GOING_AWAY, "ticket", self.ticket.len(), limits::TICKET)
    }
}

/// Omits the ticket.
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
            /// Reason as a code.
            #[must_use]
            pub const fn why(&self) -> Code {
                Code::new(self.code)
            }
        }
    )*};
}
has_code!(Refused, Refusal, Failure);

/// Truncates human-readable text to the limit of a frame.
#[must_use]
pub fn fitting(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::TEXT)]
}

fn field(op: u32, field: &'static str, len: usize, limit: usize) -> Result<(), FrameError> {
    if len > limit { Err(FrameError::FieldTooLong { op, field, len, limit }) } else { Ok(()) }
}

/// Decodes the body of a control frame; its length has been checked.
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
