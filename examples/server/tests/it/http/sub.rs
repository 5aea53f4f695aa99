//! The WebSocket on the port of the API.

use crate::support::client::{Client, Transport, auth};
use crate::support::frame::{AUTH_REPLY, HEARTBEAT, HEARTBEAT_REPLY, frame};
use crate::support::http;
use crate::support::http::{answer, request};
use crate::support::person::Person;
use crate::support::server::Server;
use crate::support::socket::Socket;
use crate::support::websocket::{self, BINARY, CLOSE, await_upgrade, masked};

/// The head of an upgrade request with one line changed, or left out.
fn upgrade_but(line: &str, instead: &str) -> Vec<u8> {
    let whole = websocket::request("/sub");
    assert!(whole.contains(line), "{line}");
    whole.replacen(line, instead, 1).into_bytes()
}

#[test]
fn the_first_frames_may_follow_the_request_at_once() {
    let server = Server::start();
    let alice = Person::new("alice");
    for (address, path) in [
        (server.addresses.http, "/sub"),
        (server.addresses.http, "/sub/"),
        (server.addresses.ws, "/sub"),
        (server.addresses.ws, "/sub/"),
    ] {
        let mut socket = Socket::connect(address);
        let frames = [auth(1, &alice.token(), None), frame(HEARTBEAT, 2, "")];
        let mut bytes = websocket::request(path).into_bytes();
        bytes.extend(frames.iter().flat_map(|frame| masked(BINARY, &frame.encode())));
        socket.write(&bytes);
        await_upgrade(&mut socket);
        let mut client = Client::over(Transport::HttpPort, socket);
        assert_eq!(client.receive(), frame(AUTH_REPLY, 1, ""));
        assert_eq!(client.receive(), frame(HEARTBEAT_REPLY, 2, &[0; 4][..]));
    }
}

/// Bytes come as the network likes: the request, and the frame behind it, in two halves each.
#[test]
fn a_frame_may_be_cut_anywhere() {
    let server = Server::start();
    let alice = Person::new("alice");
    let frames = masked(BINARY, &auth(1, &alice.token(), None).encode());
    let bytes = [websocket::request("/sub").into_bytes(), frames].concat();
    let head = bytes.len() - bytes.iter().rev().take_while(|&&byte| byte != b'\n').count();
    for cut in [1, head - 1, head + 1, head + 7, bytes.len() - 1] {
        let mut socket = Socket::connect(server.addresses.http);
        let (one, other) = bytes.split_at(cut);
        socket.write(one);
        // The other half comes when the server has seen the first, which a second connection
        // shows that is served meanwhile.
        assert_eq!(server.get("/ping").status, 200);
        socket.write(other);
        await_upgrade(&mut socket);
        let mut client = Client::over(Transport::HttpPort, socket);
        assert_eq!(client.receive(), frame(AUTH_REPLY, 1, ""), "cut at {cut}");
    }
}

#[test]
fn a_connection_may_be_upgraded_after_other_requests() {
    let server = Server::start();
    let mut socket = Socket::connect(server.addresses.http);
    socket.write(b"GET /ping HTTP/1.1\r\nHost: chat.test\r\n\r\n");
    assert_eq!(answer(&mut socket).text(), "pong");
    socket.write(websocket::request("/sub/").as_bytes());
    await_upgrade(&mut socket);
    let mut client = Client::over(Transport::HttpPort, socket);
    client.sign_in(&Person::new("alice"), None);
    client.beat();
}

#[test]
fn whoever_does_not_ask_rightly_is_told_what_is_expected() {
    let server = Server::start();
    let wrong = [
        ("Upgrade: websocket\r\n", ""),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade\r\n", ""),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("Sec-WebSocket-Version: 13\r\n", ""),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short"),
        ("HTTP/1.1", "HTTP/1.0"),
    ];
    for (line, instead) in wrong {
        let mut socket = Socket::connect(server.addresses.http);
        socket.write(&upgrade_but(line, instead));
        let answer = answer(&mut socket);
        assert_eq!(answer.status, 426, "{line:?} became {instead:?}");
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(request(server.addresses.http, "POST", "/sub", &[], b"").status, 405);
    for path in ["/sub/x", "/subs"] {
        assert_eq!(http::get(server.addresses.http, path).status, 404);
    }
}

#[test]
fn a_session_on_this_port_is_counted_and_ends_like_any_other() {
    let server = Server::start();
    let mut client = server.client(Transport::HttpPort, &Person::new("alice"), None);
    assert_eq!(server.metric("comet_gateway_sessions"), 1);
    client.socket.write(&masked(CLOSE, &1000_u16.to_be_bytes()));
    let ending = client.ending();
    assert_eq!(ending, crate::support::client::Ending::Close(Some(1000)));
    server.awaits_metric("comet_gateway_connections", 0);
    assert_eq!(server.metric("comet_gateway_sessions"), 0);
}
