//! Consequences of a peer's input.

use comet_protocol::codec::{AuthRequest, Question};
use comet_protocol::comet::{Received, Seq};
use comet_protocol::ws::MessageKind;

use crate::Closed;
use crate::delivery::Answer;

/// What the shard is to do about an input.
#[derive(Debug, PartialEq)]
pub(crate) enum Action<'a> {
    /// Nothing: counted, never answered.
    Ignore,
    /// Ask the router; hand no frame in until it has answered.
    Authenticate {
        request: Box<AuthRequest>,
        /// From 1.
        attempt: u8,
    },
    /// Ask the router again about the peer of an open session.
    Renew { request: Box<AuthRequest> },
    /// Answer a heartbeat.
    HeartbeatReply {
        /// Of the request.
        seq: u32,
    },
    /// Give the router a message.
    Receive {
        /// Under which it is settled.
        number: u32,
        /// The peer's number of it.
        seq: u32,
        /// The wire op.
        op: u32,
        kind: MessageKind,
        /// The message.
        body: &'a [u8],
    },
    /// Ask the router.
    Ask {
        /// Under which it is settled.
        number: u32,
        question: Box<Question>,
    },
    /// Say that a frame cannot be understood.
    Misunderstood { id: Option<u32>, problem: &'static str },
    /// A delivery is done. Deliveries that waited may have room now.
    Acked {
        /// The delivery's tag; 0 asks for nothing.
        tag: u64,
    },
    /// Have [`Session::receive`](super::Session::receive) take this.
    Received(Received<'a>),
    /// Tell the recorded answer of a message again.
    Answer {
        /// The message's number.
        seq: Seq,
        /// The same as before.
        answer: Answer,
    },
    /// Answer a ping.
    Pong {
        /// Of the ping.
        stamp: [u8; 8],
    },
    /// An ack of nothing that is in flight: counted.
    StrayAck,
    /// End the session.
    Close(Closed),
}
