//! Framing of the transport: plain TCP, or WebSocket.

use comet_protocol::ws::handshake::{HandshakeLimits, ResponseParse, Upgrade, client_key};
use comet_protocol::ws::{Decoder, Event, Limits, Role};

use super::Transport;
use super::disconnect_reason::DisconnectReason;

/// Something that the other side sent.
#[derive(Debug)]
pub(super) enum TransportEvent<'a> {
    /// Packets may go now.
    Opened,
    /// Bytes of packets: of a stream, cut anywhere; or a whole message.
    Bytes(&'a [u8]),
    /// Something to be answered with the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping.
    Pong,
}

/// Request to a WebSocket server.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) subprotocols: &'static [&'static str],
    pub(super) random: u64,
}

#[derive(Debug)]
pub(super) enum Framing {
    Stream,
    /// Asked for a WebSocket connection.
    Upgrading(Box<Upgrading>),
    WebSocket {
        decoder: Decoder,
        /// The beginning of a frame's head.
        tail: Vec<u8>,
    },
}

#[derive(Debug)]
pub(super) struct Upgrading {
    target: Target,
    key: String,
    /// The beginning of the answer.
    tail: Vec<u8>,
}

impl Framing {
    pub(super) fn new(transport: Transport, target: impl FnOnce() -> Target) -> Self {
        match transport {
            Transport::WebSocket => {
                let target = target();
                let nonce =
                    u128::from(target.random).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced);
                let key = client_key(nonce.to_be_bytes());
                Self::Upgrading(Box::new(Upgrading { target, key, tail: Vec::new() }))
            }
            _ => Self::Stream,
        }
    }

    /// Bytes to be written first.
    pub(super) fn opening_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Self::Upgrading(upgrading) = self {
            upgrading.request().write_request(&mut out);
        }
        out
    }

    /// Whether packets may go as soon as there is a connection.
    pub(super) const fn opens_at_once(&self) -> bool {
        matches!(self, Self::Stream)
    }

    /// Puts the rest of an incomplete frame in front of the next read; returns its length.
    pub(super) fn restore(&self, buffer: &mut [u8]) -> usize {
        let tail = match self {
            Self::Stream => return 0,
            Self::Upgrading(upgrading) => &upgrading.tail,
            Self::WebSocket { tail, .. } => tail,
        };
        buffer[..tail.len()].copy_from_slice(tail);
        tail.len()
    }

    /// Reads received bytes, behind those that [`restore`](Self::restore) put there.
    pub(super) fn read(
        &mut self,
        mut input: &mut [u8],
        take: &mut impl FnMut(TransportEvent<'_>) -> Result<(), DisconnectReason>,
    ) -> Result<(), DisconnectReason> {
        if let Self::Upgrading(upgrading) = self {
            let Some(read) = upgrading.read(input)? else { return Ok(()) };
            input = &mut input[read..];
            *self = Self::WebSocket { decoder: Decoder::new(Role::Client), tail: Vec::new() };
            take(TransportEvent::Opened)?;
        }
        match self {
            Self::WebSocket { decoder, tail } => decode(decoder, tail, input, take),
            _ => take(TransportEvent::Bytes(input)),
        }
    }
}

impl Upgrading {
    fn request(&self) -> Upgrade<'_> {
        let Target { host, path, subprotocols, .. } = &self.target;
        Upgrade { host, target: path, key: &self.key, subprotocols, headers: &[] }
    }

    /// Returns the length of the answer, once it is all there.
    fn read(&mut self, input: &[u8]) -> Result<Option<usize>, DisconnectReason> {
        match self.request().parse_response(input, self.tail.len(), &HandshakeLimits::default())? {
            ResponseParse::Complete(accepted) => Ok(Some(accepted.consumed)),
            ResponseParse::Partial => {
                self.tail = input.to_vec();
                Ok(None)
            }
        }
    }
}

/// The binary message that lies whole at the front of the input, and the length of its frame: by
/// far the most frequent case, for which the decoder is not asked.
fn whole(input: &[u8]) -> Option<(usize, &[u8])> {
    const FINAL_BINARY: u8 = 0x82;
    let (start, len) = match *input {
        [FINAL_BINARY, len @ 0..=125, ..] => (2, usize::from(len)),
        // A length that is longer than it must be is the decoder's to refuse.
        [FINAL_BINARY, 126, high, low, ..] if high > 0 || low > 125 => {
            (4, usize::from(u16::from_be_bytes([high, low])))
        }
        _ => return None,
    };
    Some((start + len, input.get(start..start + len)?))
}

