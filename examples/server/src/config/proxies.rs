//! The list `[[trusted_proxies]]`.

use std::net::IpAddr;

use comet::{ForwardedHeader, TrustedProxies};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

/// All trusted proxies.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Proxies {
    #[serde(default)]
    trusted_proxies: Vec<TrustedProxy>,
}

impl Proxies {
    /// Whether every client is believed to connect directly.
    pub(super) fn is_empty(&self) -> bool {
        self.trusted_proxies.is_empty()
    }

    /// The proxies as the gateway takes them.
    pub(crate) fn trusted(&self) -> TrustedProxies {
        self.trusted_proxies.iter().fold(TrustedProxies::new(), |proxies, proxy| {
            let header = match proxy.header {
                Header::None => ForwardedHeader::None,
                Header::XForwardedFor => ForwardedHeader::XForwardedFor,
                Header::Forwarded => ForwardedHeader::Forwarded,
                Header::XRealIp => ForwardedHeader::XRealIp,
            };
            proxies.trust(proxy.net, header)
        })
    }
}

/// A proxy, or a network of proxies, trusted to report the addresses of its clients.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct TrustedProxy {
    #[serde(deserialize_with = "net")]
    net: IpNet,
    header: Header,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Header {
    None,
    XForwardedFor,
    Forwarded,
    XRealIp,
}

/// A network such as `10.0.0.0/8`, or one address.
fn net<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| {
        de::Error::invalid_value(
            de::Unexpected::Str(&text),
            &"an address or a network, such as 10.0.0.0/8",
        )
    })
}

#[cfg(test)]
mod tests {
    use comet::Client;

    use super::*;
    use crate::settings::Settings;

    fn load(text: &str) -> Result<TrustedProxies, String> {
        let settings = Settings::parse("test", text);
        let proxies = settings.and_then(|settings| settings.read(|all| all.part::<Proxies>()));
        Ok(proxies.map_err(|fault| fault.to_string())?.trusted())
    }

    #[test]
    fn networks_and_single_addresses_are_understood() {
        let proxies = load(
            r#"
            [[trusted_proxies]]
            net = "10.0.0.0/8"
            header = "x-real-ip"
            [[trusted_proxies]]
            net = "::1"
            header = "none"
            "#,
        );
        let proxies = proxies.unwrap();
        let named = |_| [b"198.51.100.7".as_slice()];
        let client = |peer: &str| proxies.client(peer.parse::<IpAddr>().unwrap(), named);
        assert_eq!(client("10.1.2.3"), Client::Forwarded("198.51.100.7".parse().unwrap()));
        assert_eq!(client("::1"), Client::Unnamed);
        assert_eq!(client("::2"), Client::Direct("::2".parse().unwrap()));
    }

    #[test]
    fn what_is_neither_a_network_nor_a_known_header_is_named() {
        let said = |net: &str, header: &str| {
            let text = format!("[[trusted_proxies]]\nnet = {net:?}\nheader = {header:?}\n");
            load(&text).unwrap_err()
        };
        assert!(said("10.0.0.0/33", "none").contains("such as 10.0.0.0/8"));
        assert!(said("proxy.example", "none").contains("proxy.example"));
        assert!(said("10.0.0.0/8", "x-client-ip").contains("x-real-ip"));
    }
}
