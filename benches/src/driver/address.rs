//! Addresses as users write them: `wss://chat.example:3103/sub`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use url::Url;

use super::quic::QuicTarget;
use super::route::{Route, TlsTarget, Transport};
use super::trust::{Trust, TrustError};

/// Errors of an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// It is not written like one.
    #[error("{0:?} is no address: {1}")]
    Malformed(String, url::ParseError),
    /// It begins with something else than a transport.
    #[error("{0:?} begins with none of tcp://, tls://, ws://, wss://, quic://, wt://, sse://")]
    Scheme(String),
    /// A host or a port is missing.
    #[error("{0:?} lacks a host, or a port")]
    Nowhere(String),
    /// The host is not found.
    #[error("{0:?} is not found: {1}")]
    Unknown(String, io::Error),
    /// Its certificates could not be checked.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Route {
    /// Reads an address: `tcp://host:port`, `tls://host:port`, `quic://host:port`,
    /// `ws://host:port/path`, `wss://host:port/path`, `wt://host:port/path`, which is WebTransport,
    /// or `sse://host:port`, which is server-sent events and POSTs over HTTP. Without a path, or
    /// with `/`, the dialect's own is taken; `{room}` and `{user}` in it are filled in. A host name
    /// is looked up now, and an address of IPv4 is preferred.
    ///
    /// # Errors
    ///
    /// [`RouteError`].
    pub fn parse(text: &str, trust: &Trust) -> Result<Self, RouteError> {
        let url = Url::parse(text).map_err(|why| RouteError::Malformed(text.to_owned(), why))?;
        let (transport, is_secure) = match url.scheme() {
            "tcp" => (Transport::Tcp, false),
            "tls" => (Transport::Tcp, true),
            "ws" => (Transport::WebSocket, false),
            "wss" => (Transport::WebSocket, true),
            "quic" => (Transport::Quic, true),
            "wt" => (Transport::WebTransport, true),
            "sse" => (Transport::Sse, false),
            _ => return Err(RouteError::Scheme(text.to_owned())),
        };
        let nowhere = || RouteError::Nowhere(text.to_owned());
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(nowhere)?;
        let port = url.port_or_known_default().ok_or_else(nowhere)?;
        let name = host.trim_matches(['[', ']']);
        let mut route = Self::new(look_up(text, name, port)?, transport);
        route.path = path(&url);
        route.host = Some(match url.port() {
            Some(port) => format!("{host}:{port}").into(),
            None => host.into(),
        });
        if transport.is_udp() {
            let config = trust.quic(transport == Transport::WebTransport)?;
            route.quic = Some(Arc::new(QuicTarget { config, name: name.to_owned() }));
        } else if is_secure {
            let name = ServerName::try_from(name.to_owned()).map_err(|_| nowhere())?;
            route.secure = Some(Arc::new(TlsTarget { config: trust.config()?, name }));
        }
        Ok(route)
    }
}

fn look_up(text: &str, name: &str, port: u16) -> Result<SocketAddr, RouteError> {
    let unknown = |why| RouteError::Unknown(text.to_owned(), why);
    let found: Vec<SocketAddr> = (name, port).to_socket_addrs().map_err(unknown)?.collect();
    let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
    preferred.copied().ok_or_else(|| unknown(io::ErrorKind::NotFound.into()))
}

/// The path and the query, unless there is nothing to them. Braces have been escaped on the way.
fn path(url: &Url) -> Option<Arc<str>> {
    let mut path = url.path().replace("%7B", "{").replace("%7D", "}");
    if let Some(query) = url.query() {
        path.push('?');
        path.push_str(&query.replace("%7B", "{").replace("%7D", "}"));
    }
    (!matches!(path.as_str(), "" | "/")).then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Route, RouteError> {
        Route::parse(text, &Trust::Anybody)
    }

    #[test]
    fn an_address_says_by_what_where_and_on_which_path() {
        let route = parse("ws://127.0.0.1:3102/room/{room}?u={user}").unwrap();
        assert_eq!(
            (route.to, route.transport),
            (SocketAddr::from(([127, 0, 0, 1], 3102)), Transport::WebSocket)
        );
        assert_eq!(route.path.as_deref(), Some("/room/{room}?u={user}"));
        assert_eq!(
            (route.host.as_deref(), route.secure.is_some()),
            (Some("127.0.0.1:3102"), false)
        );
        let route = parse("tls://[::1]:3103").unwrap();
        assert_eq!(route.to, "[::1]:3103".parse().unwrap());
        assert_eq!((route.transport, route.path.as_deref()), (Transport::Tcp, None));
        assert!(route.secure.is_some());
        for (text, transport, path) in [
            ("quic://127.0.0.1:3104", Transport::Quic, None),
            ("wt://127.0.0.1:3104/sub", Transport::WebTransport, Some("/sub")),
        ] {
            let route = parse(text).unwrap();
            assert_eq!((route.transport, route.path.as_deref()), (transport, path));
            assert!(route.quic.is_some() && route.secure.is_none());
        }
        let route = parse("wss://localhost/").unwrap();
        assert_eq!((route.to.port(), route.path.as_deref()), (443, None));
        assert!(route.to.ip().is_loopback());
        assert_eq!(route.host.as_deref(), Some("localhost"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        let why = |text| parse(text).expect_err("no address").to_string();
        assert_eq!(
            why("127.0.0.1:3102").split(':').next_back(),
            Some(" relative URL without a base")
        );
        let schemes = "tcp://, tls://, ws://, wss://, quic://, wt://, sse://";
        assert_eq!(why("http://h:1"), format!(r#""http://h:1" begins with none of {schemes}"#));
        assert_eq!(why("tcp://127.0.0.1"), r#""tcp://127.0.0.1" lacks a host, or a port"#);
        assert!(why("tcp://nobody.invalid:1").contains("is not found"));
        let missing = Trust::File("/nowhere/ca.pem".into());
        let error = Route::parse("wss://127.0.0.1:1", &missing).unwrap_err();
        assert!(error.to_string().starts_with("no certificates in /nowhere/ca.pem: "), "{error}");
    }
}
