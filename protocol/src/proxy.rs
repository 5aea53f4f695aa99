//! The PROXY protocol, versions 1 and 2: the header by which a proxy names the client of a
//! connection, ahead of the client's own bytes.
//!
//! Not here: which peers may send one (`comet::TrustedProxies`). A receiver expects the header by
//! its configuration and never guesses, as the specification demands.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Longest header of version 1 with its line end (specification, section 2.1).
pub const MAX_V1: usize = 107;

/// Longest accepted header of version 2. A proxy that appends certificate details needs about
/// 1 KiB.
pub const MAX_V2: usize = 4_096;

const V1_START: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length of the rest.
const V2_FIXED: usize = 16;

/// Connection that the header describes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Source {
    /// The proxy's own connection, a health check for instance, or one of a family without IP
    /// addresses: `LOCAL`, `UNKNOWN`, `AF_UNSPEC` and `AF_UNIX`.
    Unnamed,
    /// A client at this address.
    Client(SocketAddr),
}

/// Progress of a header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parse {
    /// The header is not complete. Call again with more.
    Partial,
    /// The header is complete.
    Complete {
        /// The connection that it describes.
        source: Source,
        /// Its length; bytes of the client may already follow it.
        consumed: usize,
    },
}

/// Error in a header. Each of them ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The first bytes are not those of a header.
    #[error("connection does not begin with a PROXY header")]
    Missing,
    /// A line of version 1 that does not have the form of one.
    #[error("malformed PROXY line")]
    Line,
    /// A version, command, family or protocol that the specification reserves.
    #[error("reserved value in a PROXY header")]
    Reserved,
    /// Addresses of version 2 do not fit into the announced length.
    #[error("PROXY header is too short for its addresses")]
    Short,
    /// Longer than [`MAX_V1`] or [`MAX_V2`].
    #[error("PROXY header is too long")]
    TooLong,
}

/// Reads the header at the front of a connection. Bytes that cannot begin one are an error at once;
/// at most [`MAX_V2`] bytes have to be kept for an incomplete one. Additional fields (TLVs) of
/// version 2 are skipped, checksums among them.
///
/// # Errors
///
/// [`ProxyError`].
pub fn parse(input: &[u8]) -> Result<Parse, ProxyError> {
    let begins = |start: &[u8]| start.iter().zip(input).all(|(expected, byte)| expected == byte);
    if begins(V2_SIGNATURE) {
        return if input.len() < V2_FIXED { Ok(Parse::Partial) } else { binary(input) };
    }
    if begins(V1_START) {
        return line(input);
    }
    Err(ProxyError::Missing)
}

/// Version 1: one line of text.
fn line(input: &[u8]) -> Result<Parse, ProxyError> {
    let window = &input[..input.len().min(MAX_V1)];
    let Some(end) = window.windows(2).position(|bytes| bytes == b"\r\n") else {
        return if input.len() < MAX_V1 { Ok(Parse::Partial) } else { Err(ProxyError::TooLong) };
    };
    let text = str::from_utf8(&input[..end]).map_err(|_| ProxyError::Line)?;
    let source = described(text)?;
    Ok(Parse::Complete { source, consumed: end + 2 })
}

/// The connection that a line describes.
fn described(line: &str) -> Result<Source, ProxyError> {
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        // What follows is to be ignored.
        return Ok(Source::Unnamed);
    }
    let words: Vec<&str> = words.collect();
    let [source, destination, source_port, destination_port] = words[..] else {
        return Err(ProxyError::Line);
    };
    let address = match family {
        "TCP4" => addresses::<Ipv4Addr>(source, destination).map(IpAddr::V4),
        "TCP6" => addresses::<Ipv6Addr>(source, destination).map(IpAddr::V6),
        _ => None,
    };
    let ports = port(source_port).zip(port(destination_port));
    let (address, (port, _)) = address.zip(ports).ok_or(ProxyError::Line)?;
    Ok(Source::Client(SocketAddr::new(address, port)))
}

/// The source address, if both are valid.
fn addresses<A: FromStr>(source: &str, destination: &str) -> Option<A> {
    destination.parse::<A>().ok()?;
    source.parse().ok()
}

/// A port without sign and leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text.len() == 1 || !text.starts_with('0');
    (is_plain && is_short).then(|| text.parse().ok())?
}

