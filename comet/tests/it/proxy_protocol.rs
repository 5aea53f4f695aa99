//! The PROXY protocol on a listener that requires it: the client's address, from trusted proxies
//! only.

use std::net::SocketAddr;
use std::time::Duration;

use comet::{Closed, Config, ForwardedHeader, Listen, ProxyError, ProxyProtocol, TrustedProxies};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::frame::auth;
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket::{self, request, response, status};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::identity;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Listeners for TCP, WebSocket and both that require a header, among the addresses.
const LISTENERS: [(usize, Transport); 4] = [
    (2, Transport::Tcp),
    (3, Transport::WebSocket),
    (4, Transport::Tcp),
    (4, Transport::WebSocket),
];

/// A gateway whose sessions' users are the addresses that they come from.
fn setup(config: Config, net: &str, header: ForwardedHeader) -> Server {
    let proxies = TrustedProxies::new().trust(net.parse().unwrap(), header);
    let listeners = [Listen::tcp, Listen::websocket, Listen::any];
    let setup = Setup::new(config.trusted_proxies(proxies)).on_connect(|_, mut request, reply| {
        request.token = request.remote.ip().to_string();
        reply.accept(identity(&request));
    });
    let listeners = listeners.map(|of| of(anywhere()).proxy_protocol(ProxyProtocol::Required));
    listeners.into_iter().fold(setup, Setup::listen).start()
}

fn start(config: Config) -> Server {
    setup(config, "127.0.0.0/8", ForwardedHeader::None)
}

fn line(source: &str) -> Vec<u8> {
    let source: SocketAddr = source.parse().unwrap();
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (ip, port) = (source.ip(), source.port());
    format!("PROXY {family} {ip} {ip} {port} 443\r\n").into_bytes()
}

/// A header of version 2 with additional fields; `LOCAL` without a source.
fn binary(source: Option<&str>) -> Vec<u8> {
    let fields = [3, 0, 4, 1, 2, 3, 4];
    let (command, family, block) = match source.map(|source| source.parse().unwrap()) {
        None => (0x20, 0, Vec::new()),
        Some(SocketAddr::V4(at)) => {
            let (ip, port) = (at.ip().octets(), at.port().to_be_bytes());
            (0x21, 0x11, [&ip[..], &ip, &port, &port].concat())
        }
        Some(SocketAddr::V6(at)) => {
            let (ip, port) = (at.ip().octets(), at.port().to_be_bytes());
            (0x21, 0x21, [&ip[..], &ip, &port, &port].concat())
        }
    };
    let len = ((block.len() + fields.len()) as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &len, &block, &fields].concat()
}

/// A client with a session, behind this header; `fields` are those of its upgrade request.
fn sign_in(
    server: &Server,
    (at, transport): (usize, Transport),
    header: &[u8],
    fields: &str,
) -> Client {
    let mut socket = Socket::connect(server.gateway.addresses()[at]);
    socket.write(header);
    if transport == Transport::WebSocket {
        socket.write(request("/sub", fields));
        websocket::await_upgrade(&mut socket);
    }
    let mut client = Client::over(transport, socket);
    client.sign_in("somebody", "");
    client
}

/// How a connection ends that begins with these bytes.
fn end(server: &Server, at: usize, bytes: &[u8]) -> (Vec<u8>, Arrived) {
    let mut socket = Socket::connect(server.gateway.addresses()[at]);
    // It may be closed before it is written to.
    let _ = socket.try_write(bytes);
    socket.rest()
}

