//! The upgrade to WebSocket.

use bytes::{Buf, BytesMut};
use comet_protocol::ws::handshake::{HandshakeLimits, ResponseParse, Upgrade, client_key};

use crate::address::Address;
use crate::error::ConnectionError;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
