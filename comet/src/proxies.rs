//! Client addresses of connections and requests, behind trusted proxies.
//!
//! Computed from the peer's address and header fields; for the gateway's own listeners and for HTTP
//! servers beside it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;

/// Header in which a proxy names its client. The proxy has to overwrite or extend that header on
/// every location, as it passes a client's own ones through otherwise.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// No header is trusted: the proxy names no client.
    #[default]
    None,
    /// `X-Forwarded-For`: a list of addresses, the proxy's own peer last.
    XForwardedFor,
    /// `Forwarded` (RFC 7239), parameter `for`.
    Forwarded,
    /// `X-Real-IP`: one address.
    XRealIp,
}

impl ForwardedHeader {
    /// The field's name in lower case, if there is one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::XForwardedFor => Some("x-forwarded-for"),
            Self::Forwarded => Some("forwarded"),
            Self::XRealIp => Some("x-real-ip"),
        }
    }
}

/// Networks of hosts that are trusted to name their clients. Clones share the flag that a proxy
/// which names no client has been warned about.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    entries: Vec<(IpNet, ForwardedHeader)>,
    has_warned: Arc<AtomicBool>,
}

/// Way of a connection: the peer at its other end and, behind a proxy that sends PROXY headers, the
/// address in the header.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Via {
    peer: IpAddr,
    named: Option<IpAddr>,
}

impl Via {
    /// From this peer, with the client that its PROXY header names, if any. The caller answers for
    /// having read the header from a trusted proxy only.
    #[must_use]
    pub fn new(peer: IpAddr, named: Option<IpAddr>) -> Self {
        Self { peer: peer.to_canonical(), named: named.map(|named| named.to_canonical()) }
    }

    /// The peer: a client, or the nearest proxy.
    #[must_use]
    pub const fn peer(self) -> IpAddr {
        self.peer
    }
}

impl From<IpAddr> for Via {
    fn from(peer: IpAddr) -> Self {
        Self::new(peer, None)
    }
}

/// Address of a client, as far as known.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Client {
    /// The peer is not a proxy.
    Direct(IpAddr),
    /// Named by a trusted proxy.
    Forwarded(IpAddr),
    /// Behind a trusted proxy that does not name it: no limit per address applies.
    Unnamed,
}

impl Client {
    /// The address, if known.
    #[must_use]
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Direct(address) | Self::Forwarded(address) => Some(address),
            Self::Unnamed => None,
        }
    }
}

impl TrustedProxies {
    /// No trusted proxies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the hosts of a network in this header, and in no other. Of several networks that
    /// contain an address, the first counts.
    #[must_use]
    pub fn trust(mut self, net: IpNet, header: ForwardedHeader) -> Self {
        self.entries.push((net, header));
        self
    }

    /// The header trusted from this peer; `None` if it is not a trusted proxy.
    #[must_use]
    pub fn header_of(&self, peer: IpAddr) -> Option<ForwardedHeader> {
        let peer = peer.to_canonical();
        self.entries.iter().find(|(net, _)| net.contains(&peer)).map(|(_, header)| *header)
    }

    /// Whether the client of a connection can be told only by a request on it, if at all.
    pub(crate) fn awaits_request(&self, via: Via) -> bool {
        let header = self.header_of(via.peer);
        match via.named {
            None => header.is_some(),
            Some(named) => {
                self.header_of(named).is_some() || header.and_then(ForwardedHeader::name).is_some()
            }
        }
    }

    /// The client of a connection or a request. `values` returns the values of a header field by
    /// its name in lower case, in the order in which they were sent.
    ///
    /// The rightmost address that is not a trusted proxy's wins, or the leftmost if all are. A
    /// malformed address names no client. Where the peer's header names none, the client is that of
    /// the PROXY header; if that is a trusted proxy in turn, its header is read instead. The first
    /// time that a trusted proxy names no client is logged as a warning.
    #[must_use]
    pub fn client<'v, V>(
        &self,
        via: impl Into<Via>,
        values: impl FnOnce(&'static str) -> V,
    ) -> Client
    where
        V: IntoIterator<Item = &'v [u8], IntoIter: DoubleEndedIterator>,
    {
        let Via { peer, named } = via.into();
        let Some(header) = self.header_of(peer) else { return Client::Direct(peer) };
        match named.map(|named| (named, self.header_of(named))) {
            None => self.forwarded(header, values).map_or_else(
                || {
                    self.warn_once(peer, header);
                    Client::Unnamed
                },
                Client::Forwarded,
            ),
            Some((named, None)) => {
                Client::Forwarded(self.forwarded(header, values).unwrap_or(named))
            }
            Some((_, Some(header))) => {
                self.forwarded(header, values).map_or(Client::Unnamed, Client::Forwarded)
            }
        }
    }

