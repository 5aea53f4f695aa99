//! The section `[demo]`: sign-in by name alone.

use std::net::IpAddr;

use axum::http::Uri;
use serde::Deserialize;

use super::Config;
use super::listen::Listen;

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    mode: DemoMode,
    /// Names of this machine besides the loopback names.
    pub(crate) hosts: Vec<String>,
    pub(crate) names: usize,
    pub(crate) new_names_per_minute: u32,
    pub(crate) unused_seconds: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum DemoMode {
    Auto,
    Off,
}

#[cfg(test)]
impl Demo {
    /// A demo with these limits.
    pub(crate) fn of(names: usize, new_names_per_minute: u32, unused_seconds: u64) -> Self {
        let (mode, hosts) = (DemoMode::Auto, Vec::new());
        Self { mode, hosts, names, new_names_per_minute, unused_seconds }
    }
}

impl Config {
    /// Whether sign-in by name alone is enabled: only if no other machine can connect, judged by
    /// the listeners, the addresses announced to clients, and the trusted proxies.
    pub(crate) fn demo_is_on(&self) -> bool {
        let Listen { tcp, ws, http, admin, tls, any, https, quic, .. } = &self.listen;
        let fixed = [tcp, ws, http, admin, tls].into_iter();
        let mut addresses = fixed.chain(any).chain(https).chain(quic);
        let all_loopback = addresses.all(|address| address.ip().is_loopback());
        let served = self.announced.discovery.servers.iter().map(|node| node.address.parse().ok());
        let named = self.origins.hosts.iter().map(|host| format!("http://{host}").parse().ok());
        let is_local = |uri: Option<Uri>| uri.as_ref().and_then(Uri::host).is_some_and(is_loopback);
        let is_private = served.chain(named).all(is_local) && self.proxies.is_empty();
        self.demo.mode == DemoMode::Auto && all_loopback && is_private
    }
}

/// Whether a host, a name or an address as in a URL, is this machine for every client.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Flags;

    fn load(arguments: &[&str]) -> Config {
        let flags = Flags::parse_from([&["comet-server"], arguments].concat());
        Config::load(&flags).unwrap().0
    }

    #[test]
    fn the_demo_is_off_as_soon_as_one_address_can_be_reached_from_elsewhere() {
        assert!(load(&[]).demo_is_on());
        assert!(!load(&["--http", "0.0.0.0:8888"]).demo_is_on());
        assert!(!load(&["--tcp", "192.0.2.1:3101"]).demo_is_on());
        assert!(!load(&["--quic", "192.0.2.1:3104"]).demo_is_on());
        assert!(!load(&["--https", "192.0.2.1:443"]).demo_is_on());
        assert!(load(&["--quic", ""]).demo_is_on());
        assert!(!load(&["--set", "demo.mode = 'off'"]).demo_is_on());
    }

    #[test]
    fn the_demo_is_off_as_soon_as_clients_come_by_another_place() {
        for setting in [
            "origins.hosts = ['chat.example']",
            "origins.hosts = ['localhost', '192.0.2.1']",
            "discovery.servers = [{ name = 'main', address = 'https://chat.example' }]",
            "discovery.servers = [{ name = 'main', address = 'no address' }]",
            "trusted_proxies = [{ net = '127.0.0.1/32', header = 'none' }]",
        ] {
            assert!(!load(&["--set", setting]).demo_is_on(), "{setting}");
        }
        for setting in [
            "origins.hosts = ['localhost:8888', '[::1]']",
            "discovery.servers = [{ name = 'main', address = 'http://127.0.0.1:8888' }]",
            "demo.hosts = ['devbox.test']",
        ] {
            assert!(load(&["--set", setting]).demo_is_on(), "{setting}");
        }
    }
}
