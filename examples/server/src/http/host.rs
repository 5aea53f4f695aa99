//! The host that a request is addressed to, and the hosts configured for this server.
//!
//! Any web page can make a browser send requests here under a name of its own that resolves to this
//! address (DNS rebinding). A name is therefore accepted only if it is a loopback name, an address,
//! or configured.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use comet::Client;

use crate::config::is_loopback;

/// Host and port of a request.
#[derive(Clone, Debug)]
pub(super) struct Host(Authority);

impl Host {
    /// The host of the request line, else of the only `Host` header; `None` if there is no header,
    /// more than one, or an invalid one.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all(HOST).iter();
        let authority = match (uri.authority(), named.next(), named.next()) {
            (Some(authority), _, None) => authority.clone(),
            (None, Some(host), None) => host.to_str().ok()?.parse().ok()?,
            _ => return None,
        };
        let has_user = authority.as_str().contains('@');
        (!has_user && !authority.host().is_empty()).then_some(Self(authority))
    }

    /// The host as the client wrote it.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host without its port; an IPv6 address keeps its brackets.
    pub(super) fn name(&self) -> &str {
        self.0.host()
    }

    /// The port, which may be that of the scheme.
    pub(super) fn port(&self, scheme: &str) -> u16 {
        let usual = if scheme == "https" { 443 } else { 80 };
        self.0.port_u16().unwrap_or(usual)
    }

    /// Whether the host is an address: unlike a name, it cannot belong to another site.
    pub(super) fn is_address(&self) -> bool {
        self.address().is_some()
    }

    /// Whether the host is this machine for every client.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(self.0.host())
    }

    /// Whether the host is one of these names; a name with a port matches that port only.
    pub(super) fn is_among(&self, names: &[String]) -> bool {
        let (whole, bare) = (self.0.as_str(), self.0.host());
        names.iter().any(|name| name.eq_ignore_ascii_case(whole) || name.eq_ignore_ascii_case(bare))
    }

    fn address(&self) -> Option<IpAddr> {
        let host = self.0.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(host).parse().ok()
    }
}

/// The scheme of the client's request: as reported by the trusted proxy, if any, else that of the
/// connection.
pub(super) fn scheme(client: Option<Client>, headers: &HeaderMap, is_tls: bool) -> &'static str {
    let own = if is_tls { "https" } else { "http" };
    if matches!(client, None | Some(Client::Direct(_))) {
        return own;
    }
    // With several values, the last is from the nearest proxy.
    let last = |name: &str| {
        let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        value.rsplit(',').next()
    };
    let forwarded = last("forwarded").and_then(|element| {
        let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("proto"))?;
        Some(value.trim_matches('"'))
    });
    match forwarded.or_else(|| last("x-forwarded-proto").map(str::trim)) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        Some(_) => "http",
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn host(hosts: &[&'static str]) -> Option<Host> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_static(host));
        }
        Host::of(&Uri::from_static("/"), &headers)
    }

    #[test]
    fn loopback_is_told_by_its_names_and_nothing_that_looks_like_them() {
        for name in ["localhost", "LocalHost:8888", "127.0.0.1", "127.1.2.3:80", "[::1]:8888"] {
            assert!(host(&[name]).unwrap().is_loopback(), "{name}");
        }
        for name in ["localhost.example", "127.0.0.1.example", "0.0.0.0", "192.0.2.1", "[::2]"] {
            assert!(!host(&[name]).unwrap().is_loopback(), "{name}");
        }
    }

    #[test]
    fn none_two_and_broken_ones_are_no_host() {
        for hosts in [&[][..], &["a", "a"], &[""], &["a b"], &["user@localhost"], &["a/b"]] {
            assert!(host(hosts).is_none(), "{hosts:?}");
        }
    }

    #[test]
    fn the_scheme_is_that_of_the_connection_unless_a_trusted_proxy_says_otherwise() {
        let mut headers = HeaderMap::new();
        let direct = Some(Client::Direct("192.0.2.1".parse().unwrap()));
        assert_eq!(scheme(direct, &headers, true), "https");
        assert_eq!(scheme(Some(Client::Unnamed), &headers, true), "https");
        headers.append("x-forwarded-proto", HeaderValue::from_static("http"));
        assert_eq!(scheme(direct, &headers, true), "https");
        assert_eq!(scheme(Some(Client::Unnamed), &headers, true), "http");
        headers.append("x-forwarded-proto", HeaderValue::from_static("http, HTTPS"));
        assert_eq!(scheme(Some(Client::Unnamed), &headers, false), "https");
        assert_eq!(scheme(direct, &headers, false), "http");
    }

    #[test]
    fn the_port_is_named_or_that_of_the_scheme() {
        assert_eq!(host(&["[::1]:8888"]).unwrap().port("https"), 8_888);
        assert_eq!(host(&["[::1]"]).unwrap().port("https"), 443);
        assert_eq!(host(&["chat.example"]).unwrap().port("http"), 80);
        assert_eq!(host(&["[::1]:8888"]).unwrap().name(), "[::1]");
    }

    #[test]
    fn a_name_without_a_port_counts_on_any() {
        let names = ["chat.example".to_owned(), "www.example:81".to_owned()];
        for (name, among) in [
            ("CHAT.example", true),
            ("chat.example:9", true),
            ("www.example:81", true),
            ("www.example", false),
            ("www.example:80", false),
            ("chat.example.evil.example", false),
        ] {
            assert_eq!(host(&[name]).unwrap().is_among(&names), among, "{name}");
        }
    }

    #[test]
    fn the_request_line_comes_first() {
        let uri = Uri::from_static("http://chat.example/x");
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert_eq!(Host::of(&uri, &headers).unwrap().as_str(), "chat.example");
    }
}
