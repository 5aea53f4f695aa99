//! Packets as clients write and read them: the heads of all binary dialects, byte by byte.
//!
//! ```text
//!  0         4      6      8        12       16       20
//! +---------+------+------+--------+--------+--------+------
//! | packLen |  20  | ver  |   op   |  seq   |  ack   | body   dtalk, comet
//! +---------+------+------+--------+--------+--------+------
//! | packLen |  16  | ver  |   op   |  seq   |  body           goim
//! +---------+------+------+--------+--------+------
//! ```

use crate::protobuf::field;

/// Length of dtalk's head.
pub const HEAD_LEN: usize = 20;

/// Auth of dtalk and comet.
pub const AUTH: u32 = 1;
/// What follows is dtalk's: the answer to an auth.
pub const AUTH_REPLY: u32 = 2;
/// A sign of life.
pub const HEARTBEAT: u32 = 3;
/// Its reply.
pub const HEARTBEAT_REPLY: u32 = 4;
/// The client's goodbye.
pub const DISCONNECT: u32 = 5;
/// A message of the client.
pub const SEND: u32 = 7;
/// The answer to a message.
pub const SEND_REPLY: u32 = 8;
/// A delivery.
pub const DELIVER: u32 = 9;
/// The ack of a delivery.
pub const DELIVER_ACK: u32 = 10;

/// A dialect's head, and how its packets travel in WebSocket messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire {
    /// A head of 20 bytes; one packet in a message.
    Dtalk,
    /// A head of 16 bytes, without an ack; one packet in a message.
    Goim,
    /// The head of dtalk, with `ver` 2; one packet or several in a message, and no WebSocket pings.
    Comet,
}

/// One packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// Its version.
    pub ver: u16,
    /// What it is.
    pub op: u32,
    /// Its number.
    pub seq: u32,
    /// The number that it answers; 0 in goim, which has none.
    pub ack: u32,
    /// What follows the head.
    pub body: Vec<u8>,
}

/// A packet of version 1 that acknowledges nothing.
pub fn frame(op: u32, seq: u32, body: impl AsRef<[u8]>) -> Frame {
    Frame { ver: 1, op, seq, ack: 0, body: body.as_ref().to_vec() }
}

/// A message to the router.
pub fn say(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    frame(SEND, seq, body)
}

/// What a dtalk client is told about a message: `seq` and `ack` are the message's.
pub fn reply(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    Frame { ack: seq, ..frame(SEND_REPLY, seq, body) }
}

/// A delivery to a dtalk client.
pub fn delivery(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    frame(DELIVER, seq, body)
}

/// The ack of a delivery. Gateways do not read its `seq`.
pub fn ack(delivery: u32) -> Frame {
    Frame { ack: delivery, ..frame(DELIVER_ACK, 77, b"") }
}

/// A request for a session of the app `dtalk`; `ext` is the application's.
pub fn auth(seq: u32, token: &str, ext: impl AsRef<[u8]>) -> Frame {
    auth_of("dtalk", seq, token, ext)
}

/// A request for a session of any app.
pub fn auth_of(app: &str, seq: u32, token: &str, ext: impl AsRef<[u8]>) -> Frame {
    let mut body = [field(1, app.as_bytes()), field(2, token.as_bytes())].concat();
    if !ext.as_ref().is_empty() {
        body.extend(field(3, ext.as_ref()));
    }
    frame(AUTH, seq, body)
}

impl Frame {
    /// Its bytes in dtalk.
    pub fn encode(&self) -> Vec<u8> {
        Wire::Dtalk.bytes(self)
    }

    /// Reads the bytes of exactly one packet of dtalk.
    pub fn decode(packet: &[u8]) -> Self {
        Wire::Dtalk.parse(packet)
    }
}

impl Wire {
    /// Length of the head.
    pub const fn head_len(self) -> usize {
        match self {
            Self::Dtalk | Self::Comet => HEAD_LEN,
            Self::Goim => 16,
        }
    }

    /// The packet's bytes.
    pub fn bytes(self, frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.head_len() + frame.body.len());
        bytes.extend_from_slice(&((self.head_len() + frame.body.len()) as i32).to_be_bytes());
        bytes.extend_from_slice(&(self.head_len() as i16).to_be_bytes());
        bytes.extend_from_slice(&frame.ver.to_be_bytes());
        bytes.extend_from_slice(&frame.op.to_be_bytes());
        bytes.extend_from_slice(&frame.seq.to_be_bytes());
        if self != Self::Goim {
            bytes.extend_from_slice(&frame.ack.to_be_bytes());
        }
        bytes.extend_from_slice(&frame.body);
        bytes
    }

    /// How long the packet at the front is, once that can be known.
    pub fn packet_len(self, bytes: &[u8]) -> Option<usize> {
        let len = i32::from_be_bytes(*bytes.first_chunk()?);
        let len = usize::try_from(len).expect("a positive packet length");
        assert!(len >= self.head_len() && len < 1 << 26, "packet length {len}");
        Some(len)
    }

    /// Reads a packet that is there as a whole.
    pub fn parse(self, packet: &[u8]) -> Frame {
        assert_eq!(self.packet_len(packet), Some(packet.len()), "one packet");
        let word = |at: usize| u32::from_be_bytes(*packet[at..].first_chunk().expect("a head"));
        let half = |at: usize| u16::from_be_bytes(*packet[at..].first_chunk().expect("a head"));
        assert_eq!(usize::from(half(4)), self.head_len(), "head length");
        Frame {
            ver: half(6),
            op: word(8),
            seq: word(12),
            ack: if self != Self::Goim { word(16) } else { 0 },
            body: packet[self.head_len()..].to_vec(),
        }
    }

    /// Takes the packet at the front out, if it is there as a whole.
    pub fn take(self, unread: &mut Vec<u8>) -> Option<Frame> {
        let len = self.packet_len(unread)?;
        let packet = unread.get(..len)?.to_vec();
        unread.drain(..len);
        Some(self.parse(&packet))
    }
}
