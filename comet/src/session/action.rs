//! Consequences of a peer's input.

use comet_protocol::codec::{AuthRequest, Question};
use comet_protocol::comet::{Received, Seq};
use comet_protocol::ws::MessageKind;

use crate::Closed;
use crate::delivery::Answer;

/// Action required of the shard for an input.
#[derive(Debug, PartialEq)]
pub(crate) enum Action<'a> {
    /// Nothing: counted, not answered.
    Ignore,
    /// Ask the router; hand in no frame until it has answered.
    Authenticate {
        request: Box<AuthRequest>,
        /// Attempt number, from 1.
        attempt: u8,
    },
    /// Ask the router again about the peer of an open session.
    Renew { request: Box<AuthRequest> },
    /// Answer a heartbeat.
    HeartbeatReply {
        /// Seq of the request.
        seq: u32,
    },
    /// Give the router a message.
    Receive {
        /// Number under which it is to be settled.
        number: u32,
        /// Seq that the peer gave it.
        seq: u32,
        /// The wire op.
        op: u32,
        kind: MessageKind,
        /// The message.
        body: &'a [u8],
    },
    /// Ask the router.
    Ask {
        /// Number under which it is to be settled.
        number: u32,
        question: Box<Question>,
    },
    /// Report a frame that cannot be understood.
    Misunderstood { id: Option<u32>, problem: &'static str },
    /// A delivery is done. Deliveries that waited may have room now.
    Acked {
        /// The delivery's tag; 0 for no report.
        tag: u64,
    },
    /// Pass this to [`Session::receive`](super::Session::receive).
    Received(Received<'a>),
    /// Repeat the recorded answer of a message.
    Answer {
        /// The message's number.
        seq: Seq,
        /// The same as before.
        answer: Answer,
    },
    /// Answer a ping.
    Pong {
        /// Stamp of the ping.
        stamp: [u8; 8],
    },
    /// An ack of nothing in flight: counted.
    StrayAck,
    /// End the session.
    Close(Closed),
}
