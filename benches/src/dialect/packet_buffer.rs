//! Packets from a stream that is cut anywhere.
//!
//! A packet that lies whole in the input is read in place. Others are put together in a buffer,
//! which is freed with the packet.

use super::DialectError;

/// The front of some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Parsed {
    /// A whole packet of this length, which has been handled.
    Packet(usize),
    /// A part of a packet; at least this many bytes are needed for the next try.
    Need(usize),
}

/// The longest packet that is put together.
const LONGEST: usize = (1 << 20) + 1_024;

/// The beginning of a packet that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct PacketBuffer {
    held: Vec<u8>,
}

impl PacketBuffer {
    /// Drops an incomplete packet.
    pub(super) fn clear(&mut self) {
        self.held = Vec::new();
    }

    /// Splits the input into packets; `next` handles the packet at the front.
    pub(super) fn feed(
        &mut self,
        mut input: &[u8],
        mut next: impl FnMut(&[u8]) -> Result<Parsed, DialectError>,
    ) -> Result<(), DialectError> {
        while !self.held.is_empty() {
            match next(&self.held)? {
                Parsed::Packet(_) => self.clear(),
                Parsed::Need(_) if input.is_empty() => return Ok(()),
                Parsed::Need(need) if need > LONGEST => return Err(DialectError::TooLong(need)),
                Parsed::Need(need) => {
                    let lacking = need.saturating_sub(self.held.len()).clamp(1, input.len());
                    let (part, rest) = input.split_at(lacking);
                    self.held.extend_from_slice(part);
                    input = rest;
                }
            }
        }
        while !input.is_empty() {
            match next(input)? {
                Parsed::Packet(len) => input = input.get(len..).unwrap_or_default(),
                Parsed::Need(need) if need > LONGEST || input.len() > LONGEST => {
                    return Err(DialectError::TooLong(need.max(input.len())));
                }
                Parsed::Need(_) => {
                    self.held.extend_from_slice(input);
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length, then as many bytes.
    fn next(input: &[u8], found: &mut Vec<Vec<u8>>) -> Parsed {
        let len = 1 + usize::from(input[0]);
        let Some(packet) = input.get(1..len) else { return Parsed::Need(len) };
        found.push(packet.to_vec());
        Parsed::Packet(len)
    }

    #[test]
    fn packets_are_the_same_wherever_the_bytes_are_cut() {
        let stream = b"\x03abc\x00\x01d\x05efghi";
        let whole: [&[u8]; 4] = [b"abc", b"", b"d", b"efghi"];
        for step in 1..=stream.len() {
            let (mut buffer, mut found) = (PacketBuffer::default(), Vec::new());
            for part in stream.chunks(step) {
                buffer.feed(part, |input| Ok(next(input, &mut found))).unwrap();
            }
            assert_eq!(found, whole, "in steps of {step}");
            assert_eq!(buffer.held.capacity(), 0, "nothing is kept");
        }
    }

    #[test]
    fn a_packet_without_end_is_not_waited_for() {
        let mut buffer = PacketBuffer::default();
        let endless = |_: &[u8]| Ok(Parsed::Need(usize::MAX));
        assert_eq!(buffer.feed(b"x", endless), Err(DialectError::TooLong(usize::MAX)));
        let mut creeping = |input: &[u8]| Ok(Parsed::Need(input.len() + 1));
        let part = vec![b'x'; LONGEST / 2];
        let outcome = (0..3).try_for_each(|_| buffer.feed(&part, &mut creeping));
        assert!(matches!(outcome, Err(DialectError::TooLong(_))), "{outcome:?}");
    }
}
