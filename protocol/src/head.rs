//! The fixed heads of the binary dialects, big-endian.
//!
//! ```text
//!  0         4       6      8         12        16        20
//! +---------+-------+------+---------+---------+---------+------
//! | packLen | hdLen | ver  | op      | seq     | ack     | body   dtalk, comet
//! +---------+-------+------+---------+---------+---------+------
//! | packLen | hdLen | ver  | op      | seq     | body              goim
//! +---------+-------+------+---------+---------+------
//! ```
//!
//! `packLen` counts the whole packet, including the head. The numbers are signed on the wire; `op`,
//! `seq` and `ack` are only compared, so that they are kept as the same bits unsigned.

use crate::DecodeError;

/// Head layout of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// 16 bytes, without an ack field.
    Goim,
    /// 20 bytes.
    Dtalk,
}

impl Layout {
    /// Length of the head in bytes.
    #[must_use]
    pub const fn head_len(self) -> usize {
        match self {
            Self::Goim => 16,
            Self::Dtalk => 20,
        }
    }
}

/// The longest head.
pub const MAX_HEAD: usize = 20;

/// The fields of a head that are not lengths.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Head {
    /// Protocol version; receivers of generation 1 take any, senders write 1.
    pub ver: u16,
    /// Op of the packet; numbers differ between dialects.
    pub op: u32,
    /// Number assigned by the initiator of the exchange.
    pub seq: u32,
    /// Number of the exchange that is answered, otherwise 0. Goim has none and decodes as 0.
    pub ack: u32,
}

impl Head {
    /// A head of protocol version 1.
    #[must_use]
    pub const fn new(op: u32, seq: u32, ack: u32) -> Self {
        Self { ver: 1, op, seq, ack }
    }

    /// The fields of a complete head; its lengths are to be checked by the caller.
    ///
    /// # Panics
    ///
    /// When `head` is shorter than the layout.
    #[inline]
    #[must_use]
    pub fn read(layout: Layout, head: &[u8]) -> Self {
        let (fixed, rest) = head.split_first_chunk().expect("a whole head");
        let [_, _, _, _, _, _, v0, v1, o0, o1, o2, o3, s0, s1, s2, s3]: [u8; 16] = *fixed;
        let ack = match layout {
            Layout::Goim => 0,
            Layout::Dtalk => u32::from_be_bytes(*rest.first_chunk().expect("a whole head")),
        };
        Self {
            ver: u16::from_be_bytes([v0, v1]),
            op: u32::from_be_bytes([o0, o1, o2, o3]),
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            ack,
        }
    }

    /// Appends the whole packet to `out`.
    ///
    /// # Panics
    ///
    /// When the body is longer than 2 GiB, which no receiver takes.
    pub fn write(self, layout: Layout, body: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes(layout, body.len())[..layout.head_len()]);
        out.extend_from_slice(body);
    }

    /// Head of a packet with a body of `body_len` bytes; the layout determines its length.
    ///
    /// # Panics
    ///
    /// When the body is longer than 2 GiB, which no receiver takes.
    #[must_use]
    pub fn to_bytes(self, layout: Layout, body_len: usize) -> [u8; MAX_HEAD] {
        let head_len = layout.head_len();
        let pack_len = i32::try_from(head_len + body_len).expect("body below 2 GiB");
        let mut bytes = [0; MAX_HEAD];
        bytes[..4].copy_from_slice(&pack_len.to_be_bytes());
        bytes[5] = if head_len == 16 { 16 } else { 20 };
        bytes[6..8].copy_from_slice(&self.ver.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.op.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.seq.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.ack.to_be_bytes());
        bytes
    }
}

/// Result of splitting the front of a buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Split<'a> {
    /// A whole packet, `len` bytes long.
    Packet {
        /// Its head.
        head: Head,
        /// Its body.
        body: &'a [u8],
        /// Length of head and body.
        len: usize,
    },
    /// An incomplete packet: at least this many bytes are needed before another attempt.
    Need(usize),
}

