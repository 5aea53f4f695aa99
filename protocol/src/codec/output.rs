//! Outputs: what the gateway says to peers.

use std::time::Duration;

use crate::comet::{Class, Code, Failure, Gap, GoingAway, Seq, Welcome};

/// A frame for a peer, whatever its dialect; deliveries are apart.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output<'a> {
    /// There is a session.
    Accepted {
        /// Of the request.
        seq: u32,
        /// The user that the peer is.
        user: &'a str,
        /// What is to be known of it.
        welcome: &'a Welcome,
    },
    /// There is none.
    Refused {
        /// Of the request.
        seq: u32,
        /// Why.
        code: Code,
        /// The time after which coming back may help.
        return_after: Option<Duration>,
        /// What else is said about it.
        refusal: Refusal<'a>,
    },
    /// The reply to a heartbeat.
    HeartbeatReply {
        /// Of the heartbeat.
        seq: u32,
        /// Members of the peer's room, where that is counted.
        members: u32,
    },
    /// The reply to a message.
    Reply {
        /// Of the message.
        seq: u32,
        /// Of the message.
        op: u32,
        /// What the router says.
        answer: Answer<'a>,
    },
    /// Deliveries that will never arrive.
    Gap {
        /// The last of their numbers; [`Seq::NONE`] if they would not have been numbered.
        to: Seq,
        /// Everything else about them.
        gap: &'a Gap,
    },
    /// A question whether the peer is there.
    Ping {
        /// Repeated in the answer.
        stamp: [u8; 8],
    },
    /// The answer to a ping.
    Pong {
        /// Of the ping.
        stamp: [u8; 8],
    },
    /// A frame could not be understood.
    Misunderstood {
        /// Its id, if it has one.
        id: Option<u32>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The gateway goes away.
    GoingAway(&'a GoingAway),
    /// Why the connection ends.
    Failure(&'a Failure),
}

/// What is said of a refusal beside its code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal<'a> {
    /// Nothing: peers that can be told no code hear nothing.
    Silent,
    /// What the router says.
    Said(&'a [u8]),
    /// This other device of the user stays, if it has a name.
    Crowded(Option<&'a str>),
}

/// What the router says about a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer<'a> {
    /// It takes it.
    Taken(&'a [u8]),
    /// It does not.
    Refused {
        /// Why.
        code: i32,
        /// Whether it may help to send it again.
        retryable: bool,
    },
}

/// A delivery to a peer.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// What is promised about it, as the peer is told.
    pub class: Class,
    /// Its number; [`Seq::NONE`] for none.
    pub seq: Seq,
    /// Of a latest delivery.
    pub key: Option<&'a [u8]>,
    /// The room that it was published to.
    pub room: Option<&'a str>,
    /// The body is text.
    pub is_text: bool,
    /// The body.
    pub body: &'a [u8],
}

/// What was written of a delivery.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Written {
    /// The place of the number among the bytes written, if there is one: the only bytes in which
    /// deliveries of one body to several peers differ.
    pub seq_at: Option<usize>,
    /// The body is written too, in a form of the dialect's own.
    pub has_body: bool,
}
