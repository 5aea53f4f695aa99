//! The section `[listen]`: addresses of the ports.

use std::net::{SocketAddr, ToSocketAddrs};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Addresses of the four ports.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(deserialize_with = "address")]
    pub(crate) tcp: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub(crate) ws: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub(crate) http: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub(crate) admin: SocketAddr,
}

impl Listen {
    /// Two settings with the same port: the later one, the earlier one, and the later address.
    pub(super) fn collision(&self) -> Option<(&'static str, &'static str, SocketAddr)> {
        let listeners = [
            ("listen.tcp", self.tcp),
            ("listen.ws", self.ws),
            ("listen.http", self.http),
            ("listen.admin", self.admin),
        ];
        listeners.iter().enumerate().find_map(|(n, &(path, address))| {
            let other = listeners[..n].iter().find(|(_, other)| overlap(*other, address));
            other.map(|&(other, _)| (path, other, address))
        })
    }
}

/// Whether two listeners collide, so that the second cannot bind.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let anywhere = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (anywhere || a.ip() == b.ip())
}

/// An address as `IP:PORT` or `HOST:PORT`. A host resolves to its first IPv4 address, or else to
/// its first address.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        let message = format!("{text:?} is no address with a port, such as \"127.0.0.1:8888\"");
        return Err(D::Error::custom(message));
    }
    let found = text.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let found = found.map_err(|error| D::Error::custom(format!("{text:?}: {error}")))?;
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| D::Error::custom(format!("{text:?} has no address")))
}