    /// The client in a header.
    fn forwarded<'v, V>(
        &self,
        header: ForwardedHeader,
        values: impl FnOnce(&'static str) -> V,
    ) -> Option<IpAddr>
    where
        V: IntoIterator<Item = &'v [u8], IntoIter: DoubleEndedIterator>,
    {
        header.name().and_then(|name| {
            let mut values = values(name).into_iter();
            match header {
                ForwardedHeader::None => None,
                ForwardedHeader::XRealIp => address(values.next_back()?),
                ForwardedHeader::XForwardedFor => {
                    self.rightmost(values.rev().flat_map(|value| value.rsplit(|&it| it == b',')))
                }
                ForwardedHeader::Forwarded => {
                    let elements = values.rev().flat_map(|value| rsplit_unquoted(value, b','));
                    self.rightmost(elements.map(forwarded_for))
                }
            }
        })
    }

    /// The first untrusted hop from the right.
    fn rightmost<'v>(&self, hops: impl Iterator<Item = &'v [u8]>) -> Option<IpAddr> {
        let mut last = None;
        for hop in hops {
            let hop = address(hop)?;
            if self.header_of(hop).is_none() {
                return Some(hop);
            }
            last = Some(hop);
        }
        last
    }

    fn warn_once(&self, peer: IpAddr, header: ForwardedHeader) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %peer,
                header = header.name().unwrap_or("none"),
                "a trusted proxy names nobody: no limit per address holds for its clients"
            );
        }
    }
}

