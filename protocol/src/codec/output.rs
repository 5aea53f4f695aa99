//! Outputs: frames from the gateway to peers.

use std::time::Duration;

use crate::comet::{Class, Code, Failure, Gap, GoingAway, Seq, Welcome};

/// A frame for a peer, whatever its dialect, except deliveries.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output<'a> {
    /// A session is granted.
    Accepted {
        /// Seq of the request.
        seq: u32,
        /// The user of the session.
        user: &'a str,
        /// Parameters of the session.
        welcome: &'a Welcome,
    },
    /// A session is refused.
    Refused {
        /// Seq of the request.
        seq: u32,
        /// Reason.
        code: Code,
        /// Time after which the peer may come back.
        return_after: Option<Duration>,
        /// Details beside the code.
        refusal: Refusal<'a>,
    },
    /// The reply to a heartbeat.
    HeartbeatReply {
        /// Seq of the heartbeat.
        seq: u32,
        /// Members of the peer's room, where that is counted.
        members: u32,
    },
    /// The reply to a message.
    Reply {
        /// Seq of the message.
        seq: u32,
        /// Op of the message.
        op: u32,
        /// Answer of the router.
        answer: Answer<'a>,
    },
    /// Deliveries that will never arrive.
    Gap {
        /// Last number of the gap; [`Seq::NONE`] if the deliveries would not have been numbered.
        to: Seq,
        /// The other fields of the gap.
        gap: &'a Gap,
    },
    /// A ping.
    Ping {
        /// Repeated in the answer.
        stamp: [u8; 8],
    },
    /// The answer to a ping.
    Pong {
        /// Stamp of the ping.
        stamp: [u8; 8],
    },
    /// A frame could not be understood.
    Misunderstood {
        /// Its id, if it has one.
        id: Option<u32>,
        /// Description of the problem.
        problem: &'static str,
    },
    /// The gateway is going away.
    GoingAway(&'a GoingAway),
    /// Reason for the end of the connection.
    Failure(&'a Failure),
}

/// Details of a refusal beside its code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal<'a> {
    /// None: peers of a dialect without codes get no answer.
    Silent,
    /// Body from the router.
    Said(&'a [u8]),
    /// Another device of the user stays; its name, if it has one.
    Crowded(Option<&'a str>),
}

/// Answer of the router to a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer<'a> {
    /// Accepted, with this body.
    Taken(&'a [u8]),
    /// Refused.
    Refused {
        /// Code.
        code: i32,
        /// Whether the message may be sent again.
        retryable: bool,
    },
}

/// A delivery to a peer.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Class of the delivery.
    pub class: Class,
    /// Its number; [`Seq::NONE`] for an unnumbered one.
    pub seq: Seq,
    /// Key of a latest delivery.
    pub key: Option<&'a [u8]>,
    /// The room that it was published to.
    pub room: Option<&'a str>,
    /// Whether the body is text.
    pub is_text: bool,
    /// The body.
    pub body: &'a [u8],
}

/// Result of writing a delivery.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Written {
    /// Offset of the number in the written bytes, if any: the only bytes in which deliveries of one
    /// body to several peers differ.
    pub seq_at: Option<usize>,
    /// Whether the body was written too, in an encoding of the dialect.
    pub has_body: bool,
}
