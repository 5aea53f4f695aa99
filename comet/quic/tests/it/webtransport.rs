//! Sessions of browsers: a CONNECT of HTTP/3, and the first stream behind it.

use std::time::Duration;

use comet::{Closed, Delivery, OriginPolicy, Target};
use comet_quic::{Config, WebTransport};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use quinn::ConnectionError;

use crate::support::browser::{Browser, CONTROL};
use crate::support::client::{Peer, runtime};
use crate::support::gateway::{Server, config};

const PAGE: &str = "https://chat.test";

/// H3_NO_ERROR (RFC 9114, section 8.1).
const NO_ERROR: u64 = 0x100;

fn sign_in(browser: &Browser, user: &str) -> Client {
    let mut client = Client::over(Transport::Tcp, browser.stream(0));
    client.sign_in(user, "lobby");
    client
}

#[test]
fn the_first_stream_behind_a_connect_is_a_session() {
    let (server, log) = Server::default();
    let browser = Browser::connect(server.quic.address());
    let mut request = browser.ask("/sub", PAGE);
    assert_eq!(request.status(), 200);
    let mut client = sign_in(&browser, "alice");
    assert_eq!(log.remote("alice"), browser.peer.endpoint.local_addr().unwrap());
    assert_eq!(client.ask(2, b"hello"), b"hello");
    server.gateway.publish("lobby", Delivery::acked("to all")).unwrap();
    client.takes(1, b"to all");
    runtime().block_on(async {
        // A datagram of the session, which has none.
        browser.peer.connection.send_datagram_wait(vec![0, 1, 2].into()).await.unwrap();
    });
    assert_eq!(client.ask(3, b"still here"), b"still here");
    server.gateway.kick(Target::user("dtalk", "alice"), "enough").unwrap();
    assert_eq!(client.ending(), Ending::Fin);
    drop(client);
    // A frame DATA with the capsule CLOSE_WEBTRANSPORT_SESSION: code 0, and why.
    let reason = b"the session has ended";
    let expected = [&[0, 28, 0x68, 0x43, 25, 0, 0, 0, 0], &reason[..]].concat();
    assert_eq!(request.rest(), expected);
    request.send.finish().unwrap();
    assert_eq!(browser.peer.closed().0, NO_ERROR);
    assert!(matches!(log.closed("alice"), Closed::Kicked(_)));
    server.is_deserted();
}

#[test]
fn a_stream_may_come_before_its_request() {
    let (server, _) = Server::default();
    let browser = Browser::connect(server.quic.address());
    // Streams are numbered as they are opened: the request is the second one, number 4.
    let (mut send, receive) = browser.peer.open();
    let before = server.stats().datagrams.received;
    runtime().block_on(send.write_all(&[0x40, 0x41, 4])).unwrap();
    clock::eventually("it has come", || server.stats().datagrams.received > before);
    let mut request = browser.ask("/sub", PAGE);
    assert_eq!(request.status(), 200);
    let socket = crate::support::client::bridged(runtime(), send, receive);
    let mut client = Client::over(Transport::Tcp, socket);
    client.sign_in("alice", "");
    assert_eq!(client.ask(2, b"hello"), b"hello");
}

#[test]
fn other_paths_and_foreign_pages_are_refused() {
    let origin = OriginPolicy::List(vec![PAGE.to_owned()]);
    let webtransport = Some(WebTransport { origin, ..WebTransport::default() });
    let quic = Config { webtransport, ..Config::default() };
    let (server, _) = Server::start(config(1), quic);
    let browser = Browser::connect(server.quic.address());
    assert_eq!(browser.ask("/", PAGE).status(), 404);
    assert_eq!(browser.ask("/sub", "https://evil.test").status(), 403);
    let mut granted = browser.ask("/sub/?a=b", PAGE);
    assert_eq!(granted.status(), 200);
    assert_eq!(browser.ask("/sub", PAGE).status(), 429, "one session on a connection");
}

