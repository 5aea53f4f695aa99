//! The frame head (RFC 6455 section 5.2): two bytes, an extended length, a mask.
//!
//! Not here: the order of frames, and the rule for which side masks (`decoder`).

use std::ops::Deref;

use super::WsError;

/// The longest frame head: two bytes, eight of length, four of mask.
pub const MAX_HEAD_LEN: usize = 14;

/// The longest payload of a control frame (section 5.5).
pub const MAX_CONTROL_LEN: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
/// The reserved bit of compressed messages (RFC 7692 section 6).
const COMPRESSED: u8 = 0x40;
const MASKED: u8 = 0x80;
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;

/// Type of a frame (section 11.8).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Opcode {
    /// Continuation of the message that an earlier frame began.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// Ping, to be answered by a pong.
    Ping = 0x9,
    /// Answer to a ping, or an unsolicited sign of life.
    Pong = 0xA,
}

impl Opcode {
    /// Whether frames of this type may stand between the fragments of a message (section 5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// Head of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHead {
    /// Whether the frame ends its message.
    pub fin: bool,
    /// Whether it begins a message that is compressed (RFC 7692 section 6). Only frames that begin
    /// a message can.
    pub compressed: bool,
    /// Type of the frame.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload after the head.
    pub payload_len: u64,
}

impl FrameHead {
    /// Parses the head at the front of `input` and returns its length; `None` while it is
    /// incomplete. The first two bytes are checked without waiting for the rest. No extension is
    /// in use: no frame is compressed.
    ///
    /// # Errors
    ///
    /// Any violation by the frame alone: reserved bits or opcodes, a control frame that is
    /// fragmented or too long, a length that is not minimal or out of range.
    pub fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, WsError> {
        Self::parse_with(input, false)
    }

    /// The same, where messages may be compressed if `deflate` was agreed.
    #[inline]
    pub(super) fn parse_with(
        input: &[u8],
        deflate: bool,
    ) -> Result<Option<(Self, usize)>, WsError> {
        let [first, second, after @ ..] = input else { return Ok(None) };
        let fin = first & FIN != 0;
        let bits = first & !(FIN | RESERVED);
        let reserved = first & RESERVED;
        if reserved != 0 {
            let opcode = Opcode::from_bits(bits);
            let begins_message = matches!(opcode, Some(Opcode::Text | Opcode::Binary));
            if !(deflate && begins_message && reserved == COMPRESSED) {
                return Err(WsError::ReservedBits(reserved >> 4));
            }
        }
        let compressed = reserved != 0;
        let opcode = Opcode::from_bits(bits).ok_or(WsError::ReservedOpcode(bits))?;
        let short_len = second & !MASKED;
        if opcode.is_control() {
            check_control(fin, short_len)?;
        }
        let Some((payload_len, after)) = parse_len(short_len, after)? else { return Ok(None) };
        let (mask, after) = if second & MASKED == 0 {
            (None, after)
        } else {
            let Some((mask, after)) = after.split_first_chunk() else { return Ok(None) };
            (Some(*mask), after)
        };
        let head = Self { fin, compressed, opcode, mask, payload_len };
        Ok(Some((head, input.len() - after.len())))
    }

    /// The encoded head, with the length in its shortest form.
    #[must_use]
    pub fn encode(&self) -> EncodedHead {
        let mut head = EncodedHead { bytes: [0; MAX_HEAD_LEN], len: 0 };
        let fin = if self.fin { FIN } else { 0 };
        let compressed = if self.compressed { COMPRESSED } else { 0 };
        let first = fin | compressed | self.opcode as u8;
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        let len = self.payload_len.to_be_bytes();
        let end = match self.payload_len {
            0..=125 => {
                head.bytes[..2].copy_from_slice(&[first, masked | len[7]]);
                2
            }
            126..=0xFFFF => {
                head.bytes[..4].copy_from_slice(&[first, masked | LEN_16, len[6], len[7]]);
                4
            }
            _ => {
                head.bytes[..2].copy_from_slice(&[first, masked | LEN_64]);
                head.bytes[2..10].copy_from_slice(&len);
                10
            }
        };
        head.len = end;
        if let Some(mask) = &self.mask {
            let at = usize::from(end);
            head.bytes[at..at + 4].copy_from_slice(mask);
            head.len += 4;
        }
        head
    }
}

/// An encoded frame head, on the stack; dereferences to a slice.
#[derive(Clone, Copy, Debug)]
pub struct EncodedHead {
    bytes: [u8; MAX_HEAD_LEN],
    len: u8,
}

impl Deref for EncodedHead {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

const fn check_control(fin: bool, short_len: u8) -> Result<(), WsError> {
    if !fin {
        return Err(WsError::FragmentedControl);
    }
    if short_len as usize > MAX_CONTROL_LEN {
        return Err(WsError::ControlTooLong);
    }
    Ok(())
}

/// Parses the extended length after the 7-bit one, and returns the rest of the input.
fn parse_len(short_len: u8, after: &[u8]) -> Result<Option<(u64, &[u8])>, WsError> {
    let (len, least, after) = match short_len {
        LEN_16 => {
            let Some((len, after)) = after.split_first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*len)), 126, after)
        }
        LEN_64 => {
            let Some((len, after)) = after.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(*len), 0x1_0000, after)
        }
        short => (u64::from(short), 0, after),
    };
    if len < least {
        return Err(WsError::LengthNotMinimal(len));
    }
    if len > i64::MAX.unsigned_abs() {
        return Err(WsError::LengthOutOfRange(len));
    }
    Ok(Some((len, after)))
}
