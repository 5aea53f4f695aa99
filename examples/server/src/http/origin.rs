//! The origin at which a client asks this server, and whether it can reach other ports by the same
//! name.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use comet::Client;

use super::Public;
use super::host::{Host, scheme};
use super::serve::Secured;

/// Where a client asked.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Such as `https` and `chat.example:8888`: the requested host if it is an address or a
    /// configured name, else the first configured name. It depends on the request, so responses
    /// with it are not kept.
    pub(super) scheme: &'static str,
    pub(super) authority: String,
    /// The name of other ports, where a client that came here directly can reach them.
    direct: Option<Direct>,
}

/// A host whose ports are those of this server.
#[derive(Clone, Debug)]
struct Direct {
    host: String,
    is_loopback: bool,
}

impl Origin {
    /// The client's address of a listener: the host that it asked, with that port. `None` if it
    /// cannot reach it as far as is known: one on a loopback address from elsewhere, and any if it
    /// came through a proxy. Of a proxy that is not trusted, and thus not known, the port tells: it
    /// is none of those that serve HTTP here, or the proxy passes on no host.
    ///
    /// Browsers take `localhost` for `::1`: a listener on a loopback address is named by that.
    pub(super) fn reaches(&self, listener: SocketAddr) -> Option<String> {
        let direct = self.direct.as_ref()?;
        match listener.ip().is_loopback() {
            true => direct.is_loopback.then(|| listener.to_string()),
            false => Some(format!("{}:{}", direct.host, listener.port())),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromRequestParts<Public> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, public: &Public) -> Result<Self, Infallible> {
        let names = &public.config.origins.hosts;
        let believed =
            |host: &Host| host.is_loopback() || host.is_address() || host.is_among(names);
        let client = parts.extensions.get::<Client>().copied();
        let is_tls = parts.extensions.get::<Secured>().is_some_and(|secured| secured.0);
        let scheme = scheme(client, &parts.headers, is_tls);
        let host = Host::of(&parts.uri, &parts.headers).filter(believed);
        let direct = host.as_ref().filter(|host| {
            let is_proxied = !matches!(client, None | Some(Client::Direct(_)));
            !is_proxied && public.ports.serves_http(host.port(scheme))
        });
        let direct = direct
            .map(|host| Direct { host: host.name().to_owned(), is_loopback: host.is_loopback() });
        let authority = match host {
            Some(host) => host.as_str().to_owned(),
            None => names.first().cloned().unwrap_or_else(|| public.ports.http.to_string()),
        };
        Ok(Self { scheme, authority, direct })
    }
}

#[cfg(test)]
impl Origin {
    /// The origin of a client that comes without a proxy.
    pub(super) fn direct(scheme: &'static str, authority: &str) -> Self {
        let mut headers = axum::http::HeaderMap::new();
        headers.append("host", authority.parse().unwrap());
        let host = Host::of(&axum::http::Uri::from_static("/"), &headers).unwrap();
        let direct = Direct { host: host.name().to_owned(), is_loopback: host.is_loopback() };
        Self { direct: Some(direct), ..Self::proxied(scheme, authority) }
    }

    /// The origin of a client that comes through one.
    pub(super) fn proxied(scheme: &'static str, authority: &str) -> Self {
        Self { scheme, authority: authority.to_owned(), direct: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_loopback_are_for_clients_of_this_machine_and_none_for_those_of_proxies() {
        let [local, open] = ["127.0.0.1:3101", "0.0.0.0:3101"].map(|it| it.parse().unwrap());
        let named = Origin::direct("http", "chat.example:8888");
        assert_eq!(named.reaches(open).as_deref(), Some("chat.example:3101"));
        assert_eq!(named.reaches(local), None);
        let here = Origin::direct("http", "localhost:8888");
        assert_eq!(here.reaches(local).as_deref(), Some("127.0.0.1:3101"));
        assert_eq!(here.reaches(open).as_deref(), Some("localhost:3101"));
        assert_eq!(Origin::proxied("http", "chat.example").reaches(open), None);
    }
}
