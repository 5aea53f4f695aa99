//! Drives a decoder as a connection does: keeps what was not consumed and puts it in front.

use std::borrow::Cow;

use comet_protocol::ws::deflate::Inflater;
#[cfg(feature = "deflate")]
use comet_protocol::ws::deflate::Window;
use comet_protocol::ws::{
    Decoder, Event, FrameHead, Limits, MAX_HEAD_LEN, MessageKind, Opcode, Role, WsError, apply_mask,
};

/// An event that outlives its input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// The receiving end of a connection.
pub(crate) struct Receiver {
    pub(crate) decoder: Decoder,
    inflater: Inflater,
    limits: Limits,
    unread: Vec<u8>,
    arrived: usize,
}

impl Receiver {
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        Self::with(Decoder::new(role), limits)
    }

    /// On a connection that has agreed to permessage-deflate.
    #[cfg(feature = "deflate")]
    pub(crate) fn deflating(role: Role, limits: Limits) -> Self {
        Self::with(Decoder::with_deflate(role, Window::Bits15), limits)
    }

    fn with(decoder: Decoder, limits: Limits) -> Self {
        let inflater = Inflater::default();
        Self { decoder, inflater, limits, unread: Vec::new(), arrived: 0 }
    }

    /// Everything that can be read after `bytes` have arrived.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Said>, WsError> {
        self.arrived += bytes.len();
        self.unread.extend_from_slice(bytes);
        let mut input = std::mem::take(&mut self.unread);
        let mut said = Vec::new();
        let mut read = 0;
        loop {
            let decoded = self.decoder.decode(&mut input[read..], &self.limits)?;
            read += decoded.consumed;
            let Some(event) = decoded.event else { break };
            said.push(own(match event {
                Event::Message(message) => {
                    let limit = self.limits.max_message;
                    Event::Message(self.inflater.inflate(message, limit)?)
                }
                event => event,
            }));
        }
        self.unread = input.split_off(read);
        assert!(self.unread.len() < MAX_HEAD_LEN, "kept {} bytes", self.unread.len());
        assert!(self.decoder.held() <= 2 * self.arrived + 8, "held {}", self.decoder.held());
        Ok(said)
    }

    /// Nothing is held: neither here nor in the decoder.
    pub(crate) fn is_idle(&self) -> bool {
        self.unread.is_empty() && self.decoder.is_idle()
    }
}

/// What a server with the default limits makes of bytes that come at once.
pub(crate) fn received_by_server(bytes: &[u8]) -> Result<Vec<Said>, WsError> {
    Receiver::new(Role::Server, Limits::default()).receive(bytes)
}

/// What a client with the default limits makes of bytes that come at once.
pub(crate) fn received_by_client(bytes: &[u8]) -> Result<Vec<Said>, WsError> {
    Receiver::new(Role::Client, Limits::default()).receive(bytes)
}

/// One frame as a sender may write it; masked one byte at a time, unlike the code under test.
pub(crate) fn frame(fin: bool, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let payload_len = payload.len() as u64;
    let head = FrameHead { fin, compressed: false, opcode, mask, payload_len };
    let mut bytes = head.encode().to_vec();
    let mask = mask.unwrap_or_default();
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

/// The bytes of hexadecimal digits.
pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn own(event: Event<'_>) -> Said {
    match event {
        Event::Message(message) => match message.kind {
            MessageKind::Text => Said::Text(message.payload.into_owned()),
            MessageKind::Binary => Said::Binary(message.payload.into_owned()),
        },
        Event::Ping(body) => Said::Ping(body.into_owned()),
        Event::Pong(body) => Said::Pong(body.into_owned()),
        Event::Close(close) => {
            Said::Close(close.map(|close| (close.code.get(), close.reason.into_owned())))
        }
    }
}

/// Whether a message was lent out of the input.
pub(crate) fn is_lent(event: &Event<'_>) -> bool {
    matches!(event, Event::Message(message) if matches!(message.payload, Cow::Borrowed(_)))
}

#[test]
fn bytewise_mask_is_its_own_inverse() {
    let mut bytes = frame(true, Opcode::Binary, b"masked bytes", Some([1, 2, 3, 4]));
    apply_mask([1, 2, 3, 4], &mut bytes[6..]);
    assert_eq!(bytes[6..], *b"masked bytes");
}
