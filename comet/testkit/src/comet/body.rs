//! Bodies of the comet dialect's control packets. Each is read from a packet that must be of the
//! right op.

use super::op;
use crate::frame::Frame;
use crate::protobuf::{bytes, number, text};

/// Codes of the gateway's own.
#[expect(missing_docs, reason = "they are named as in the table of the description")]
pub mod code {
    pub const PROTOCOL: i32 = 2;
    pub const TOO_LARGE: i32 = 3;
    pub const SEQUENCE: i32 = 4;
    pub const UNAUTHENTICATED: i32 = 5;
    pub const FORBIDDEN: i32 = 6;
    pub const OVERLOADED: i32 = 8;
    pub const SLOW: i32 = 10;
    pub const IDLE: i32 = 11;
    pub const REPLACED: i32 = 12;
    pub const KICKED: i32 = 13;
    pub const UNAVAILABLE: i32 = 15;
    pub const WINDOW: i32 = 16;
}

/// Why a ticket was not honoured.
#[expect(missing_docs, reason = "they are named as in the table of the description")]
pub mod loss {
    pub const NONE: u64 = 0;
    pub const EXPIRED: u64 = 1;
    pub const UNKNOWN: u64 = 2;
    pub const ENDED: u64 = 3;
}

/// Why there is a gap.
#[expect(missing_docs, reason = "they are named as in the table of the description")]
pub mod reason {
    pub const SLOW: u64 = 1;
    pub const MEMORY: u64 = 3;
    pub const TOO_LARGE: u64 = 4;
}

/// What a session may do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "the fields of the description, in their order")]
pub struct Welcome {
    pub session: u64,
    pub epoch: u64,
    pub resumed: bool,
    pub ticket: Vec<u8>,
    pub ticket_ttl_ms: u64,
    pub accepted: u64,
    pub capabilities: u64,
    pub heartbeat_ms: u64,
    pub max_body: u64,
    pub send_window: u64,
    pub deliver_window: u64,
    pub loss: u64,
}

/// A refused session or message, or the error that ends a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the fields of the description, in their order")]
pub struct Failure {
    /// Which of the three.
    pub op: u32,
    /// The message.
    pub ack: u32,
    pub code: i32,
    pub text: String,
    pub retryable: bool,
    pub return_after_ms: u64,
    pub body: Vec<u8>,
}

/// Deliveries that will never arrive.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the fields of the description, in their order")]
pub struct Gap {
    /// Its last number; 0 if what is missing had none.
    pub to: u32,
    pub count: u64,
    pub reason: u64,
    pub room: String,
    pub position: u64,
}

/// Word that the server ends.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the fields of the description, in their order")]
pub struct GoingAway {
    pub reason: u64,
    pub return_after_ms: u64,
    pub may_resume: bool,
    pub ticket: Vec<u8>,
}

impl Welcome {
    /// Reads it.
    pub fn of(packet: &Frame) -> Self {
        assert_eq!((packet.ver, packet.op), (2, op::WELCOME), "a welcome: {packet:?}");
        let number = |tag| number(&packet.body, tag);
        Self {
            session: number(1),
            epoch: number(2),
            resumed: number(3) == 1,
            ticket: bytes(&packet.body, 4),
            ticket_ttl_ms: number(5),
            accepted: number(6),
            capabilities: number(7),
            heartbeat_ms: number(8),
            max_body: number(9),
            send_window: number(10),
            deliver_window: number(11),
            loss: number(12),
        }
    }
}

impl Failure {
    /// Reads any of the three.
    pub fn of(packet: &Frame) -> Self {
        let kinds = [op::REFUSED, op::REFUSAL, op::ERROR];
        assert!(packet.ver == 2 && kinds.contains(&packet.op), "a failure: {packet:?}");
        let zigzag = number(&packet.body, 1);
        Self {
            op: packet.op,
            ack: packet.ack,
            code: (zigzag >> 1) as i32 ^ -((zigzag & 1) as i32),
            text: text(&packet.body, 2),
            retryable: number(&packet.body, 3) == 1,
            return_after_ms: number(&packet.body, 4),
            body: bytes(&packet.body, 5),
        }
    }
}

impl Gap {
    /// Reads it.
    pub fn of(packet: &Frame) -> Self {
        assert_eq!((packet.ver, packet.op), (2, op::GAP), "a gap: {packet:?}");
        Self {
            to: packet.seq,
            count: number(&packet.body, 2),
            reason: number(&packet.body, 3),
            room: text(&packet.body, 4),
            position: number(&packet.body, 5),
        }
    }

    /// Its last number, how many are missing, and from where.
    pub const fn extent(&self) -> (u32, u64, u64) {
        (self.to, self.count, self.position)
    }
}

impl GoingAway {
    /// Reads it.
    pub fn of(packet: &Frame) -> Self {
        assert_eq!((packet.ver, packet.op), (2, op::GOING_AWAY), "going away: {packet:?}");
        Self {
            reason: number(&packet.body, 1),
            return_after_ms: number(&packet.body, 2),
            may_resume: number(&packet.body, 3) == 1,
            ticket: bytes(&packet.body, 4),
        }
    }
}
