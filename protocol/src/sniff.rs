//! Detection of a connection's protocol from its first bytes, for a port that serves several.
//!
//! The protocols cannot be confused: a TLS record begins with 0x16, a packet with the high byte of
//! its length, which is 0 below 16 MiB, and a request with a method in capital letters.
//!
//! Not here: telling the dialects of packets apart ([`head::detect`](crate::head::detect)), nor
//! whether a request is an upgrade ([`ws::handshake`](crate::ws::handshake)).

/// First byte of a TLS record that carries a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Longest method, registered ones being at most 17 bytes long (RFC 9110 section 16.1.1).
const MAX_METHOD: usize = 17;

/// Protocol of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Opening {
    /// TLS: a ClientHello.
    Tls,
    /// HTTP/1, or the preface of HTTP/2 with prior knowledge.
    Http,
    /// Packets of a binary dialect.
    Packet,
}

/// The first bytes are of no known protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("first bytes of no known protocol")]
pub struct Unrecognized;

/// Protocol of the connection that begins with these bytes; `None` until they tell. Needs one byte
/// for TLS and packets, and at most 18 for HTTP: the method and a space.
///
/// # Errors
///
/// [`Unrecognized`], as soon as it is certain.
pub fn sniff(input: &[u8]) -> Result<Option<Opening>, Unrecognized> {
    match input.first() {
        None => return Ok(None),
        Some(&TLS_HANDSHAKE) => return Ok(Some(Opening::Tls)),
        Some(0) => return Ok(Some(Opening::Packet)),
        Some(_) => {}
    }
    let method = input.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match input.get(method) {
        _ if method > MAX_METHOD => Err(Unrecognized),
        None => Ok(None),
        Some(b' ') if method > 0 => Ok(Some(Opening::Http)),
        Some(_) => Err(Unrecognized),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sniffed = Result<Option<Opening>, Unrecognized>;

    #[test]
    fn first_bytes_tell_the_protocol_as_early_as_they_can() {
        let table: [(&[u8], Sniffed); 16] = [
            (b"", Ok(None)),
            (b"\x16", Ok(Some(Opening::Tls))),
            (b"\x16\x03\x01", Ok(Some(Opening::Tls))),
            (b"\x00", Ok(Some(Opening::Packet))),
            (b"\x00\x00\x00\x14\x00\x14", Ok(Some(Opening::Packet))),
            (b"G", Ok(None)),
            (b"GET", Ok(None)),
            (b"GET ", Ok(Some(Opening::Http))),
            (b"POST /x HTTP/1.1\r\n", Ok(Some(Opening::Http))),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Ok(Some(Opening::Http))),
            (b"get / HTTP/1.1", Err(Unrecognized)),
            (b" GET", Err(Unrecognized)),
            (b"SSH-2.0-OpenSSH_9.9", Err(Unrecognized)),
            (b"\x01", Err(Unrecognized)),
            (b"\x80\x2e\x01", Err(Unrecognized)),
            (b"\xff", Err(Unrecognized)),
        ];
        for (input, expected) in table {
            assert_eq!(sniff(input), expected, "{input:?}");
        }
        let long = [b'A'; 100];
        assert_eq!(sniff(&long[..17]), Ok(None));
        assert_eq!(sniff(&long[..18]), Err(Unrecognized));
    }
}
