//! Listening addresses and their protocols.

use std::net::SocketAddr;
use std::time::Duration;

use comet_protocol::Dialect;
use comet_protocol::ws::deflate::{Agreement, Window};
pub use comet_protocol::ws::handshake::OriginPolicy;
use comet_protocol::ws::handshake::{HandshakeError, Request, choose_subprotocol, is_subprotocol};

use crate::http::{HttpConnection, HttpHandler};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// The subprotocol of the text dialect, which clients may offer.
const TEXT: &str = "comet.text";

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) profile: Profile,
}

/// Whether connections of a listener begin with a PROXY header. It is never guessed: a client could
/// send one as well.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// No header.
    #[default]
    Off,
    /// Each connection begins with a header of version 1 or 2. It is accepted from
    /// [`trusted_proxies`](crate::Config::trusted_proxies) only: other peers, and connections that
    /// begin differently, are closed.
    Required,
}

/// Protocols served by a listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Serves {
    /// Packets on TCP.
    Packets,
    /// Packets or messages on WebSocket.
    WebSocket,
    /// Both, told by the first bytes.
    Any,
}

/// TLS of a listener.
#[cfg(feature = "tls")]
#[derive(Clone, Debug)]
pub(crate) struct OverTls {
    pub(crate) tls: Tls,
    /// Plain connections are served too.
    pub(crate) is_optional: bool,
}

/// Protocol of a listener's connections.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) serves: Serves,
    pub(crate) proxy_protocol: ProxyProtocol,
    pub(crate) http: Option<HttpHandler>,
    pub(crate) dialect: Option<Dialect>,
    /// As set by the embedder; [`Profile::permits`] has the default.
    pub(crate) origin: Option<OriginPolicy>,
    pub(crate) paths: Vec<String>,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) subprotocols: Vec<String>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<OverTls>,
    deflate: bool,
}

impl Profile {
    pub(crate) fn tcp() -> Self {
        Self {
            serves: Serves::Packets,
            proxy_protocol: ProxyProtocol::Off,
            http: None,
            dialect: None,
            origin: None,
            paths: Vec::new(),
            ping_interval: None,
            subprotocols: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            deflate: false,
        }
    }

    pub(crate) fn websocket() -> Self {
        let paths = vec!["/sub".to_owned(), "/sub/".to_owned()];
        Self { serves: Serves::WebSocket, paths, ..Self::tcp() }
    }

    fn any() -> Self {
        Self { serves: Serves::Any, ..Self::websocket() }
    }

    /// Agrees to permessage-deflate where that can be.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated() -> Self {
        Self { deflate: cfg!(feature = "deflate"), ..Self::websocket() }
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn raw() -> Self {
        Self { serves: Serves::WebSocket, dialect: Some(Dialect::Raw), ..Self::tcp() }
    }

    pub(crate) fn serves(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|known| known == path)
    }

    /// Whether a page of this origin may connect to this host.
    pub(crate) fn permits(&self, origin: Option<&str>, host: &str) -> bool {
        let by_default = if self.is_raw() { &OriginPolicy::SameHost } else { &OriginPolicy::Any };
        self.origin.as_ref().unwrap_or(by_default).permits(origin, host)
    }

    pub(crate) fn is_raw(&self) -> bool {
        self.dialect == Some(Dialect::Raw)
    }

    /// The subprotocol selected for a client.
    pub(crate) fn subprotocol_for(&self, request: &Request) -> Option<&str> {
        if self.subprotocols.is_empty() {
            return None;
        }
        let offered: Vec<&str> = request.subprotocols().collect();
        choose_subprotocol(&self.subprotocols, &offered)
    }

    /// What is agreed with a client about compression, with a window of at most this size.
    ///
    /// # Errors
    ///
    /// The field of its request is malformed.
    pub(crate) fn agree(
        &self,
        request: &Request,
        most: Window,
    ) -> Result<Option<Agreement>, HandshakeError> {
        #[cfg(feature = "deflate")]
        if self.deflate {
            return comet_protocol::ws::deflate::negotiate(request, most);
        }
        let (_, _) = (request, most);
        Ok(None)
    }

    /// Description of the first invalid setting.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let whole_messages = self.dialect.is_some_and(|it| it.abilities().whole_messages);
        if whole_messages && self.serves != Serves::WebSocket {
            return Err("the raw and text dialects need WebSocket messages");
        }
        if self.http.is_some() && self.serves == Serves::Packets {
            return Err("a listener for packets alone has no HTTP");
        }
        #[cfg(feature = "tls")]
        if self.serves != Serves::Any && self.tls.as_ref().is_some_and(|it| it.is_optional) {
            return Err("a port of one protocol cannot serve TLS beside what is plain");
        }
        #[cfg(feature = "tls")]
        if self.http.is_none() && self.tls.as_ref().is_some_and(|it| it.tls.has_http2()) {
            return Err("HTTP/2 needs a handler of HTTP");
        }
        if self.deflate && self.serves == Serves::Packets {
            return Err("permessage-deflate needs WebSocket messages");
        }
        if !self.subprotocols.iter().all(|name| is_subprotocol(name)) {
            return Err("a subprotocol must be a token of HTTP");
        }
        Ok(())
    }
}

