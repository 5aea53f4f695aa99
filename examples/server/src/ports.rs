//! Addresses of the ports that the server listens on.

use std::fmt;
use std::net::SocketAddr;

use comet::Gateway;
use comet_quic::Listener;

use crate::config::Config;

/// The addresses, with the ports that the system chose for those configured as 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) tcp: SocketAddr,
    pub(crate) ws: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) any: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) quic: Option<SocketAddr>,
}

impl Ports {
    /// Of a gateway with the listeners of the configuration, and of the others.
    pub(crate) fn new(
        config: &Config,
        gateway: &Gateway,
        [http, admin]: [SocketAddr; 2],
        quic: Option<&Listener>,
    ) -> Self {
        let mut listeners = gateway.addresses().into_iter();
        let mut next = |configured| listeners.next().unwrap_or(configured);
        let at = &config.listen;
        Self {
            tcp: next(at.tcp),
            ws: next(at.ws),
            tls: next(at.tls),
            any: at.any.map(&mut next),
            https: at.https.map(&mut next),
            http,
            admin,
            quic: quic.map(Listener::address),
        }
    }

    /// Whether requests are served on a port of this number.
    pub(crate) fn serves_http(&self, port: u16) -> bool {
        let served = [Some(self.http), self.any, self.https];
        served.into_iter().flatten().any(|address| address.port() == port)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tcp, ws, tls, http, admin, .. } = self;
        write!(f, "tcp={tcp} ws={ws} tls={tls} http={http} admin={admin}")?;
        let others = [("any", self.any), ("https", self.https), ("quic", self.quic)];
        let mut others = others.into_iter().filter_map(|(name, at)| Some((name, at?)));
        others.try_for_each(|(name, address)| write!(f, " {name}={address}"))
    }
}
