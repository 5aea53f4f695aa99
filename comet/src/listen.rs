//! Listening addresses and their protocols.

use std::net::SocketAddr;
use std::time::Duration;

use comet_protocol::Dialect;
pub use comet_protocol::ws::handshake::OriginPolicy;
use comet_protocol::ws::handshake::{Request, choose_subprotocol, is_subprotocol};

/// The subprotocol of the text dialect, which clients may offer.
const TEXT: &str = "comet.text";

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) profile: Profile,
}

/// Protocol of a listener's connections.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) websocket: bool,
    pub(crate) dialect: Option<Dialect>,
    /// As set by the embedder; [`Profile::permits`] has the default.
    pub(crate) origin: Option<OriginPolicy>,
    pub(crate) paths: Vec<String>,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) subprotocols: Vec<String>,
}

impl Profile {
    pub(crate) fn tcp() -> Self {
        Self {
            websocket: false,
            dialect: None,
            origin: None,
            paths: Vec::new(),
            ping_interval: None,
            subprotocols: Vec::new(),
        }
    }

    pub(crate) fn websocket() -> Self {
        let paths = vec!["/sub".to_owned(), "/sub/".to_owned()];
        Self { websocket: true, paths, ..Self::tcp() }
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn raw() -> Self {
        Self { websocket: true, dialect: Some(Dialect::Raw), ..Self::tcp() }
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

    /// Description of the first invalid setting.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let whole_messages = self.dialect.is_some_and(|it| it.abilities().whole_messages);
        if whole_messages && !self.websocket {
            return Err("the raw and text dialects need WebSocket messages");
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

    /// Longest time without output to a peer of this listener, instead of
    /// [`ping.interval`](crate::PingConfig::interval).
    #[must_use]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.profile.ping_interval = Some(interval);
        self
    }
}