impl Listen {
    /// Plain TCP; the dialect is detected from each connection's first frame.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self { address, profile: Profile::tcp() }
    }

    /// WebSocket under `/sub` and `/sub/`; the dialect is detected from each connection's first
    /// frame.
    #[must_use]
    pub fn websocket(address: SocketAddr) -> Self {
        Self { address, profile: Profile::websocket() }
    }

    /// Plain TCP and WebSocket on one port: the first bytes tell what a peer speaks. 0x00 begins a
    /// packet, and a method an HTTP request, which has to be an upgrade under `/sub` or `/sub/`
    /// unless there is a [handler of HTTP](Self::http). Other bytes end the connection as
    /// [`Closed::Unrecognized`](crate::Closed::Unrecognized), and silence at the deadline of the
    /// handshake.
    ///
    /// The first packet is an auth frame: a body above 16,384 bytes is refused, whatever
    /// [`max_body`](crate::LimitsConfig::max_body) is. Costs nothing beyond other listeners once
    /// the protocol is known.
    #[must_use]
    pub fn any(address: SocketAddr) -> Self {
        Self { address, profile: Profile::any() }
    }

    /// Has connections with an HTTP request that is not an upgrade under one of the
    /// [paths](Self::paths) handed to this function, with all that was read of them; by default
    /// they are refused with a status. From then on they are not the gateway's: none of its limits,
    /// counters and deadlines applies, and a drain does not end them.
    ///
    /// TLS goes along with its connection, which needs the feature `tokio`: without it such a
    /// request is refused with a status.
    ///
    /// A request is complete up to the end of its head when it is handed over, or as long as
    /// [`max_upgrade`](crate::HandshakeConfig::max_upgrade), or begins with another method than
    /// GET. The function is called on the shard and must not block: it passes the connection on to
    /// a runtime. A panic in it is logged and costs that connection.
    #[must_use]
    pub fn http(mut self, handler: impl Fn(HttpConnection) + Send + Sync + 'static) -> Self {
        self.profile.http = Some(HttpHandler::new(handler));
        self
    }

    /// Whether connections begin with a PROXY header. Default: [`ProxyProtocol::Off`].
    ///
    /// The address in it is the client's: for [`Connect::remote`](crate::Connect::remote), limits
    /// per address, and the log. A header that names no client (`LOCAL`, `UNKNOWN`), as sent by
    /// health checks, leaves the proxy's own address, to which no limit per address applies. An
    /// incomplete header costs up to 4,096 bytes, and falls under the deadline of the handshake.
    #[must_use]
    pub fn proxy_protocol(mut self, proxy_protocol: ProxyProtocol) -> Self {
        self.profile.proxy_protocol = proxy_protocol;
        self
    }

    /// Restricts the listener to this dialect. [`Dialect::Raw`] is for WebSocket, takes any path,
    /// and leaves the check of the path to the router.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.profile.dialect = Some(dialect);
        match dialect {
            Dialect::Raw => self.profile.paths.clear(),
            Dialect::Text => self.profile.subprotocols.push(TEXT.to_owned()),
            _ => {}
        }
        self
    }

    /// Web pages from which connections are accepted. Clients other than browsers are always
    /// accepted.
    ///
    /// Default: all, because the credentials of most dialects are in the first frame, which a
    /// foreign page cannot write. [`Dialect::Raw`] takes them from the upgrade request itself, to
    /// which browsers add their visitor's cookies, so its default is [`OriginPolicy::SameHost`].
    #[must_use]
    pub fn origin(mut self, policy: OriginPolicy) -> Self {
        self.profile.origin = Some(policy);
        self
    }

    /// Paths served instead of `/sub` and `/sub/`; an empty list means any.
    #[must_use]
    pub fn paths<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.profile.paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// WebSocket subprotocols spoken here, the most preferred first: a connection gets the first
    /// one that its client offers, or none. The selection has no other effect; a router sees those
    /// that a raw peer offers in its [upgrade request](crate::UpgradeRequest::subprotocols).
    ///
    /// Default: none, which ends the connections of browsers that ask for one. Names are HTTP
    /// tokens, and case-sensitive.
    #[must_use]
    pub fn subprotocols<P: Into<String>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.profile.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// Serves TLS alone here, behind a PROXY header if there is one. The handshake counts towards
    /// [`handshake.timeout`](crate::HandshakeConfig::timeout).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: &Tls) -> Self {
        self.profile.tls = Some(OverTls { tls: tls.clone(), is_optional: false });
        self
    }

    /// Serves TLS beside what is plain: only on a [port of several protocols](Self::any), which
    /// tells it by the first byte.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_or_plain(mut self, tls: &Tls) -> Self {
        self.profile.tls = Some(OverTls { tls: tls.clone(), is_optional: true });
        self
    }

    /// Agrees to permessage-deflate (RFC 7692) where a client offers it, and compresses by
    /// [`Config::deflate`](crate::Config::deflate). Messages of clients are inflated to at most
    /// [`limits.max_body`](crate::LimitsConfig::max_body). Connections hold no state for it.
    ///
    /// Default: off.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self) -> Self {
        self.profile.deflate = true;
        self
    }

    /// Longest time without output to a peer of this listener, instead of
    /// [`ping.interval`](crate::PingConfig::interval).
    #[must_use]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.profile.ping_interval = Some(interval);
        self
    }
}
