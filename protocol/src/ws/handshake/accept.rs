//! Keys of the handshake (RFC 6455 sections 4.1 and 4.2.2).

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use sha1::{Digest, Sha1};

use crate::ws::agreement::Agreement;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NONCE_LEN: usize = 16;

/// Only the decoded length of a key matters, so unused bits of its last letter are ignored.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// The `Sec-WebSocket-Key` of a nonce, which the client chooses at random.
#[must_use]
pub fn client_key(nonce: [u8; NONCE_LEN]) -> String {
    STANDARD.encode(nonce)
}

/// Appends the response that opens the connection, without an extension.
///
/// `subprotocol` must be one of those the request offers. It is written unchanged.
pub fn write_accept(out: &mut Vec<u8>, key: &str, subprotocol: Option<&str>) {
    write_accept_with(out, key, subprotocol, None);
}

/// Appends the response that opens the connection, with what was agreed about compression.
///
/// `subprotocol` must be one of those the request offers. It is written unchanged.
pub fn write_accept_with(
    out: &mut Vec<u8>,
    key: &str,
    subprotocol: Option<&str>,
    deflate: Option<&Agreement>,
) {
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: ",
    );
    out.extend_from_slice(accept_key(key).as_bytes());
    if let Some(subprotocol) = subprotocol {
        out.extend_from_slice(b"\r\nSec-WebSocket-Protocol: ");
        out.extend_from_slice(subprotocol.as_bytes());
    }
    if let Some(deflate) = deflate {
        out.extend_from_slice(b"\r\nSec-WebSocket-Extensions: ");
        out.extend_from_slice(deflate.to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// Whether a key is the base64 of 16 bytes.
pub(super) fn is_key(key: &[u8]) -> bool {
    // Maximum decoded length of 24 letters.
    let mut nonce = [0; NONCE_LEN + 2];
    LENIENT.decode_slice(key, &mut nonce) == Ok(NONCE_LEN)
}