#[test]
fn a_page_that_closes_its_session_or_leaves_is_gone() {
    let (server, log) = Server::default();
    for user in ["closes", "leaves"] {
        let browser = Browser::connect(server.quic.address());
        let mut request = browser.ask("/sub", PAGE);
        assert_eq!(request.status(), 200);
        let client = sign_in(&browser, user);
        match user {
            "closes" => request.send.finish().unwrap(),
            _ => browser.peer.connection.close(0x100u32.into(), b""),
        }
        assert_eq!(log.closed(user), Closed::ByPeer, "{user}");
        drop(client);
    }
    server.is_deserted();
}

#[test]
fn a_drain_says_goodbye_to_pages() {
    let (server, log) = Server::default();
    let browser = Browser::connect(server.quic.address());
    let mut request = browser.ask("/sub", PAGE);
    assert_eq!(request.status(), 200);
    let mut client = sign_in(&browser, "alice");
    server.gateway.drain(Duration::from_millis(300));
    assert_eq!(client.ending(), Ending::Fin);
    drop(client);
    let goodbye = request.rest();
    assert_eq!(goodbye[5..9], [0, 0, 0, 2], "the code of going away");
    assert_eq!(&goodbye[9..], b"going away");
    server.gateway.wait();
    assert_eq!(log.closed("alice"), Closed::Draining);
}

/// Each is closed with the error that the standards name, and counted.
#[test]
fn violations_of_http3_close_the_connection() {
    let (server, _) = Server::default();
    type Violation = fn(&mut Browser);
    let violations: [(u64, &str, Violation); 8] = [
        (0x10a, "no settings first", |browser| browser.unidirectional(&[0, 0, 1, 7])),
        (0x109, "settings of HTTP/2", |browser| browser.unidirectional(&[0, 4, 2, 2, 0])),
        (0x103, "two control streams", |browser| {
            browser.unidirectional(CONTROL);
            browser.unidirectional(CONTROL);
        }),
        (0x104, "an end of control", |browser| {
            browser.unidirectional(CONTROL);
            browser.end_streams();
        }),
        (0x105, "data before headers", |browser| drop(browser.request(&[0, 1, 7]))),
        (0x200, "a dynamic table", |browser| drop(browser.request(&[1, 3, 0, 0, 0x80]))),
        (0x107, "headers without an end", |browser| {
            drop(browser.request(&[&[1, 0x5f, 0xff][..], &[0; 9_000]].concat()));
        }),
        (0x107, "noise without an end", |browser| {
            // More than the server takes: the stream may be cut while it is written.
            browser.unidirectional(CONTROL);
            browser.unidirectional(&[2]);
            let noise = vec![0x20; 70_000];
            browser.flood(&noise);
        }),
    ];
    for (number, (code, what, violate)) in (1..).zip(violations) {
        let mut browser = Browser::silent(server.quic.address());
        violate(&mut browser);
        let ConnectionError::ApplicationClosed(close) = browser.peer.ended() else {
            panic!("{what}: {:?}", browser.peer.ended());
        };
        assert_eq!(close.error_code.into_inner(), code, "{what}");
        assert_eq!(server.stats().failed, number, "{what}");
    }
    server.is_deserted();
}

#[test]
fn without_webtransport_there_is_no_http3() {
    let quic = Config { webtransport: None, ..Config::default() };
    let (server, _) = Server::start(config(1), quic);
    assert!(Peer::try_connect(server.quic.address(), b"h3").is_err());
    let peer = Peer::connect(server.quic.address());
    let unidirectional = runtime().block_on(async {
        tokio::time::timeout(Duration::from_millis(100), peer.connection.open_uni()).await
    });
    assert!(unidirectional.is_err(), "no credit for such streams");
    assert_eq!(peer.connection.max_datagram_size(), None, "nor for datagrams");
    assert_eq!(peer.sign_in("alice", "").ask(2, b"hello"), b"hello");
}
