//! The section `[listen]`: addresses of the ports.

use std::net::{SocketAddr, ToSocketAddrs};

use comet::ProxyProtocol;
use serde::de::{Error as _, IntoDeserializer};
use serde::{Deserialize, Deserializer};

/// Addresses of the ports, and which of them require PROXY headers.
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
    #[serde(deserialize_with = "address")]
    pub(crate) tls: SocketAddr,
    #[serde(default, deserialize_with = "optional_address")]
    pub(crate) any: Option<SocketAddr>,
    /// All but administration, TLS alone.
    #[serde(deserialize_with = "address_or_none")]
    pub(crate) https: Option<SocketAddr>,
    /// UDP, so that it collides with none of the others.
    #[serde(deserialize_with = "address_or_none")]
    pub(crate) quic: Option<SocketAddr>,
    pub(crate) tcp_proxy_protocol: ProxyHeaders,
    pub(crate) ws_proxy_protocol: ProxyHeaders,
    pub(crate) http_proxy_protocol: ProxyHeaders,
    pub(crate) any_proxy_protocol: ProxyHeaders,
    pub(crate) tls_proxy_protocol: ProxyHeaders,
    pub(crate) https_proxy_protocol: ProxyHeaders,
}

/// Whether connections of a port begin with a PROXY header.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProxyHeaders {
    Off,
    Required,
}

impl From<ProxyHeaders> for ProxyProtocol {
    fn from(headers: ProxyHeaders) -> Self {
        match headers {
            ProxyHeaders::Off => Self::Off,
            ProxyHeaders::Required => Self::Required,
        }
    }
}

impl Listen {
    /// Two settings with the same port: the later one, the earlier one, and the later address.
    pub(super) fn collision(&self) -> Option<(&'static str, &'static str, SocketAddr)> {
        let any = self.any.map(|address| ("listen.any", address));
        let https = self.https.map(|address| ("listen.https", address));
        let listeners: Vec<_> = [
            ("listen.tcp", self.tcp),
            ("listen.ws", self.ws),
            ("listen.http", self.http),
            ("listen.admin", self.admin),
            ("listen.tls", self.tls),
        ]
        .into_iter()
        .chain(any)
        .chain(https)
        .collect();
        listeners.iter().enumerate().find_map(|(n, &(path, address))| {
            let other = listeners[..n].iter().find(|(_, other)| overlap(*other, address));
            other.map(|&(other, _)| (path, other, address))
        })
    }

    /// The first setting that requires PROXY headers, if any.
    pub(super) fn requires_proxies(&self) -> Option<&'static str> {
        let settings = [
            ("listen.tcp_proxy_protocol", self.tcp_proxy_protocol),
            ("listen.ws_proxy_protocol", self.ws_proxy_protocol),
            ("listen.http_proxy_protocol", self.http_proxy_protocol),
            ("listen.any_proxy_protocol", self.any_proxy_protocol),
            ("listen.tls_proxy_protocol", self.tls_proxy_protocol),
            ("listen.https_proxy_protocol", self.https_proxy_protocol),
        ];
        let mut required = settings.into_iter().filter(|(_, it)| *it == ProxyHeaders::Required);
        required.next().map(|(path, _)| path)
    }
}

/// Whether two listeners collide, so that the second cannot bind.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let anywhere = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (anywhere || a.ip() == b.ip())
}

/// An address, or none if it is empty.
fn address_or_none<'de, D>(deserializer: D) -> Result<Option<SocketAddr>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { address(text.into_deserializer()).map(Some) }
}

fn optional_address<'de, D>(deserializer: D) -> Result<Option<SocketAddr>, D::Error>
where
    D: Deserializer<'de>,
{
    address(deserializer).map(Some)
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
