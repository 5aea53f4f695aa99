//! Packets as the clients write and read them: the layouts of dtalk and goim, byte by byte.

/// Which of the two heads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wire {
    /// 20 bytes.
    Dtalk,
    /// 16 bytes, without an ack.
    Goim,
}

/// One packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) ver: u16,
    pub(crate) op: u32,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) body: Vec<u8>,
}

/// A packet with a body.
pub(crate) fn frame(op: u32, seq: u32, body: impl AsRef<[u8]>) -> Frame {
    Frame { ver: 1, op, seq, ack: 0, body: body.as_ref().to_vec() }
}

/// A message to the router.
pub(crate) fn say(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    frame(7, seq, body)
}

/// What a dtalk client is told about a message: `seq` and `ack` are the message's.
pub(crate) fn reply(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    Frame { ack: seq, ..frame(8, seq, body) }
}

/// A delivery to a dtalk client.
pub(crate) fn delivery(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    frame(9, seq, body)
}

/// The ack of a delivery.
pub(crate) fn ack(delivery: u32) -> Frame {
    Frame { ack: delivery, ..frame(10, 77, b"") }
}

/// A request for a session. `ext` lists the rooms.
pub(crate) fn auth(seq: u32, token: &str, ext: &str) -> Frame {
    let mut body = Vec::new();
    for (tag, field) in [(0x0a, "dtalk"), (0x12, token), (0x1a, ext)] {
        body.push(tag);
        let mut len = field.len();
        while len >= 0x80 {
            body.push((len & 0x7f) as u8 | 0x80);
            len >>= 7;
        }
        body.push(len as u8);
        body.extend_from_slice(field.as_bytes());
    }
    frame(1, seq, body)
}

impl Wire {
    pub(crate) const fn head_len(self) -> usize {
        match self {
            Self::Dtalk => 20,
            Self::Goim => 16,
        }
    }

    /// The packet's bytes.
    pub(crate) fn bytes(self, frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + frame.body.len());
        bytes.extend_from_slice(&((self.head_len() + frame.body.len()) as i32).to_be_bytes());
        bytes.extend_from_slice(&(self.head_len() as i16).to_be_bytes());
        bytes.extend_from_slice(&frame.ver.to_be_bytes());
        bytes.extend_from_slice(&frame.op.to_be_bytes());
        bytes.extend_from_slice(&frame.seq.to_be_bytes());
        if self == Self::Dtalk {
            bytes.extend_from_slice(&frame.ack.to_be_bytes());
        }
        bytes.extend_from_slice(&frame.body);
        bytes
    }

    /// How long the packet at the front is, once that can be known.
    pub(crate) fn packet_len(self, bytes: &[u8]) -> Option<usize> {
        let len = i32::from_be_bytes(bytes.get(..4)?.try_into().unwrap());
        let len = usize::try_from(len).expect("a positive packet length");
        assert!(len >= self.head_len() && len < 1 << 26, "packet length {len}");
        Some(len)
    }

    /// Reads a packet that is there as a whole.
    pub(crate) fn parse(self, packet: &[u8]) -> Frame {
        let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
        let half = |at: usize| u16::from_be_bytes(packet[at..at + 2].try_into().unwrap());
        assert_eq!(self.packet_len(packet), Some(packet.len()), "one packet");
        assert_eq!(usize::from(half(4)), self.head_len(), "head length");
        Frame {
            ver: half(6),
            op: word(8),
            seq: word(12),
            ack: if self == Self::Dtalk { word(16) } else { 0 },
            body: packet[self.head_len()..].to_vec(),
        }
    }
}
