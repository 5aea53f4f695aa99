//! Peers without frames: a WebSocket message is a body, and the upgrade request says who they are.

use comet::{Closed, Config, Delivery, Dialect, Identity, Listen, OriginPolicy};
use comet_testkit::client::{Client, Transport};
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{
    self, BINARY, CLOSE, CONTINUATION, FIN, TEXT, WsFrame, masked, request, response, status,
};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::log::Log;
use crate::support::router::echo;

/// Where the raw listener is among the addresses.
const RAW: usize = 2;

fn setup(config: Config) -> Setup {
    Setup::new(config)
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Raw))
        .on_connect(admit)
        .on_message(echo)
}

#[expect(clippy::needless_pass_by_value, reason = "the router is handed it like this")]
/// `/user/NAME` is a user, `/room/NAME` somebody in a room, everything else is refused.
fn admit(_: &Log, request: comet::Connect, reply: comet::ConnectReply) {
    let upgrade = request.upgrade.as_ref().expect("a raw peer has upgraded");
    let path = upgrade.path();
    if let Some(user) = path.strip_prefix("/user/") {
        reply.accept(Identity::new("raw", user));
    } else if let Some(room) = path.strip_prefix("/room/") {
        reply.accept(Identity::anonymous().room(room));
    } else if path == "/refused" {
        reply.refuse("not today");
    } else if path == "/unknown-token" {
        reply.refuse_http(401, r#"{"error":"token"}"#);
    } else if path == "/odd-status" {
        reply.refuse_http(200, "");
    }
}

fn connect(server: &Server, target: &str) -> Client {
    let socket = websocket::upgrade(server.gateway.addresses()[RAW], target);
    Client::over(Transport::WebSocket, socket)
}

fn message(opcode: u8, payload: &[u8]) -> WsFrame {
    WsFrame { first: FIN | opcode, payload: payload.to_vec() }
}

fn on_both(scenario: impl Fn(usize)) {
    [1, 2].into_iter().for_each(scenario);
}

#[test]
fn path_query_and_headers_of_the_upgrade_reach_the_router() {
    on_both(|shards| {
        let server = setup(config(shards)).on_connect(|log, request, reply| {
            log.keep(request, reply);
        });
        let server = server.start();
        let mut socket = Socket::connect(server.gateway.addresses()[RAW]);
        let more = "Authorization: Bearer t0ken\r\nX-Device: phone\r\nCookie: a=1\r\n";
        socket.write(request("/chat/lobby?since=7&x=%20", more));
        let (asked, reply) = server.log.asked();
        assert_eq!((asked.dialect, asked.attempt), (Dialect::Raw, 1));
        assert_eq!((asked.app.as_str(), asked.token.as_str(), &asked.ext[..]), ("", "", &b""[..]));
        assert_eq!(asked.remote, socket.local());
        let upgrade = asked.upgrade.unwrap();
        assert_eq!(upgrade.path(), "/chat/lobby");
        assert_eq!(upgrade.query(), Some("since=7&x=%20"));
        assert_eq!(upgrade.text("authorization"), Some("Bearer t0ken"));
        assert_eq!(upgrade.text("x-device"), Some("phone"));
        assert_eq!((upgrade.host(), upgrade.origin()), ("gateway.test", None));

        std::thread::spawn(move || reply.accept(Identity::new("raw", "alice")));
        websocket::check_upgraded(&response(&mut socket));
        assert_eq!(server.log.peer("alice").user(), "alice");
    });
}

#[test]
fn text_stays_text_and_bytes_stay_bytes() {
    on_both(|shards| {
        let server = setup(config(shards)).start();
        let mut client = connect(&server, "/user/alice");
        for (opcode, payload) in [
            (TEXT, "{\"say\":\"h\u{e9}llo \u{1f600}\"}".as_bytes()),
            (BINARY, b"\0\xff\xfe"),
            (TEXT, b""),
            (BINARY, b""),
            (BINARY, &[7; 16_384]),
        ] {
            client.socket.write(masked(FIN | opcode, payload));
            assert_eq!(client.receive_ws(), message(opcode, payload));
        }
        let fragments = [masked(TEXT, b"in "), masked(FIN | CONTINUATION, b"pieces")];
        client.socket.write(fragments.concat());
        assert_eq!(client.receive_ws(), message(TEXT, b"in pieces"));
    });
}

#[test]
fn what_a_raw_peer_says_before_it_is_let_in_is_heard_once_it_is() {
    on_both(|shards| {
        let server = setup(config(shards)).start();
        for number in 0..16 {
            let mut socket = Socket::connect(server.gateway.addresses()[RAW]);
            let early: Vec<u8> =
                (0..100u8).flat_map(|number| masked(FIN | BINARY, &[number])).collect();
            let request = request(&format!("/user/user-{number}"), "");
            socket.write([request.as_bytes(), &early].concat());
            websocket::check_upgraded(&response(&mut socket));
            let mut client = Client::over(Transport::WebSocket, socket);
            for number in 0..100 {
                assert_eq!(client.receive_ws(), message(BINARY, &[number]));
            }
        }
    });
}

#[test]
fn a_refused_raw_peer_gets_the_status_and_the_body_of_the_router_or_403_if_dropped() {
    on_both(|shards| {
        let server = setup(config(shards)).start();
        let text = "text/plain; charset=utf-8";
        for (target, code, kind, body) in [
            ("/refused", 403, text, "not today"),
            ("/unknown", 403, text, "forbidden\n"),
            ("/unknown-token", 401, "application/json", r#"{"error":"token"}"#),
            ("/odd-status", 403, text, ""),
        ] {
            let mut socket = Socket::connect(server.gateway.addresses()[RAW]);
            socket.write(request(target, ""));
            let response = response(&mut socket);
            assert_eq!(status(&response), code, "{target}");
            assert!(response.contains(&format!("Content-Type: {kind}\r\n")), "{response}");
            assert!(response.contains(&format!("Content-Length: {}\r\n", body.len())));
            assert_eq!(String::from_utf8_lossy(&socket.rest().0), body);
        }
        assert_eq!(server.ended_as(&Closed::Refused), 4);
        assert_eq!(server.stats().refused, 4);
    });
}

#[test]
fn paths_and_origins_may_be_limited_before_the_router_is_asked() {
    let listen = Listen::websocket(anywhere())
        .dialect(Dialect::Raw)
        .paths(["/user/alice"])
        .origin(OriginPolicy::SameHost);
    let server = Setup::new(config(2)).listen(listen).on_connect(admit).start();
    let answer = |request: &[u8]| {
        let mut socket = Socket::connect(server.gateway.addresses()[RAW]);
        socket.write(request);
        status(&response(&mut socket))
    };
    assert_eq!(answer(request("/user/bob", "").as_bytes()), 404);
    assert_eq!(answer(request("/user/alice", "Origin: http://evil.test\r\n").as_bytes()), 403);
    assert_eq!(answer(b"GET /user/alice HTTP/1.1\r\nHost: gateway.test\r\n\r\n"), 426);
    assert_eq!(server.log.so_far(|_| Some(())), []);
    assert_eq!(answer(request("/user/alice", "").as_bytes()), 101);
}

/// The request is all there is to know a raw peer by, and browsers add cookies to it.
#[test]
fn pages_of_other_sites_reach_a_raw_listener_only_if_it_says_so() {
    let listen = || Listen::websocket(anywhere()).dialect(Dialect::Raw);
    let server = Setup::new(config(1))
        .listen(listen())
        .listen(listen().origin(OriginPolicy::Any))
        .listen(Listen::websocket(anywhere()).origin(OriginPolicy::Any).dialect(Dialect::Raw))
        .on_connect(admit)
        .start();
    let cases = [
        (RAW, "http://evil.test", 403),
        (RAW, "null", 403),
        (RAW, "http://gateway.test", 101),
        (RAW + 1, "http://evil.test", 101),
        (RAW + 2, "http://evil.test", 101),
    ];
    for (listener, page, expected) in cases {
        let mut socket = Socket::connect(server.gateway.addresses()[listener]);
        socket.write(request("/user/alice", &format!("Origin: {page}\r\n")));
        assert_eq!(status(&response(&mut socket)), expected, "{page} at {listener}");
    }
}

#[test]
fn a_room_of_raw_peers_gets_each_message_once_with_its_type_across_shards() {
    let server = setup(config(2)).on_message(|gateway, _, _, message, receipt| {
        let delivery = Delivery::best_effort(message.body).kind(message.kind);
        gateway.publish("lobby", delivery).expect("a mailbox with room");
        receipt.ack("nothing of this is sent");
    });
    let server = server.start();
    let mut clients: Vec<Client> = (0..8).map(|_| connect(&server, "/room/lobby")).collect();
    let mut other = connect(&server, "/room/elsewhere");
    for (number, opcode) in (0..8).zip([TEXT, BINARY].into_iter().cycle()) {
        let text = format!("said by {number}");
        clients[number].socket.write(masked(FIN | opcode, text.as_bytes()));
        for client in &mut clients {
            assert_eq!(client.receive_ws(), message(opcode, text.as_bytes()));
        }
    }
    other.socket.write(masked(FIN | CLOSE, b""));
    assert_eq!(other.receive_ws(), message(CLOSE, b""), "nothing came before");
}

#[test]
fn a_raw_peer_that_left_while_it_was_decided_about_has_a_session_that_ends_at_once() {
    on_both(|shards| {
        let server = setup(config(shards)).on_connect(|log, request, reply| {
            log.keep(request, reply);
        });
        let server = server.start();
        let mut socket = Socket::connect(server.gateway.addresses()[RAW]);
        socket.write(request("/user/alice", ""));
        let (_, reply) = server.log.asked();
        drop(socket);
        reply.accept(Identity::new("raw", "alice"));
        // Whether the answer finds the connection ended or already reset is a matter of time.
        let closed = server.log.closed("alice");
        assert!(matches!(closed, Closed::ByPeer | Closed::Lost(_)), "{closed}");
        server.is_deserted();
    });
}
