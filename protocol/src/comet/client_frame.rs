//! Frames from a client.

use super::message::decode;
use super::{Auth, FrameError, Received, Seq, limits, op, write, write_message};
use crate::head::Head;

/// A frame from a client; bodies are borrowed, because a server decodes packets in place.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame<'a> {
    /// Request for a session.
    Auth {
        /// Repeated in the answer.
        seq: u32,
        /// The request.
        auth: Box<Auth>,
    },
    /// Ack of deliveries.
    Ack(Received<'a>),
    /// Message.
    Send {
        /// Its number in the session.
        seq: Seq,
        /// All answers up to this number have arrived.
        answered: Seq,
        /// The message.
        body: &'a [u8],
    },
    /// Ping, to be answered by a pong.
    Ping(Ping),
    /// Answer to a ping.
    Pong {
        /// Stamp of the ping.
        stamp: [u8; 8],
    },
    /// End of the session, for good.
    Leave,
    /// A frame of a newer version; to be ignored.
    Unknown {
        /// The op.
        op: u32,
    },
}

/// A ping.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ping {
    /// Repeated in the answer; meaningful to its sender only.
    pub stamp: [u8; 8],
    /// The sender's estimate of the round trip, in microseconds, if measured.
    pub round_trip_us: Option<u32>,
}

impl<'a> ClientFrame<'a> {
    /// Decodes a frame from a client.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when the content violates the dialect.
    pub fn decode(head: Head, body: &'a [u8]) -> Result<Self, FrameError> {
        Ok(match head.op {
            op::AUTH => {
                let auth: Box<Auth> = Box::new(decode(op::AUTH, body, limits::AUTH_BODY)?);
                auth.check()?;
                Self::Auth { seq: head.seq, auth }
            }
            op::ACK => Self::Ack(Received::parse(Seq::new(head.ack), body)?),
            op::SEND => {
                let seq = counted(op::SEND, head.seq)?;
                Self::Send { seq, answered: Seq::new(head.ack), body }
            }
            op::PING => Self::Ping(Ping::decode(body)?),
            op::PONG => Self::Pong { stamp: stamp(op::PONG, body)? },
            op::LEAVE => Self::Leave,
            op @ op::WELCOME..=op::GOING_AWAY => return Err(FrameError::WrongSide(op)),
            op if op < op::FIRST => return Err(FrameError::ForeignOp(op)),
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
            Self::Auth { seq, auth } => write_message(op::AUTH, *seq, 0, auth.as_ref(), out),
            Self::Ack(received) => {
                write(op::ACK, 0, received.up_to().get(), received.as_bytes(), out);
            }
            Self::Send { seq, answered, body } => {
                write(op::SEND, seq.get(), answered.get(), body, out);
            }
            Self::Ping(ping) => ping.write(out),
            Self::Pong { stamp } => write(op::PONG, 0, 0, stamp, out),
            Self::Leave => write(op::LEAVE, 0, 0, &[], out),
            Self::Unknown { .. } => {}
        }
    }
}

impl Ping {
    /// Bytes beyond the twelve known ones are left for later versions.
    pub(super) fn decode(body: &[u8]) -> Result<Self, FrameError> {
        let stamp = stamp(op::PING, body)?;
        let estimate = body.get(8..12).and_then(|bytes| bytes.try_into().ok());
        let round_trip_us = estimate.map(u32::from_be_bytes).filter(|micros| *micros != 0);
        Ok(Self { stamp, round_trip_us })
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let Some(micros) = self.round_trip_us else {
            return write(op::PING, 0, 0, &self.stamp, out);
        };
        let mut body = [0; 12];
        body[..8].copy_from_slice(&self.stamp);
        body[8..].copy_from_slice(&micros.to_be_bytes());
        write(op::PING, 0, 0, &body, out);
    }
}

/// The first eight bytes of a ping or pong.
pub(super) fn stamp(op: u32, body: &[u8]) -> Result<[u8; 8], FrameError> {
    let stamp = body.get(..8).and_then(|bytes| bytes.try_into().ok());
    stamp.ok_or(FrameError::BodyTooShort { op, len: body.len() })
}

/// A number that must not be 0.
pub(super) fn counted(op: u32, number: u32) -> Result<Seq, FrameError> {
    if number == 0 { Err(FrameError::ZeroSeq(op)) } else { Ok(Seq::new(number)) }
}
