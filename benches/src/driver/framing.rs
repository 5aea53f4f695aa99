//! Packets into what a transport carries, and back.

use comet_protocol::ws::handshake::{HandshakeLimits, ResponseParse, Upgrade, client_key};
use comet_protocol::ws::{self, Decoder, Event, Limits, Opcode, Role};

use super::Transport;

/// Something that the other side said.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// Packets may go now.
    Opened,
    /// Bytes of packets, cut anywhere.
    Bytes(&'a [u8]),
    /// Something to be answered with these bytes of the transport.
    Answer(&'a [u8]),
    /// There will be no more.
    Closed,
}

/// The other side does not speak the transport.
#[derive(Debug)]
pub(super) struct Broken;

#[derive(Debug)]
pub(super) enum Framing {
    Stream,
    WebSocket(Box<WebSocket>),
}

#[derive(Debug)]
pub(super) struct WebSocket {
    host: String,
    key: String,
    is_open: bool,
    decoder: Decoder,
    /// The beginning of something that is not whole: of the answer, or of a frame's head.
    tail: Vec<u8>,
    random: u64,
}

impl Framing {
    pub(super) fn new(transport: Transport, host: String, random: u64) -> Self {
        match transport {
            Transport::Tcp => Self::Stream,
            Transport::WebSocket => {
                let nonce = u128::from(random).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced);
                let key = client_key(nonce.to_be_bytes());
                let decoder = Decoder::new(Role::Client);
                let tail = Vec::new();
                Self::WebSocket(Box::new(WebSocket {
                    host,
                    key,
                    is_open: false,
                    decoder,
                    tail,
                    random,
                }))
            }
        }
    }

    /// What is to be written before anything else.
    pub(super) fn greeting(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Self::WebSocket(socket) = self {
            socket.upgrade().write_request(&mut out);
        }
        out
    }

    /// Whether packets may go as soon as there is a connection.
    pub(super) const fn opens_at_once(&self) -> bool {
        matches!(self, Self::Stream)
    }

    /// Puts what was not whole in front of what is going to be read; returns its length.
    pub(super) fn restore(&self, buffer: &mut [u8]) -> usize {
        match self {
            Self::Stream => 0,
            Self::WebSocket(socket) => {
                buffer[..socket.tail.len()].copy_from_slice(&socket.tail);
                socket.tail.len()
            }
        }
    }

    /// Reads what came, behind what [`restore`](Self::restore) put there.
    pub(super) fn read(
        &mut self,
        input: &mut [u8],
        mut take: impl FnMut(Said<'_>),
    ) -> Result<(), Broken> {
        match self {
            Self::Stream => {
                take(Said::Bytes(input));
                Ok(())
            }
            Self::WebSocket(socket) => socket.read(input, &mut take),
        }
    }

    /// Appends packets as the transport carries them.
    pub(super) fn write(&mut self, packets: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Stream => out.extend_from_slice(packets),
            Self::WebSocket(socket) => {
                // Masks protect proxies from chosen bytes; a load generator's need no secret.
                socket.random = socket.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let [a, b, c, d, ..] = socket.random.to_be_bytes();
                ws::write_masked_frame(out, Opcode::Binary, packets, [a, b, c, d]);
            }
        }
    }
}

impl WebSocket {
    fn upgrade(&self) -> Upgrade<'_> {
        let (host, key) = (self.host.as_str(), self.key.as_str());
        Upgrade { host, target: "/sub", key, subprotocols: &[], headers: &[] }
    }

    fn read(&mut self, input: &mut [u8], take: &mut impl FnMut(Said<'_>)) -> Result<(), Broken> {
        let mut read = 0;
        if !self.is_open {
            let answer = self.upgrade().parse_response(input, 0, &HandshakeLimits::default());
            match answer.map_err(|_refused| Broken)? {
                ResponseParse::Partial => {
                    self.tail = input.to_vec();
                    return Ok(());
                }
                ResponseParse::Complete(accepted) => read = accepted.consumed,
            }
            self.is_open = true;
            take(Said::Opened);
        }
        loop {
            let decoded = self.decoder.decode(&mut input[read..], &Limits::default());
            let decoded = decoded.map_err(|_bad| Broken)?;
            read += decoded.consumed;
            match decoded.event {
                Some(Event::Message(message)) => take(Said::Bytes(&message.payload)),
                Some(Event::Ping(body)) => take(Said::Answer(&pong(&body))),
                Some(Event::Close(_)) => take(Said::Closed),
                Some(Event::Pong(_)) => {}
                None => break,
            }
        }
        self.tail.clear();
        if read < input.len() {
            self.tail.extend_from_slice(&input[read..]);
        }
        Ok(())
    }
}

fn pong(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ws::write_masked_frame(&mut out, Opcode::Pong, body, [0x37, 0xfa, 0x21, 0x3d]);
    out
}
