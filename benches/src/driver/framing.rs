//! What a transport puts around packets, taken off again.

use comet_protocol::ws::handshake::{HandshakeLimits, ResponseParse, Upgrade, client_key};
use comet_protocol::ws::{Decoder, Event, Limits, Role};

use super::Transport;
use super::lost::Lost;

/// Something that the other side said.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// Packets may go now.
    Opened,
    /// Bytes of packets: of a stream, cut anywhere; or a whole message.
    Bytes(&'a [u8]),
    /// Something to be answered with the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping.
    Pong,
}

/// What is asked of a WebSocket server.
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
            Transport::Tcp => Self::Stream,
            Transport::WebSocket => {
                let target = target();
                let nonce =
                    u128::from(target.random).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced);
                let key = client_key(nonce.to_be_bytes());
                Self::Upgrading(Box::new(Upgrading { target, key, tail: Vec::new() }))
            }
        }
    }

    /// What is to be written before anything else.
    pub(super) fn greeting(&self) -> Vec<u8> {
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

    /// Puts what was not whole in front of what is going to be read; returns its length.
    pub(super) fn restore(&self, buffer: &mut [u8]) -> usize {
        let tail = match self {
            Self::Stream => return 0,
            Self::Upgrading(upgrading) => &upgrading.tail,
            Self::WebSocket { tail, .. } => tail,
        };
        buffer[..tail.len()].copy_from_slice(tail);
        tail.len()
    }

    /// Reads what came, behind what [`restore`](Self::restore) put there.
    pub(super) fn read(
        &mut self,
        mut input: &mut [u8],
        take: &mut impl FnMut(Said<'_>) -> Result<(), Lost>,
    ) -> Result<(), Lost> {
        if let Self::Upgrading(upgrading) = self {
            let Some(read) = upgrading.read(input)? else { return Ok(()) };
            input = &mut input[read..];
            *self = Self::WebSocket { decoder: Decoder::new(Role::Client), tail: Vec::new() };
            take(Said::Opened)?;
        }
        match self {
            Self::WebSocket { decoder, tail } => decode(decoder, tail, input, take),
            _ => take(Said::Bytes(input)),
        }
    }
}

impl Upgrading {
    fn request(&self) -> Upgrade<'_> {
        let Target { host, path, subprotocols, .. } = &self.target;
        Upgrade { host, target: path, key: &self.key, subprotocols, headers: &[] }
    }

    /// Returns the length of the answer, once it is all there.
    fn read(&mut self, input: &[u8]) -> Result<Option<usize>, Lost> {
        match self.request().parse_response(input, self.tail.len(), &HandshakeLimits::default())? {
            ResponseParse::Complete(accepted) => Ok(Some(accepted.consumed)),
            ResponseParse::Partial => {
                self.tail = input.to_vec();
                Ok(None)
            }
        }
    }
}

fn decode(
    decoder: &mut Decoder,
    tail: &mut Vec<u8>,
    input: &mut [u8],
    take: &mut impl FnMut(Said<'_>) -> Result<(), Lost>,
) -> Result<(), Lost> {
    let (mut read, limits) = (0, Limits::default());
    loop {
        let decoded = decoder.decode(&mut input[read..], &limits)?;
        read += decoded.consumed;
        match decoded.event {
            Some(Event::Message(message)) => take(Said::Bytes(&message.payload))?,
            Some(Event::Ping(body)) => take(Said::Ping(&body))?,
            Some(Event::Pong(_)) => take(Said::Pong)?,
            Some(Event::Close(None)) => return Err(Lost::End),
            Some(Event::Close(Some(why))) => {
                return Err(Lost::Closed { code: why.code.get(), reason: why.reason.into() });
            }
            None => break,
        }
    }
    if read < input.len() || !tail.is_empty() {
        *tail = input[read..].to_vec();
    }
    Ok(())
}