/// The network that an address counts as: an IPv6 host is assigned a /64.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// An address with or without a port, an IPv6 one with or without brackets.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|at| at.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// The `for` of an element of `Forwarded`, without quotes; empty if there is none.
fn forwarded_for(element: &[u8]) -> &[u8] {
    let pairs = rsplit_unquoted(element, b';').filter_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        name.trim_ascii().eq_ignore_ascii_case(b"for").then(|| value.trim_ascii())
    });
    let value = pairs.last().unwrap_or_default();
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// Parts between separators outside of quotes, from the right: an unterminated quote or other input
/// of a client on the left cannot hide the part that its proxy has appended.
fn rsplit_unquoted(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest.take()?;
        let mut is_quoted = false;
        let at = value.iter().rposition(|&byte| {
            is_quoted ^= byte == b'"';
            byte == separator && !is_quoted
        });
        let Some(at) = at else { return Some(value) };
        rest = Some(&value[..at]);
        Some(&value[at + 1..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Trusts 10/8 and fd00::/8 in the header, and 192.0.2.1 in another one.
    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        let other = match header {
            ForwardedHeader::XRealIp => ForwardedHeader::XForwardedFor,
            _ => ForwardedHeader::XRealIp,
        };
        TrustedProxies::new()
            .trust("10.0.0.0/8".parse().unwrap(), header)
            .trust("fd00::/8".parse().unwrap(), header)
            .trust("192.0.2.1/32".parse().unwrap(), other)
    }

    fn client(header: ForwardedHeader, peer: &str, fields: &[(&str, &str)]) -> Client {
        proxies(header).client(ip(peer), |name| {
            let values = fields.iter().filter(|(known, _)| *known == name);
            values.map(|(_, value)| value.as_bytes()).collect::<Vec<_>>()
        })
    }

    #[test]
    fn an_address_is_read_from_the_right() {
        const XFF: &str = "x-forwarded-for";
        type Fields = [(&'static str, &'static str)];
        let table: [(&Fields, Option<&str>); 17] = [
            (&[(XFF, "198.51.100.7")], Some("198.51.100.7")),
            (&[(XFF, "203.0.113.9, 198.51.100.7")], Some("198.51.100.7")),
            (&[(XFF, "198.51.100.7, 10.1.1.1")], Some("198.51.100.7")),
            (&[(XFF, "198.51.100.7, 192.0.2.1 ,10.1.1.1")], Some("198.51.100.7")),
            (&[(XFF, "203.0.113.9"), (XFF, "198.51.100.7")], Some("198.51.100.7")),
            (&[(XFF, "198.51.100.7"), (XFF, "10.1.1.1")], Some("198.51.100.7")),
            (&[(XFF, "10.2.2.2, 10.1.1.1")], Some("10.2.2.2")),
            (&[(XFF, "198.51.100.7:4711")], Some("198.51.100.7")),
            (&[(XFF, "2001:db8::1")], Some("2001:db8::1")),
            (&[(XFF, "[2001:db8::1]:4711")], Some("2001:db8::1")),
            (&[(XFF, "[2001:db8::1]")], Some("2001:db8::1")),
            (&[(XFF, "::ffff:198.51.100.7, fd00::2")], Some("198.51.100.7")),
            (&[(XFF, "garbage, 198.51.100.7")], Some("198.51.100.7")),
            (&[(XFF, "198.51.100.7, unknown")], None),
            (&[(XFF, "198.51.100.7,")], None),
            (&[(XFF, "")], None),
            (&[], None),
        ];
        for (fields, expected) in table {
            let found = client(ForwardedHeader::XForwardedFor, "10.0.0.1", fields);
            let expected = expected.map_or(Client::Unnamed, |at| Client::Forwarded(ip(at)));
            assert_eq!(found, expected, "{fields:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_says() {
        let table = [
            ("for=198.51.100.7", Some("198.51.100.7")),
            ("For=\"198.51.100.7:80\"", Some("198.51.100.7")),
            ("for=203.0.113.9, for=198.51.100.7;proto=https;by=10.0.0.1", Some("198.51.100.7")),
            ("proto=http; for=198.51.100.7 , for=10.1.1.1", Some("198.51.100.7")),
            ("for=\"[2001:db8::1]:4711\";host=\"a,b;for=10.9.9.9\"", Some("2001:db8::1")),
            ("for=\"203.0.113.9, for=198.51.100.7", Some("198.51.100.7")),
            ("for=203.0.113.9, proto=https", None),
            ("for=unknown", None),
            ("for=_hidden", None),
            ("198.51.100.7", None),
        ];
        for (value, expected) in table {
            let found = client(ForwardedHeader::Forwarded, "fd00::1", &[("forwarded", value)]);
            let expected = expected.map_or(Client::Unnamed, |at| Client::Forwarded(ip(at)));
            assert_eq!(found, expected, "{value:?}");
        }
    }

    #[test]
    fn each_proxy_is_believed_in_its_own_header_and_nobody_else_in_any() {
        let all = [
            ("x-forwarded-for", "198.51.100.1"),
            ("forwarded", "for=198.51.100.2"),
            ("x-real-ip", "198.51.100.3"),
        ];
        let table = [
            (ForwardedHeader::XForwardedFor, Client::Forwarded(ip("198.51.100.1"))),
            (ForwardedHeader::Forwarded, Client::Forwarded(ip("198.51.100.2"))),
            (ForwardedHeader::XRealIp, Client::Forwarded(ip("198.51.100.3"))),
            (ForwardedHeader::None, Client::Unnamed),
        ];
        for (header, expected) in table {
            assert_eq!(client(header, "10.0.0.1", &all), expected);
            assert_eq!(client(header, "::ffff:10.0.0.1", &all), expected);
            let stranger = "203.0.113.5";
            assert_eq!(client(header, stranger, &all), Client::Direct(ip(stranger)));
            // Only headers that are not trusted.
            let others: Vec<_> =
                all.into_iter().filter(|(name, _)| Some(*name) != header.name()).collect();
            assert_eq!(client(header, "10.0.0.1", &others), Client::Unnamed);
        }
        let found = client(ForwardedHeader::XForwardedFor, "192.0.2.1", &all);
        assert_eq!(found, Client::Forwarded(ip("198.51.100.3")), "another entry's header");
        assert_eq!(found.address(), Some(ip("198.51.100.3")));
        assert_eq!(Client::Unnamed.address(), None);
    }

    #[test]
    fn a_header_comes_before_the_proxy_protocol_and_that_before_nobody() {
        use ForwardedHeader::{None as Nothing, XForwardedFor};
        let named = "198.51.100.7";
        const XFF: &[u8] = b"203.0.113.9, 198.51.100.8";
        let forwarded = Client::Forwarded(ip("198.51.100.8"));
        type Row = (
            (ForwardedHeader, &'static str, Option<&'static str>),
            &'static [&'static [u8]],
            Client,
            bool,
        );
        let table: [Row; 9] = [
            // A proxy without a header: the PROXY header alone counts, whatever the client sends.
            ((Nothing, "10.0.0.1", Some(named)), &[XFF], Client::Forwarded(ip(named)), false),
            ((Nothing, "10.0.0.1", None), &[XFF], Client::Unnamed, true),
            // One with a header, which may be absent.
            ((XForwardedFor, "10.0.0.1", Some(named)), &[XFF], forwarded, true),
            ((XForwardedFor, "10.0.0.1", Some(named)), &[], Client::Forwarded(ip(named)), true),
            ((XForwardedFor, "10.0.0.1", None), &[], Client::Unnamed, true),
            // A balancer in front of proxies: the header of the proxy that it names.
            ((Nothing, "10.0.0.1", Some("192.0.2.1")), &[XFF], Client::Unnamed, true),
            ((XForwardedFor, "10.0.0.1", Some("::ffff:10.9.9.9")), &[XFF], forwarded, true),
            ((XForwardedFor, "10.0.0.1", Some("10.9.9.9")), &[], Client::Unnamed, true),
            // No proxy: never read, and the address is the peer's own.
            ((Nothing, "203.0.113.5", None), &[XFF], Client::Direct(ip("203.0.113.5")), false),
        ];
        for ((header, peer, named), values, expected, awaits) in table {
            let via = Via::new(ip(peer), named.map(ip));
            let proxies = proxies(header);
            let found = proxies.client(via, |name| match name {
                "x-forwarded-for" => values.to_vec(),
                _ => Vec::new(),
            });
            assert_eq!(found, expected, "{header:?} {via:?}");
            assert_eq!(proxies.awaits_request(via), awaits, "{header:?} {via:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:2")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:10.0.0.1")), ip("10.0.0.1"));
        assert_ne!(network(ip("10.0.0.1")), network(ip("10.0.0.2")));
    }
}