/// Decodes the packet at the front of `input`.
///
/// Lengths are checked as soon as they have arrived, so that a caller never buffers for a packet
/// that will be refused: `head_len <= packLen <= head_len + max_body`.
///
/// # Errors
///
/// [`DecodeError`] when a length is outside of the layout and the limit.
pub fn split(layout: Layout, input: &[u8], max_body: usize) -> Result<Split<'_>, DecodeError> {
    let head_len = layout.head_len();
    let Some(pack_len) = read_i32(input, 0) else { return Ok(Split::Need(head_len)) };
    let len = checked_len(pack_len, head_len, max_body)?;
    let Some(declared) = read_i16(input, 4) else { return Ok(Split::Need(head_len)) };
    if usize::try_from(declared) != Ok(head_len) {
        return Err(DecodeError::HeadLen(declared));
    }
    let Some(packet) = input.get(..len) else { return Ok(Split::Need(len)) };
    let head = Head::read(layout, packet);
    Ok(Split::Packet { head, body: &packet[head_len..], len })
}

/// Detects the layout from the first bytes of a connection; `None` until there are six of them.
///
/// # Errors
///
/// [`DecodeError::HeadLen`] when the head length is of neither layout.
pub fn detect(input: &[u8]) -> Result<Option<Layout>, DecodeError> {
    match read_i16(input, 4) {
        None => Ok(None),
        Some(16) => Ok(Some(Layout::Goim)),
        Some(20) => Ok(Some(Layout::Dtalk)),
        Some(other) => Err(DecodeError::HeadLen(other)),
    }
}

fn checked_len(pack_len: i32, head_len: usize, max_body: usize) -> Result<usize, DecodeError> {
    let too_short = DecodeError::TooShort(pack_len);
    let len = u32::try_from(pack_len).map_err(|_| too_short)?;
    let limit = u32::try_from(head_len.saturating_add(max_body)).unwrap_or(u32::MAX);
    if len > limit {
        return Err(DecodeError::TooLong { len, limit });
    }
    let len = len as usize;
    if len < head_len { Err(too_short) } else { Ok(len) }
}

fn read_i16(input: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(input.get(at..at + 2)?.try_into().ok()?))
}

fn read_i32(input: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(input.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> Vec<u8> {
        let mut out = Vec::new();
        Head::new(3, 2, 0).write(Layout::Dtalk, b"", &mut out);
        out
    }

    #[test]
    fn a_negative_length_is_refused_from_its_four_bytes() {
        let input = (-1i32).to_be_bytes();
        assert_eq!(split(Layout::Dtalk, &input, 10), Err(DecodeError::TooShort(-1)));
    }

    #[test]
    fn a_length_below_the_head_is_refused() {
        let mut input = heartbeat();
        input[3] = 19;
        assert_eq!(split(Layout::Dtalk, &input, 10), Err(DecodeError::TooShort(19)));
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_anything_else_is_there() {
        let input = 31i32.to_be_bytes();
        let error = DecodeError::TooLong { len: 31, limit: 30 };
        assert_eq!(split(Layout::Dtalk, &input, 10), Err(error));
        assert_eq!(split(Layout::Dtalk, &30i32.to_be_bytes(), 10), Ok(Split::Need(20)));
    }

    #[test]
    fn the_other_dialects_head_is_refused() {
        let mut input = heartbeat();
        input[5] = 16;
        assert_eq!(split(Layout::Dtalk, &input, 10), Err(DecodeError::HeadLen(16)));
        input[5] = 20;
        assert_eq!(split(Layout::Goim, &input, 10), Err(DecodeError::HeadLen(20)));
    }

    #[test]
    fn need_grows_from_the_head_to_the_packet() {
        let mut out = Vec::new();
        Head::new(7, 1, 0).write(Layout::Dtalk, b"hello", &mut out);
        assert_eq!(split(Layout::Dtalk, &out[..3], 100), Ok(Split::Need(20)));
        assert_eq!(split(Layout::Dtalk, &out[..6], 100), Ok(Split::Need(25)));
        assert_eq!(split(Layout::Dtalk, &out[..24], 100), Ok(Split::Need(25)));
        let whole = Split::Packet { head: Head::new(7, 1, 0), body: b"hello", len: 25 };
        assert_eq!(split(Layout::Dtalk, &out, 100), Ok(whole));
    }

    #[test]
    fn the_layout_is_told_by_the_head_length() {
        assert_eq!(detect(&heartbeat()[..5]), Ok(None));
        assert_eq!(detect(&heartbeat()), Ok(Some(Layout::Dtalk)));
        assert_eq!(detect(b"GET /sub"), Err(DecodeError::HeadLen(0x2f73)));
    }
}