/// Version 2, of which the fixed part is there.
fn binary(input: &[u8]) -> Result<Parse, ProxyError> {
    let &[version_command, family_protocol, len_high, len_low, ..] = &input[V2_SIGNATURE.len()..]
    else {
        return Ok(Parse::Partial);
    };
    let is_local = match version_command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyError::Reserved),
    };
    let (family, protocol) = (family_protocol >> 4, family_protocol & 0xf);
    if !is_local && (family > 3 || protocol > 2) {
        return Err(ProxyError::Reserved);
    }
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let consumed = V2_FIXED + len;
    if consumed > MAX_V2 {
        return Err(ProxyError::TooLong);
    }
    // The length of addresses; the rest is additional fields.
    let of_addresses = if is_local { 0 } else { [0, 12, 36, 216][usize::from(family)] };
    if len < of_addresses {
        return Err(ProxyError::Short);
    }
    let Some(header) = input.get(..consumed) else { return Ok(Parse::Partial) };
    let source = match family {
        1 if !is_local => client::<4, _>(&header[V2_FIXED..], Ipv4Addr::from),
        2 if !is_local => client::<16, _>(&header[V2_FIXED..], Ipv6Addr::from),
        _ => Some(Source::Unnamed),
    };
    Ok(Parse::Complete { source: source.ok_or(ProxyError::Short)?, consumed })
}

