//! The client's end of a WebSocket: the upgrade, frames, and the automatic replies of browsers.

use comet_protocol::ws::handshake::{HandshakeLimits, ResponseParse, Upgrade};
use comet_protocol::ws::{Decoder, Event, Limits, Opcode, Role, write_masked_frame};

/// The example of RFC 6455; it does not have to be random here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// An event from the input.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Input {
    /// The upgrade was accepted.
    Open,
    /// A message.
    Message(Vec<u8>),
    /// A ping, to be answered with this payload.
    Ping(Vec<u8>),
    /// A close frame, or a refused upgrade.
    Close,
    /// Invalid input.
    Invalid,
}

#[derive(Debug)]
pub(super) struct WebSocket {
    is_open: bool,
    decoder: Decoder,
    unread: Vec<u8>,
}

impl WebSocket {
    pub(super) const fn new() -> Self {
        Self { is_open: false, decoder: Decoder::new(Role::Client), unread: Vec::new() }
    }

    pub(super) fn request() -> Vec<u8> {
        let mut request = Vec::with_capacity(160);
        upgrade().write_request(&mut request);
        request
    }

    pub(super) fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        write_masked_frame(&mut frame, opcode, payload, [0x37, 0xfa, 0x21, 0x3d]);
        frame
    }

    /// Parses input, split at any point.
    pub(super) fn read(&mut self, bytes: &[u8], inputs: &mut Vec<Input>) {
        self.unread.extend_from_slice(bytes);
        if !self.is_open && !self.read_response(inputs) {
            return;
        }
        loop {
            let decoded = match self.decoder.decode(&mut self.unread, &Limits::default()) {
                Ok(decoded) => decoded,
                Err(_broken) => return inputs.push(Input::Invalid),
            };
            let consumed = decoded.consumed;
            let has_event = decoded.event.is_some();
            match decoded.event {
                Some(Event::Message(message)) => {
                    inputs.push(Input::Message(message.payload.into_owned()));
                }
                Some(Event::Ping(body)) => inputs.push(Input::Ping(body.into_owned())),
                Some(Event::Close(_)) => inputs.push(Input::Close),
                Some(Event::Pong(_)) | None => {}
            }
            self.unread.drain(..consumed);
            if !has_event {
                return;
            }
        }
    }

    /// Parses the upgrade's response; true once frames may follow.
    fn read_response(&mut self, inputs: &mut Vec<Input>) -> bool {
        match upgrade().parse_response(&self.unread, 0, &HandshakeLimits::default()) {
            Ok(ResponseParse::Partial) => {}
            Ok(ResponseParse::Complete(accepted)) => {
                self.unread.drain(..accepted.consumed);
                self.is_open = true;
                inputs.push(Input::Open);
            }
            Err(_refused) => inputs.push(Input::Close),
        }
        self.is_open
    }
}

const fn upgrade() -> Upgrade<'static> {
    Upgrade { host: "sim", target: "/sub", key: KEY, subprotocols: &[], headers: &[] }
}
