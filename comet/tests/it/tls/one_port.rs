//! TLS on a port of several protocols, and behind PROXY headers.

use std::io::Write;
use std::net::TcpStream;

use comet::{Closed, ForwardedHeader, Listen, ProxyProtocol, TrustedProxies};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::socket::Socket;
use comet_testkit::websocket;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::tls::{secured, secured_over, tls};

/// Clients of both transports by these sockets.
fn both(socket: impl Fn() -> Socket, users: [&str; 2]) -> [Client; 2] {
    let mut upgraded = socket();
    upgraded.write(websocket::request("/sub", ""));
    websocket::await_upgrade(&mut upgraded);
    let mut clients =
        [Client::over(Transport::Tcp, socket()), Client::over(Transport::WebSocket, upgraded)];
    for (client, user) in clients.iter_mut().zip(users) {
        client.sign_in(user, "");
        assert_eq!(client.ask(2, b"hello"), b"hello");
    }
    clients
}

fn server(listen: Listen) -> Server {
    let proxies =
        TrustedProxies::new().trust("127.0.0.0/8".parse().unwrap(), ForwardedHeader::None);
    Setup::new(config(2).trusted_proxies(proxies)).listen(listen).start()
}

#[test]
fn one_port_serves_both_protocols_over_tls_and_plain_where_that_is_allowed() {
    let optional = server(Listen::any(anywhere()).tls_or_plain(tls()));
    let address = optional.gateway.addresses()[2];
    let _secured = both(|| secured(address), ["a", "b"]);
    let _plain = both(|| Socket::connect(address), ["c", "d"]);
    assert_eq!((optional.stats().tls_handshakes, optional.stats().sessions), (2, 4));

    let alone = server(Listen::any(anywhere()).tls(tls()));
    let address = alone.gateway.addresses()[2];
    let _secured = both(|| secured(address), ["a", "b"]);
    let mut plain = Socket::connect(address);
    plain.write(websocket::request("/sub", ""));
    assert_eq!(plain.rest().0.first(), Some(&0x15), "an alert");
}

#[test]
fn tls_begins_behind_a_proxy_header_and_the_session_has_its_address() {
    for listen in [Listen::any(anywhere()).tls_or_plain(tls()), Listen::any(anywhere()).tls(tls())]
    {
        let server = server(listen.proxy_protocol(ProxyProtocol::Required));
        let address = server.gateway.addresses()[2];
        let proxied = || {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(b"PROXY TCP4 198.51.100.7 192.0.2.1 1234 443\r\n").unwrap();
            secured_over(socket)
        };
        let _clients = both(proxied, ["a", "b"]);
        for user in ["a", "b"] {
            assert_eq!(server.log.peer(user).remote().ip().to_string(), "198.51.100.7");
        }
    }
}

#[test]
fn there_is_no_tls_in_tls() {
    let server = server(Listen::any(anywhere()).tls_or_plain(tls()));
    let mut socket = secured(server.gateway.addresses()[2]);
    socket.write([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]);
    assert_eq!(socket.rest().0, b"");
    clock::eventually("it is counted", || server.ended_as(&Closed::Unrecognized) == 1);
}