/// The source of two addresses of `N` bytes, which their ports follow.
fn client<const N: usize, A: Into<IpAddr>>(
    block: &[u8],
    address: impl Fn([u8; N]) -> A,
) -> Option<Source> {
    let source = block.first_chunk::<N>()?;
    let port = block.get(2 * N..)?.first_chunk::<2>()?;
    Some(Source::Client(SocketAddr::new(address(*source).into(), u16::from_be_bytes(*port))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn complete(source: Source, consumed: usize) -> Result<Parse, ProxyError> {
        Ok(Parse::Complete { source, consumed })
    }

    fn client(text: &str) -> Source {
        Source::Client(text.parse().unwrap())
    }

    /// A header of version 2.
    fn v2(version_command: u8, family_protocol: u8, rest: &[u8]) -> Vec<u8> {
        let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [V2_SIGNATURE, &[version_command, family_protocol][..], &len, rest].concat()
    }

    #[test]
    fn lines_of_the_specification_are_read() {
        let table = [
            ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", client("192.168.0.1:56324")),
            (
                "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
                client("255.255.255.255:65535"),
            ),
            ("PROXY TCP6 2001:db8::1 ::1 0 443\r\n", client("[2001:db8::1]:0")),
            ("PROXY UNKNOWN\r\n", Source::Unnamed),
            ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Source::Unnamed),
        ];
        for (line, expected) in table {
            assert_eq!(parse(line.as_bytes()), complete(expected, line.len()), "{line}");
            let followed = format!("{line}GET / HTTP/1.1\r\n");
            assert_eq!(parse(followed.as_bytes()), complete(expected, line.len()), "{followed}");
        }
        let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_V1 - 16));
        assert_eq!(longest.len(), MAX_V1);
        assert_eq!(parse(longest.as_bytes()), complete(Source::Unnamed, MAX_V1));
    }

    #[test]
    fn lines_that_differ_from_it_are_refused() {
        let malformed = [
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
            "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
            "PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 192.168.0.1 host 56324 443\r\n",
            "PROXY TCP4 ::1 ::1 56324 443\r\n",
            "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 01 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11  443\r\n",
            "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY unknown\r\n",
            "PROXY \r\n",
            "PROXY \u{fc}\r\n",
        ];
        for line in malformed {
            assert_eq!(parse(line.as_bytes()), Err(ProxyError::Line), "{line}");
        }
        let endless = format!("PROXY UNKNOWN {}", "f".repeat(MAX_V1));
        assert_eq!(parse(&endless.as_bytes()[..MAX_V1 - 1]), Ok(Parse::Partial));
        assert_eq!(parse(&endless.as_bytes()[..MAX_V1]), Err(ProxyError::TooLong));
        for other in ["GET / HTTP/1.1\r\n", "proxy TCP4 ", "PROXX", "PROXY\t", "\0\0\0\x14", " "] {
            assert_eq!(parse(other.as_bytes()), Err(ProxyError::Missing), "{other:?}");
        }
    }

    #[test]
    fn binary_headers_are_read_and_their_additional_fields_skipped() {
        let v4 = [198, 51, 100, 7, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 7;
        v6[32..].copy_from_slice(&[0x12, 0x67, 0x01, 0xbb]);
        let fields = [3, 0, 4, 1, 2, 3, 4, 0x20, 0, 1, 9];
        let table: [(u8, u8, &[u8], Source); 9] = [
            (0x21, 0x11, &v4, client("198.51.100.7:4711")),
            (0x21, 0x12, &v4, client("198.51.100.7:4711")),
            (0x21, 0x21, &v6, client("[2001:db8::7]:4711")),
            (0x21, 0x00, &[], Source::Unnamed),
            (0x21, 0x31, &[0; 216], Source::Unnamed),
            (0x20, 0x00, &[], Source::Unnamed),
            (0x20, 0x11, &v4, Source::Unnamed),
            (0x20, 0x11, &[], Source::Unnamed),
            (0x20, 0xff, &[1, 2], Source::Unnamed),
        ];
        for (version_command, family_protocol, rest, expected) in table {
            for rest in [rest.to_vec(), [rest, &fields].concat()] {
                let mut header = v2(version_command, family_protocol, &rest);
                let len = header.len();
                header.extend_from_slice(b"\0\0\0\x14");
                assert_eq!(parse(&header), complete(expected, len), "{header:?}");
                assert_eq!(parse(&header[..len - 1]), Ok(Parse::Partial));
            }
        }
    }

    #[test]
    fn binary_headers_that_differ_from_the_specification_are_refused() {
        let table: [(u8, u8, usize, ProxyError); 8] = [
            (0x11, 0x11, 12, ProxyError::Reserved),
            (0x31, 0x11, 12, ProxyError::Reserved),
            (0x22, 0x11, 12, ProxyError::Reserved),
            (0x21, 0x41, 12, ProxyError::Reserved),
            (0x21, 0x13, 12, ProxyError::Reserved),
            (0x21, 0x11, 11, ProxyError::Short),
            (0x21, 0x21, 35, ProxyError::Short),
            (0x21, 0x11, MAX_V2 - 15, ProxyError::TooLong),
        ];
        for (version_command, family_protocol, len, expected) in table {
            let header = v2(version_command, family_protocol, &vec![0; len]);
            // Told by the fixed part, before anything is kept.
            assert_eq!(parse(&header[..V2_FIXED]), Err(expected));
        }
        let longest = v2(0x21, 0x11, &[0; MAX_V2 - V2_FIXED]);
        assert_eq!(parse(&longest), complete(client("0.0.0.0:0"), MAX_V2));
    }

    proptest! {
        #[test]
        fn a_written_address_is_read_again_whatever_follows(
            address: IpAddr, port: u16, rest: Vec<u8>,
        ) {
            let source = SocketAddr::new(address, port);
            let family = if address.is_ipv4() { "TCP4" } else { "TCP6" };
            let line = format!("PROXY {family} {address} {address} {port} {port}\r\n");
            let octets = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            let ports = port.to_be_bytes();
            let block = [&octets[..], &octets, &ports, &ports].concat();
            let binary = v2(0x21, if address.is_ipv4() { 0x11 } else { 0x21 }, &block);
            for header in [line.as_bytes(), &binary] {
                let expected = complete(Source::Client(source), header.len());
                prop_assert_eq!(parse(&[header, &rest].concat()), expected);
                for len in 0..header.len() {
                    prop_assert_eq!(parse(&header[..len]), Ok(Parse::Partial));
                }
            }
        }

        #[test]
        fn anything_is_decided_within_its_bound_and_the_same_in_pieces(
            start in prop_oneof![
                Just(&b""[..]), Just(V1_START), Just(&V2_SIGNATURE[..]),
            ],
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let input = [start, &rest].concat();
            // It asserts the rest.
            crate::fuzzing::proxy(&input);
            let is_line = input.starts_with(V1_START);
            prop_assert!(!is_line || input.len() < MAX_V1 || parse(&input) != Ok(Parse::Partial));
        }
    }
}