fn decode(
    decoder: &mut Decoder,
    tail: &mut Vec<u8>,
    input: &mut [u8],
    take: &mut impl FnMut(TransportEvent<'_>) -> Result<(), DisconnectReason>,
) -> Result<(), DisconnectReason> {
    let (mut read, limits) = (0, Limits::default());
    loop {
        while decoder.is_idle()
            && let Some(message) = whole(&input[read..])
        {
            take(TransportEvent::Bytes(message.1))?;
            read += message.0;
        }
        let decoded = decoder.decode(&mut input[read..], &limits)?;
        read += decoded.consumed;
        match decoded.event {
            Some(Event::Message(message)) => take(TransportEvent::Bytes(&message.payload))?,
            Some(Event::Ping(body)) => take(TransportEvent::Ping(&body))?,
            Some(Event::Pong(_)) => take(TransportEvent::Pong)?,
            Some(Event::Close(None)) => return Err(DisconnectReason::End),
            Some(Event::Close(Some(why))) => {
                return Err(DisconnectReason::Closed {
                    code: why.code.get(),
                    reason: why.reason.into(),
                });
            }
            None => break,
        }
    }
    if read < input.len() || !tail.is_empty() {
        *tail = input[read..].to_vec();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use comet_protocol::ws::{Opcode, write_frame};

    use super::*;

    /// Events of fragmented frames, by the fast path and by the decoder alone.
    fn told(bytes: &[u8], step: usize) -> Vec<String> {
        let mut framing =
            Framing::WebSocket { decoder: Decoder::new(Role::Client), tail: Vec::new() };
        let (mut told, mut buffer) = (Vec::new(), vec![0; bytes.len() + 16]);
        for part in bytes.chunks(step) {
            let kept = framing.restore(&mut buffer);
            buffer[kept..kept + part.len()].copy_from_slice(part);
            let outcome = framing.read(&mut buffer[..kept + part.len()], &mut |said| {
                told.push(match said {
                    TransportEvent::Bytes(bytes) => {
                        format!("{} bytes, {:?}", bytes.len(), bytes.first())
                    }
                    other => format!("{other:?}"),
                });
                Ok(())
            });
            if let Err(lost) = outcome {
                told.push(lost.to_string());
                break;
            }
        }
        told
    }

    #[test]
    fn frames_of_every_length_and_kind_are_the_same_however_they_come() {
        let mut bytes = Vec::new();
        for (number, len) in (0..).zip([0, 1, 125, 126, 127, 65_535, 65_536, 3]) {
            write_frame(&mut bytes, Opcode::Binary, &vec![number; len]);
        }
        write_frame(&mut bytes, Opcode::Ping, b"x");
        bytes.extend_from_slice(&[0x02, 1, 7, 0x82 & 0x80, 1, 8]);
        write_frame(&mut bytes, Opcode::Text, b"hi");
        let whole = told(&bytes, bytes.len());
        let lengths = [
            "0 bytes, None",
            "1 bytes, Some(1)",
            "125 bytes, Some(2)",
            "126 bytes, Some(3)",
            "127 bytes, Some(4)",
            "65535 bytes, Some(5)",
            "65536 bytes, Some(6)",
            "3 bytes, Some(7)",
            "Ping([120])",
            "2 bytes, Some(7)",
            "2 bytes, Some(104)",
        ];
        assert_eq!(whole, lengths);
        for step in [1, 2, 3, 7, 1_000, 65_536] {
            assert_eq!(told(&bytes, step), whole, "in steps of {step}");
        }
    }

    #[test]
    fn frames_that_are_wrong_are_refused_also_behind_others() {
        let too_long = [&[0x82, 126, 0, 125][..], &[0; 125]].concat();
        for (wrong, why) in [
            (&too_long[..], "length 125 is not in its shortest form"),
            (&[0x82, 0x81, 1, 2, 3, 4, 5], "frame of a server is masked"),
            (&[0xc2, 0], "reserved bits 0b100 are set without an extension"),
        ] {
            let bytes = [&[0x82, 1, 9][..], wrong].concat();
            let expected = ["1 bytes, Some(9)".to_owned(), format!("bad frame: {why}")];
            assert_eq!(told(&bytes, bytes.len()), expected);
        }
    }
}
