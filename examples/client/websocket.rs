//! WebSocket framing: the upgrade, and messages in both directions.
//!
//! Not here: sockets (`connection`), the content of messages (the session).

use bytes::{Buf, Bytes, BytesMut};
use comet_protocol::ws::handshake::{HandshakeLimits, ResponseParse, Upgrade, client_key};
use comet_protocol::ws::{self, CloseCode, Decoder, Event, Limits, MessageKind, Opcode, Role};

use crate::address::Address;
use crate::error::ConnectionError;

/// Bytes allowed in a message besides a body of maximum length.
const BATCH: usize = 1 << 20;

/// An upgrade in progress.
#[derive(Debug)]
pub(crate) struct Handshake<'a> {
    address: &'a Address,
    key: String,
    searched: usize,
}

impl<'a> Handshake<'a> {
    /// Appends the request for this address to `output`.
    pub(crate) fn begin(address: &'a Address, output: &mut Vec<u8>) -> Self {
        let this = Self { address, key: client_key(rand::random()), searched: 0 };
        this.upgrade().write_request(output);
        this
    }

    /// Takes the response from the front of `input`; false if it is incomplete.
    pub(crate) fn finish(&mut self, input: &mut BytesMut) -> Result<bool, ConnectionError> {
        let limits = HandshakeLimits::default();
        match self.upgrade().parse_response(input, self.searched, &limits)? {
            ResponseParse::Partial => {
                self.searched = input.len();
                Ok(false)
            }
            ResponseParse::Complete(accepted) => {
                input.advance(accepted.consumed);
                Ok(true)
            }
        }
    }

    fn upgrade(&self) -> Upgrade<'_> {
        let (host, target) = (self.address.host(), self.address.path());
        Upgrade { host, target, key: &self.key, subprotocols: &[], headers: &[] }
    }
}

/// The messages of an open WebSocket.
#[derive(Debug)]
pub(crate) struct Messages {
    decoder: Decoder,
    limits: Limits,
}

impl Messages {
    /// A decoder for messages with bodies up to this length.
    pub(crate) fn new(max_body: usize) -> Self {
        let limits = Limits { max_message: max_body.saturating_add(BATCH), ..Limits::default() };
        Self { decoder: Decoder::new(Role::Client), limits }
    }

    /// The next complete message, if any. Pings are answered.
    pub(crate) fn take(
        &mut self,
        input: &mut BytesMut,
        output: &mut Vec<u8>,
    ) -> Result<Option<Bytes>, ConnectionError> {
        loop {
            let ws::Decoded { consumed, event } = self.decoder.decode(input, &self.limits)?;
            let taken = match event {
                None => {
                    input.advance(consumed);
                    return Ok(None);
                }
                Some(Event::Message(message)) if message.kind == MessageKind::Binary => {
                    Some(message.into_bytes())
                }
                Some(Event::Message(_)) => return Err(ConnectionError::Text),
                Some(Event::Ping(payload)) => {
                    write(output, Opcode::Pong, &payload);
                    None
                }
                Some(Event::Pong(_)) => None,
                Some(Event::Close(reason)) => {
                    return Err(ConnectionError::Closed(reason.map(|reason| reason.code.get())));
                }
            };
            input.advance(consumed);
            if taken.is_some() {
                return Ok(taken);
            }
        }
    }
}

/// Appends whole frames as one message.
pub(crate) fn write_message(output: &mut Vec<u8>, frames: &[u8]) {
    write(output, Opcode::Binary, frames);
}

/// Appends a close frame.
pub(crate) fn write_goodbye(output: &mut Vec<u8>) {
    write(output, Opcode::Close, &CloseCode::NORMAL.get().to_be_bytes());
}

fn write(output: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    ws::write_masked_frame(output, opcode, payload, rand::random());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(messages: &mut Messages, input: &mut BytesMut) -> (Option<Bytes>, Vec<u8>) {
        let mut output = Vec::new();
        (messages.take(input, &mut output).unwrap(), output)
    }

    /// RFC 6455 section 1.3 gives the accept value for this key.
    #[test]
    fn a_response_is_taken_off_and_frames_stay() {
        let address = "ws://im.example:80".parse().unwrap();
        let key = "dGhlIHNhbXBsZSBub25jZQ==".to_owned();
        let mut handshake = Handshake { address: &address, key, searched: 0 };
        let head = "HTTP/1.1 101 Switching Protocols\r\n\
                    Upgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let mut input = BytesMut::from(&head[..40]);
        assert!(!handshake.finish(&mut input).unwrap());
        input.extend_from_slice(&head.as_bytes()[40..]);
        input.extend_from_slice(b"\x82\x00");
        assert!(handshake.finish(&mut input).unwrap());
        assert_eq!(&input[..], b"\x82\x00");
    }

    #[test]
    fn messages_are_taken_whole_and_pings_are_answered() {
        let mut messages = Messages::new(100);
        let mut input = BytesMut::from(&b"\x89\x02hi\x02\x03abc\x80\x01d\x82\x01"[..]);
        let (message, pong) = take(&mut messages, &mut input);
        assert_eq!(message, Some("abcd".into()));
        assert_eq!(pong[..2], [0x8a, 0x82], "a masked pong of two bytes");
        assert_eq!(take(&mut messages, &mut input), (None, vec![]));
        input.extend_from_slice(b"e");
        assert_eq!(take(&mut messages, &mut input), (Some("e".into()), vec![]));
    }

    #[test]
    fn text_and_goodbyes_end_it() {
        let of = |bytes: &[u8]| Messages::new(9).take(&mut bytes.into(), &mut Vec::new());
        assert!(matches!(of(b"\x81\x01a"), Err(ConnectionError::Text)));
        assert!(matches!(of(b"\x88\x02\x03\xe9"), Err(ConnectionError::Closed(Some(1001)))));
    }
}