#[test]
fn the_address_in_the_header_is_the_clients_on_every_listener() {
    let server = start(config(2));
    let headers = [
        (line("198.51.100.7:4711"), "198.51.100.7"),
        (line("[2001:db8::7]:4711"), "2001:db8::7"),
        (binary(Some("198.51.100.8:4711")), "198.51.100.8"),
        (binary(Some("[2001:db8::8]:4711")), "2001:db8::8"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (binary(None), "127.0.0.1"),
    ];
    for way in LISTENERS {
        for (header, address) in &headers {
            let forged = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n";
            let mut client = sign_in(&server, way, header, forged);
            let peer = server.log.peer(address);
            assert_eq!(peer.remote().ip().to_string(), *address, "{way:?}");
            client.beat(2);
        }
    }
}

#[test]
fn a_header_in_pieces_is_read_and_the_next_bytes_are_the_clients() {
    let server = start(config(1));
    for header in [line("198.51.100.7:4711"), binary(Some("198.51.100.7:4711"))] {
        for way in LISTENERS {
            let mut socket = Socket::connect(server.gateway.addresses()[way.0]);
            let mut client = Client::over(way.1, Socket::connect(server.gateway.addresses()[0]));
            let upgrade = request("/sub", "").into_bytes();
            let first = if way.1 == Transport::WebSocket { &upgrade[..] } else { b"" };
            let bytes = [&header[..], first].concat();
            bytes.into_iter().for_each(|byte| socket.write([byte]));
            if way.1 == Transport::WebSocket {
                websocket::await_upgrade(&mut socket);
            }
            client.socket = socket;
            client.sign_in("somebody", "");
        }
    }
}

#[test]
fn limits_of_an_address_hold_for_the_client_and_not_for_the_proxy() {
    let server = start(config(2).limits(|it| it.connections_per_address = 1));
    let mut open = Vec::new();
    for (number, way) in LISTENERS.into_iter().enumerate() {
        let header = line(&format!("198.51.100.{number}:4711"));
        open.push(sign_in(&server, way, &header, ""));
        assert_eq!(end(&server, way.0, &header).0, b"", "a second connection of an address");
        // Of unnamed clients there may be any number.
        open.push(sign_in(&server, way, &binary(None), ""));
    }
    assert_eq!(server.ended_as(&Closed::TooManyConnections), 4);
    open.iter_mut().for_each(|client| client.beat(2));
}

#[test]
fn a_header_of_the_proxy_comes_before_its_proxy_line() {
    let limits = config(1).limits(|it| it.connections_per_address = 1);
    let server = setup(limits, "127.0.0.0/8", ForwardedHeader::XForwardedFor);
    let line = line("198.51.100.7:4711");
    let field = "X-Forwarded-For: 203.0.113.9, 198.51.100.8\r\n";
    let mut first = sign_in(&server, LISTENERS[3], &line, field);
    assert_eq!(server.log.peer("198.51.100.8").user(), "198.51.100.8");
    let mut second = sign_in(&server, LISTENERS[3], &line, "");
    assert_eq!(server.log.peer("198.51.100.7").user(), "198.51.100.7");
    let mut third = Socket::connect(server.gateway.addresses()[4]);
    third.write([&line, request("/sub", field).as_bytes()].concat());
    assert_eq!(status(&response(&mut third)), 429);
    let mut packets = Client::over(Transport::Tcp, Socket::connect(server.gateway.addresses()[4]));
    packets.socket.write(&line);
    packets.send(&auth(1, "somebody", ""));
    assert_eq!(packets.ends(), Ending::Fin, "the address has its share");
    [&mut first, &mut second].into_iter().for_each(|client| client.beat(2));
}

#[test]
fn peers_that_are_no_proxies_are_closed_before_anything_is_read() {
    let server = setup(config(1), "192.0.2.0/24", ForwardedHeader::None);
    for at in [2, 3, 4] {
        assert_eq!(end(&server, at, &line("198.51.100.7:4711")).0, b"");
    }
    assert_eq!(server.ended_as(&Closed::NotAProxy), 3);
    assert_eq!(server.stats().authenticated, 0);
}

#[test]
fn a_proxy_that_sends_no_header_or_a_bad_one_is_closed_and_counted() {
    let server = start(config(1));
    let mut healthy = sign_in(&server, LISTENERS[2], &line("198.51.100.7:4711"), "");
    let frame = [0, 0, 0, 20, 0, 20];
    let endless = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
    let huge = [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    let twice = [&line("198.51.100.8:1")[..], &line("203.0.113.9:1"), b"\r\n"].concat();
    let bad: [&[u8]; 6] = [
        &frame,
        b"GET /sub HTTP/1.1\r\n",
        b"PROXY TCP4 1.2.3.4\r\n",
        &endless,
        &huge,
        b"\x16\x03\x01",
    ];
    for at in [2, 3, 4] {
        bad.iter().for_each(|bytes| assert_eq!(end(&server, at, bytes).0, b"", "{bytes:?}"));
    }
    let counted = server.ended_as(&Closed::BadProxyHeader(ProxyError::Missing));
    assert_eq!(counted, 3 * bad.len() as u64);
    // A second header is the client's, and no protocol.
    assert!(end(&server, 4, &twice).0.starts_with(b"HTTP/1.1 505 "));
    // Nothing at all: a port scan, or the check of a balancer.
    for at in [2, 3, 4] {
        drop(Socket::connect(server.gateway.addresses()[at]));
    }
    healthy.beat(2);
}

#[test]
fn half_a_header_ends_at_the_deadline_of_the_handshake() {
    let server = start(config(1).handshake(|it| it.timeout = Duration::from_millis(100)));
    for bytes in [&b""[..], b"PROXY TCP4 1", SIGNATURE] {
        assert_eq!(end(&server, 4, bytes), (Vec::new(), Arrived::End));
    }
    assert_eq!(server.ended_as(&Closed::HandshakeTimeout), 3);
}

/// A header that nobody asked for is a client's: refused as what it is.
#[test]
fn it_is_never_guessed() {
    let proxies =
        TrustedProxies::new().trust("127.0.0.0/8".parse().unwrap(), ForwardedHeader::None);
    let server = Setup::new(config(1).trusted_proxies(proxies)).listen(Listen::any(anywhere()));
    let server = server.start();
    for at in [0, 1, 2] {
        let (answer, _) = end(&server, at, &[&line("198.51.100.7:4711")[..], b"\r\n"].concat());
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 505 "), "{answer:?}");
    }
    assert_eq!(server.stats().authenticated, 0);
    assert_eq!(server.ended_as(&Closed::BadProxyHeader(ProxyError::Missing)), 0);
}
