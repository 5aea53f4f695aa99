//! Frames from a server.

use bytes::Bytes;

use super::client_frame::{counted, stamp};
use super::limits::CONTROL_BODY;
use super::message::decode;
use super::{
    Class, Failure, FrameError, Gap, GoingAway, Key, Ping, Refusal, Refused, Seq, Welcome,
};
use super::{deliver_head, op, write, write_message};
use crate::head::Head;

/// A frame from a server; bodies share the buffer they arrived in.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerFrame {
    /// A session is granted.
    Welcome {
        /// Seq of the auth.
        ack: u32,
        /// Parameters of the session.
        welcome: Box<Welcome>,
    },
    /// A session is refused.
    Refused {
        /// Seq of the auth.
        ack: u32,
        /// Reason.
        refused: Refused,
    },
    /// A delivery to be acknowledged.
    Deliver {
        /// Its number in the session.
        seq: Seq,
        /// Application-defined body.
        body: Bytes,
    },
    /// An at-most-once delivery.
    BestEffort {
        /// Its count on a connection with datagrams; [`Seq::NONE`] elsewhere.
        seq: Seq,
        /// Application-defined body.
        body: Bytes,
    },
    /// The newest delivery of its key.
    Latest {
        /// Its count on a connection with datagrams; [`Seq::NONE`] elsewhere.
        seq: Seq,
        /// Key by which it replaces others.
        key: Key,
        /// Application-defined body.
        body: Bytes,
    },
    /// Deliveries that will never arrive.
    Gap {
        /// Last number of the gap, to be acknowledged; [`Seq::NONE`] if the missing deliveries
        /// would not have been numbered.
        to: Seq,
        /// The other fields of the gap.
        gap: Gap,
    },
    /// Answer to a message.
    SendReply {
        /// Number of the message.
        ack: Seq,
        /// Application-defined body.
        body: Bytes,
    },
    /// Refusal of a message.
    Refusal {
        /// Number of the message.
        ack: Seq,
        /// Reason.
        refusal: Refusal,
    },
    /// Reason for the end of the connection.
    Error(Failure),
    /// Notice that the connection will end.
    GoingAway(GoingAway),
    /// Ping, to be answered by a pong.
    Ping(Ping),
    /// Answer to a ping.
    Pong {
        /// Stamp of the ping.
        stamp: [u8; 8],
    },
    /// A frame of a newer version; to be ignored.
    Unknown {
        /// The op.
        op: u32,
    },
}

impl ServerFrame {
    /// Decodes a frame from a server.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when the content violates the dialect.
    pub fn decode(head: Head, body: Bytes) -> Result<Self, FrameError> {
        let Head { op, seq, ack, .. } = head;
        Ok(match op {
            op::DELIVER => Self::Deliver { seq: counted(op, seq)?, body },
            op::DELIVER_BEST_EFFORT => Self::BestEffort { seq: Seq::new(seq), body },
            op::DELIVER_LATEST => {
                let len = body.len();
                let (key, body) = Key::split(body).ok_or(FrameError::BodyTooShort { op, len })?;
                Self::Latest { seq: Seq::new(seq), key, body }
            }
            op::SEND_REPLY => Self::SendReply { ack: counted(op, ack)?, body },
            op::PING => Self::Ping(Ping::decode(&body)?),
            op::PONG => Self::Pong { stamp: stamp(op, &body)? },
            op::AUTH | op::ACK | op::SEND | op::LEAVE => return Err(FrameError::WrongSide(op)),
            op if op < op::FIRST => return Err(FrameError::ForeignOp(op)),
            _ => Self::decode_message(head, &body)?,
        })
    }

    fn decode_message(head: Head, body: &[u8]) -> Result<Self, FrameError> {
        let Head { op, seq, ack, .. } = head;
        Ok(match op {
            op::WELCOME => {
                let welcome: Box<Welcome> = Box::new(decode(op, body, CONTROL_BODY)?);
                welcome.check()?;
                Self::Welcome { ack, welcome }
            }
            op::REFUSED => {
                let refused: Refused = decode(op, body, CONTROL_BODY)?;
                refused.check()?;
                Self::Refused { ack, refused }
            }
            op::GAP => {
                let (to, gap): (_, Gap) = (Seq::new(seq), decode(op, body, CONTROL_BODY)?);
                gap.check(to)?;
                Self::Gap { to, gap }
            }
            op::REFUSAL => {
                let refusal: Refusal = decode(op, body, CONTROL_BODY)?;
                refusal.check()?;
                Self::Refusal { ack: counted(op, ack)?, refusal }
            }
            op::ERROR => {
                let failure: Failure = decode(op, body, CONTROL_BODY)?;
                failure.check()?;
                Self::Error(failure)
            }
            op::GOING_AWAY => {
                let away: GoingAway = decode(op, body, CONTROL_BODY)?;
                away.check()?;
                Self::GoingAway(away)
            }
            op => Self::Unknown { op },
        })
    }

    /// Appends the frame to `out`; nothing for an unknown one.
    ///
    /// # Panics
    ///
    /// When the body is longer than 2 GiB, which no receiver takes.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Welcome { ack, welcome } => {
                write_message(op::WELCOME, 0, *ack, welcome.as_ref(), out);
            }
            Self::Refused { ack, refused } => write_message(op::REFUSED, 0, *ack, refused, out),
            Self::Deliver { seq, body } => {
                out.extend_from_slice(&deliver_head(Class::Acked, *seq, body.len()));
                out.extend_from_slice(body);
            }
            Self::BestEffort { seq, body } => {
                write(op::DELIVER_BEST_EFFORT, seq.get(), 0, body, out);
            }
            Self::Latest { seq, key, body } => {
                let len = key.prefix_len() + body.len();
                out.extend_from_slice(&deliver_head(Class::Latest, *seq, len));
                key.write_prefix(out);
                out.extend_from_slice(body);
            }
            Self::Gap { to, gap } => write_message(op::GAP, to.get(), 0, gap, out),
            Self::SendReply { ack, body } => write(op::SEND_REPLY, 0, ack.get(), body, out),
            Self::Refusal { ack, refusal } => {
                write_message(op::REFUSAL, 0, ack.get(), refusal, out);
            }
            Self::Error(failure) => write_message(op::ERROR, 0, 0, failure, out),
            Self::GoingAway(away) => write_message(op::GOING_AWAY, 0, 0, away, out),
            Self::Ping(ping) => ping.write(out),
            Self::Pong { stamp } => write(op::PONG, 0, 0, stamp, out),
            Self::Unknown { .. } => {}
        }
    }
}
