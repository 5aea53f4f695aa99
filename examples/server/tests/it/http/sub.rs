//! The WebSocket on the port of the API.

use comet_server_testkit::client::{Client, Transport, auth};
use comet_server_testkit::http;
use comet_server_testkit::http::{answer, request};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::frame::{AUTH_REPLY, HEARTBEAT, HEARTBEAT_REPLY, frame};
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{self, BINARY, CLOSE, FIN, await_upgrade, masked};

/// The head of an upgrade request with one line changed, or left out.
fn upgrade_but(line: &str, instead: &str) -> Vec<u8> {
    let whole = websocket::request("/sub", "");
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
        let mut bytes = websocket::request(path, "").into_bytes();
        bytes.extend(frames.iter().flat_map(|frame| masked(FIN | BINARY, &frame.encode())));
        socket.write(&bytes);
        await_upgrade(&mut socket);
        let mut client = Client::over(Transport::HttpPort, socket);
        assert_eq!(client.receive(), frame(AUTH_REPLY, 1, ""));
        assert_eq!(client.receive(), frame(HEARTBEAT_REPLY, 2, &[0; 4][..]));
    }
}

/// Bytes arrive in any portions: the request, and the frame behind it, in two halves each.
#[test]
fn a_frame_may_be_cut_anywhere() {
    let server = Server::start();
    let alice = Person::new("alice");
    let frames = masked(FIN | BINARY, &auth(1, &alice.token(), None).encode());
    let bytes = [websocket::request("/sub", "").into_bytes(), frames].concat();
    let head = bytes.len() - bytes.iter().rev().take_while(|&&byte| byte != b'\n').count();
    for cut in [1, head - 1, head + 1, head + 7, bytes.len() - 1] {
        let mut socket = Socket::connect(server.addresses.http);
        let (one, other) = bytes.split_at(cut);
        socket.write(one);
        // The other half is sent once the server has seen the first, which is shown by serving a
        // second connection meanwhile.
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
    socket.write(b"GET /ping HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    assert_eq!(answer(&mut socket).text(), "pong");
    socket.write(websocket::request("/sub/", ""));
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
    ];
    for (line, instead) in wrong {
        let mut socket = Socket::connect(server.addresses.http);
        socket.write(upgrade_but(line, instead));
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
    client.socket.write(masked(FIN | CLOSE, &1000_u16.to_be_bytes()));
    let ending = client.ends();
    assert_eq!(ending, comet_server_testkit::client::Ending::Close(Some(1000)));
    server.awaits_metric("comet_gateway_connections", 0);
    assert_eq!(server.metric("comet_gateway_sessions"), 0);
}

/// Neither port is more lenient than the other.
#[test]
fn both_ports_refuse_the_same_upgrades_with_the_same_status() {
    let server = Server::start();
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let host = "Host: gateway.test\r\n";
    let more = |fields: &str| upgrade_but(host, &format!("{host}{fields}"));
    let cookies = format!("Cookie: {}\r\n", "x".repeat(10_000));
    let huge = format!("Cookie: {}\r\n", "x".repeat(64 * 1024));
    let many = (0..70).map(|number| format!("X-{number}: 1\r\n")).collect::<String>();
    let cases = [
        (400, upgrade_but(host, "")),
        (400, more("Host: other.test\r\n")),
        (400, more(key)),
        (400, upgrade_but(key, "")),
        (400, upgrade_but(key, "Sec-WebSocket-Key: short\r\n")),
        (400, more("Origin: https://a.test\r\nOrigin: https://b.test\r\n")),
        (400, more("Sec-WebSocket-Version: 8\r\n")),
        (413, more("Content-Length: 5\r\n")),
        (413, more("Transfer-Encoding: chunked\r\n")),
        (431, more(&cookies)),
        (431, more(&huge)),
        (431, more(&many)),
        (505, upgrade_but("HTTP/1.1", "HTTP/1.0")),
    ];
    for (status, bytes) in cases {
        for address in [server.addresses.http, server.addresses.ws] {
            let mut socket = Socket::connect(address);
            // It may be refused before all of it is written.
            let _ = socket.try_write(&bytes);
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
            assert_eq!(answer(&mut socket).status, status, "{address}: {head}");
        }
    }
}

#[test]
fn the_limits_of_upgrades_are_settings() {
    let setup = Setup::default()
        .variable("COMET_GATEWAY__MAX_UPGRADE", &20_000)
        .variable("COMET_GATEWAY__MAX_UPGRADE_HEADERS", &8)
        .variable("COMET_GATEWAY__UPGRADE_PATHS", &"['/elsewhere']");
    let server = setup.start();
    let cookies = format!("Cookie: {}\r\n", "x".repeat(10_000));
    let many = "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n";
    let ports = [(server.addresses.http, "/sub"), (server.addresses.ws, "/elsewhere")];
    for (address, path) in ports {
        for (fields, status) in [(&*cookies, 101), (many, 431)] {
            let mut socket = Socket::connect(address);
            socket.write(websocket::request(path, fields));
            assert_eq!(answer(&mut socket).status, status, "{address}");
        }
    }
    let mut socket = Socket::connect(server.addresses.ws);
    socket.write(websocket::request("/sub", ""));
    assert_eq!(answer(&mut socket).status, 404);
}

/// The response to an upgrade on the port of the API.
fn asked(server: &Server, fields: &str) -> http::Answer {
    let host = "Host: gateway.test\r\n";
    let mut socket = Socket::connect(server.addresses.http);
    socket.write(upgrade_but(host, &format!("{host}{fields}")));
    answer(&mut socket)
}

#[test]
fn a_full_gateway_says_so_before_it_upgrades() {
    let server = Setup::default().variable("COMET_GATEWAY__MAX_CONNECTIONS", &1).start();
    let client = server.client(Transport::HttpPort, &Person::new("alice"), None);
    let refused = asked(&server, "");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    assert_eq!(server.get("/ping").status, 200, "HTTP has places of its own");
    drop(client);
    clock::eventually("there is a place again", || asked(&server, "").status == 101);
}

#[test]
fn connections_of_an_address_are_counted_on_all_ports_together() {
    let setup = Setup::default().variable("COMET_GATEWAY__CONNECTIONS_PER_ADDRESS", &2);
    let proxies = "[{ net = \"127.0.0.0/8\", header = \"x-real-ip\" }]";
    for (setup, trusted) in
        [(setup.clone(), false), (setup.variable("COMET_TRUSTED_PROXIES", &proxies), true)]
    {
        let server = setup.start();
        let home = "X-Real-IP: 198.51.100.7\r\n";
        let mut held = Vec::new();
        for address in [server.addresses.ws, server.addresses.http] {
            let mut socket = Socket::connect(address);
            let host = "Host: gateway.test\r\n";
            socket.write(upgrade_but(host, &format!("{host}{home}")));
            await_upgrade(&mut socket);
            held.push(socket);
        }
        let refused = asked(&server, home);
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
        let other = asked(&server, "X-Real-IP: 198.51.100.8\r\n");
        assert_eq!(other.status, if trusted { 101 } else { 429 }, "trusted: {trusted}");
        drop(held);
        clock::eventually("the share is given back", || asked(&server, home).status == 101);
    }
}

#[test]
fn handshakes_of_an_address_have_a_rate_on_this_port_too() {
    let server = Setup::default().variable("COMET_GATEWAY__HANDSHAKES_PER_ADDRESS", &1).start();
    let answers: Vec<u16> = (0..5).map(|_| asked(&server, "").status).collect();
    assert_eq!(answers[..2], [101, 101]);
    assert!(answers.contains(&429), "{answers:?}");
}

/// As on the port for WebSocket alone.
#[test]
fn the_first_configured_subprotocol_that_a_client_offers_is_accepted() {
    let list = "gateway.subprotocols=['chat.v2', 'chat.v1']";
    let server = Setup::default().flag("set", &list).start();
    for address in [server.addresses.http, server.addresses.ws] {
        let chosen = |offer: &str| {
            let mut socket = Socket::connect(address);
            let line = format!("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {offer}");
            socket.write(upgrade_but("Sec-WebSocket-Version: 13", &line));
            let head = await_upgrade(&mut socket);
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut names =
                lines.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
            names.next().map(|(_, value)| value.to_owned())
        };
        assert_eq!(chosen("chat.v1, chat.v2").as_deref(), Some("chat.v2"));
        assert_eq!(chosen("mqtt,chat.v1").as_deref(), Some("chat.v1"));
        assert_eq!(chosen("mqtt"), None);
    }
}

/// On the port for WebSocket alone, too; off by default.
#[test]
fn messages_may_be_compressed_if_that_is_configured() {
    const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let server = Setup::default().flag("set", &"gateway.deflate=true").start();
    let other = Server::start();
    let alice = Person::new("alice");
    let packet = auth(1, &alice.token(), None).encode();
    // One stored block, and the empty one that is cut short.
    let len = u16::try_from(packet.len()).unwrap();
    let stored = [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), &packet, &[0]].concat();
    for (on, off) in
        [(server.addresses.http, other.addresses.http), (server.addresses.ws, other.addresses.ws)]
    {
        let mut socket = Socket::connect(on);
        socket.write(websocket::request("/sub", OFFER));
        let head = websocket::response(&mut socket).to_ascii_lowercase();
        let agreed = "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
            client_no_context_takeover\r\n";
        assert!(head.contains(agreed), "{head}");
        socket.write(masked(FIN | 0x40 | BINARY, &stored));
        let mut client = Client::over(Transport::HttpPort, socket);
        assert_eq!(client.receive(), frame(AUTH_REPLY, 1, ""));

        let mut socket = Socket::connect(on);
        socket.write(websocket::request("/sub", "Sec-WebSocket-Extensions: a;\r\n"));
        assert_eq!(websocket::status(&websocket::response(&mut socket)), 400);

        let mut socket = Socket::connect(off);
        socket.write(websocket::request("/sub", OFFER));
        await_upgrade(&mut socket);
    }
}
