//! Outgoing packets, written into the buffer of the transport.

use comet_protocol::ws::{FrameHead, Opcode, apply_mask};

/// Framing of each packet on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PacketFraming {
    /// Nothing: a stream of packets.
    Bare,
    /// A masked WebSocket message.
    WebSocket {
        opcode: Opcode,
        /// Source of masks. They protect proxies from chosen bytes; a load generator's need no
        /// secret.
        random: u64,
    },
}

/// Destination of a client's packets.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    bytes: &'a mut Vec<u8>,
    packet_framing: &'a mut PacketFraming,
}

impl<'a> Outgoing<'a> {
    pub(crate) const fn new(bytes: &'a mut Vec<u8>, packet_framing: &'a mut PacketFraming) -> Self {
        Self { bytes, packet_framing }
    }

    /// One packet, or several whole ones, given in parts.
    pub(crate) fn message(&mut self, parts: &[&[u8]]) {
        match *self.packet_framing {
            PacketFraming::Bare => parts.iter().for_each(|part| self.bytes.extend_from_slice(part)),
            PacketFraming::WebSocket { opcode, .. } => self.frame(opcode, parts),
        }
    }

    /// Asks the other end of a WebSocket connection for a sign of life.
    pub(crate) fn ping(&mut self) {
        self.frame(Opcode::Ping, &[]);
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, body: &[u8]) {
        self.frame(Opcode::Pong, &[body]);
    }

    /// Says that nothing follows.
    pub(crate) fn close(&mut self) {
        self.frame(Opcode::Close, &[&1_000_u16.to_be_bytes()]);
    }

    fn frame(&mut self, opcode: Opcode, parts: &[&[u8]]) {
        let PacketFraming::WebSocket { random, .. } = self.packet_framing else { return };
        *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let [a, b, c, d, ..] = random.to_be_bytes();
        let mask = [a, b, c, d];
        let payload_len = parts.iter().map(|part| part.len() as u64).sum();
        let head =
            FrameHead { fin: true, compressed: false, opcode, mask: Some(mask), payload_len };
        let head = head.encode();
        self.bytes.extend_from_slice(&head);
        let payload = self.bytes.len();
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        apply_mask(mask, &mut self.bytes[payload..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_masked_as_one_payload() {
        let mut out = Vec::new();
        let mut packet_framing = PacketFraming::WebSocket { opcode: Opcode::Binary, random: 1 };
        Outgoing::new(&mut out, &mut packet_framing).message(&[b"abc", b"", b"defgh"]);
        let mask = [out[2], out[3], out[4], out[5]];
        assert_eq!(out[..2], [0x82, 0x88]);
        apply_mask(mask, &mut out[6..]);
        assert_eq!(out[6..], *b"abcdefgh");
    }

    #[test]
    fn a_stream_has_packets_and_no_frames() {
        let (mut out, mut packet_framing) = (Vec::new(), PacketFraming::Bare);
        let mut outgoing = Outgoing::new(&mut out, &mut packet_framing);
        outgoing.message(&[b"ab", b"c"]);
        outgoing.ping();
        outgoing.close();
        assert_eq!(out, *b"abc");
    }
}
