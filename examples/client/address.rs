//! Addresses of a gateway, with the transport.

use std::fmt;
use std::str::FromStr;

/// Transport of frames.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// A stream of packets.
    Tcp,
    /// WebSocket messages.
    WebSocket,
}

/// `tcp://HOST:PORT`, or the same without the scheme, or `ws://HOST:PORT/PATH`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Address {
    transport: Transport,
    host: String,
    path: String,
}

/// Reason for an invalid address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The scheme is neither `tcp` nor `ws`.
    #[error("scheme is neither tcp nor ws")]
    Scheme,
    /// The port is missing or not a number from 1 to 65535.
    #[error("port is missing")]
    Port,
    /// The host is empty.
    #[error("host is missing")]
    Host,
}

impl Address {
    /// The transport of frames.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Host and port, separated by a colon.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The request target on WebSocket; empty on TCP.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        let (transport, host, path) = match (scheme, rest.find('/')) {
            ("tcp", None) => (Transport::Tcp, rest, ""),
            ("tcp", Some(_)) => return Err(AddressError::Port),
            ("ws", None) => (Transport::WebSocket, rest, "/sub"),
            ("ws", Some(at)) => (Transport::WebSocket, &rest[..at], &rest[at..]),
            _ => return Err(AddressError::Scheme),
        };
        let (name, port) = host.rsplit_once(':').ok_or(AddressError::Port)?;
        if port.parse::<u16>().is_ok_and(|port| port > 0) {
            let (host, path) = (host.to_owned(), path.to_owned());
            return match name {
                "" => Err(AddressError::Host),
                _ => Ok(Self { transport, host, path }),
            };
        }
        Err(AddressError::Port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            Transport::Tcp => "tcp",
            Transport::WebSocket => "ws",
        };
        write!(f, "{scheme}://{}{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<(Transport, String, String), AddressError> {
        let Address { transport, host, path } = text.parse()?;
        Ok((transport, host, path))
    }

    #[test]
    fn an_address_names_transport_host_and_path() {
        let cases = [
            ("127.0.0.1:3101", Transport::Tcp, "127.0.0.1:3101", ""),
            ("tcp://im.example:7", Transport::Tcp, "im.example:7", ""),
            ("ws://[::1]:80", Transport::WebSocket, "[::1]:80", "/sub"),
            ("ws://im.example:80/a/b?c", Transport::WebSocket, "im.example:80", "/a/b?c"),
        ];
        for (text, transport, host, path) in cases {
            assert_eq!(parts(text), Ok((transport, host.to_owned(), path.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let cases = [
            ("wss://im.example:1", AddressError::Scheme),
            ("im.example", AddressError::Port),
            ("im.example:0", AddressError::Port),
            ("tcp://im.example:1/sub", AddressError::Port),
            ("ws://:80/sub", AddressError::Host),
        ];
        for (text, error) in cases {
            assert_eq!(parts(text), Err(error), "{text}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["tcp://im.example:7", "ws://im.example:80/sub"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }
}
