//! WebSocket as RFC 6455 has it: the upgrade, messages in fragments, control frames, closing.

use comet::{Closed, Gateway, Listen, OriginPolicy, StartError};
use comet_protocol::ws::WsError;
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::frame::{Wire, auth, frame, reply, say};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket::{
    self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, WsFrame, check_upgraded, masked,
    request, response, status,
};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::TestRouter;

fn server() -> Server {
    Server::start(config(2))
}

fn client(server: &Server) -> Client {
    server.client(Transport::WebSocket, "alice", "")
}

/// What an upgrade request is answered with, body included, when the connection ends after it.
fn refusal(server: &Server, listener: usize, request: &[u8]) -> String {
    let mut socket = Socket::connect(server.gateway.addresses()[listener]);
    socket.write(request);
    let (answer, end) = socket.rest();
    assert_eq!(end, Arrived::End, "the answer must arrive");
    String::from_utf8(answer).unwrap()
}

fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    masked(FIN | CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

#[test]
fn both_spellings_of_the_path_are_served_with_or_without_a_query() {
    let server = server();
    for target in ["/sub", "/sub/", "/sub?v=1", "http://gateway.test/sub/"] {
        let socket = websocket::upgrade(server.address(Transport::WebSocket), target);
        let mut client = Client::over(Transport::WebSocket, socket);
        client.sign_in("alice", "");
        assert_eq!(client.ask(2, b"hello"), b"hello", "{target}");
    }
}

#[test]
fn what_is_no_upgrade_is_told_what_is_wrong_in_http() {
    let server = server();
    let good = request("/sub", "");
    let cases = [
        (404, good.replacen("/sub", "/elsewhere", 1)),
        (405, good.replacen("GET", "POST", 1)),
        (426, good.replacen("Upgrade: websocket\r\n", "", 1)),
        (426, good.replacen("Version: 13", "Version: 8", 1)),
        (400, good.replacen(websocket::KEY, "c2hvcnQ=", 1)),
        (400, good.replacen("Host: gateway.test\r\n", "", 1)),
        (505, good.replacen("HTTP/1.1", "HTTP/1.0", 1)),
        (413, good.replacen("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello", 1)),
    ];
    for (expected, request) in &cases {
        let answer = refusal(&server, 1, request.as_bytes());
        assert_eq!(status(&answer), *expected, "{request}{answer}");
        assert!(answer.contains("Connection: close"), "{answer}");
        if *expected == 426 {
            assert!(answer.contains("Sec-WebSocket-Version: 13\r\n"), "{answer}");
        }
    }
    assert_eq!(server.ended_as(&Closed::UpgradeRefused(404)), cases.len() as u64);
    assert_eq!(server.stats().authenticated, 0);
}

#[test]
fn pages_of_other_sites_are_let_in_only_where_the_listener_says_so() {
    let listed = OriginPolicy::List(vec!["https://chat.test".into()]);
    let server = Setup::new(config(1))
        .listen(Listen::websocket(anywhere()).origin(OriginPolicy::SameHost))
        .listen(Listen::websocket(anywhere()).origin(listed))
        .start();
    let origin = |origin: &str| request("/sub", &format!("Origin: {origin}\r\n"));
    let cases = [
        (1, "https://anybody.test", 101),
        (2, "http://gateway.test", 101),
        (2, "http://gateway.test.evil.test", 403),
        (2, "null", 403),
        (3, "https://chat.test", 101),
        (3, "http://gateway.test", 403),
    ];
    for (listener, page, expected) in cases {
        let mut socket = Socket::connect(server.gateway.addresses()[listener]);
        socket.write(origin(page));
        assert_eq!(status(&response(&mut socket)), expected, "{page} at {listener}");
    }
    for listener in [2, 3] {
        let mut socket = Socket::connect(server.gateway.addresses()[listener]);
        socket.write(request("/sub", ""));
        check_upgraded(&response(&mut socket));
    }
}

#[test]
fn frames_may_follow_the_request_before_it_is_answered() {
    let server = server();
    let mut socket = Socket::connect(server.address(Transport::WebSocket));
    let frames = [auth(1, "alice", ""), say(2, b"at once")];
    let mut bytes = request("/sub", "").into_bytes();
    for frame in &frames {
        bytes.extend(masked(FIN | BINARY, &Wire::Dtalk.bytes(frame)));
    }
    socket.write(&bytes);
    check_upgraded(&response(&mut socket));
    let mut client = Client::over(Transport::WebSocket, socket);
    assert_eq!(client.receive_all(2), [frame(2, 1, b""), reply(2, b"at once")]);
}

#[test]
fn a_message_may_hold_several_packets_and_each_is_answered_in_its_own() {
    let server = server();
    let mut client = server.connect(Transport::WebSocket);
    client.send_together(&[auth(1, "alice", ""), frame(3, 2, b""), say(3, b"a"), say(4, b"b")]);
    let expected = [frame(2, 1, b""), frame(4, 2, [0; 4]), reply(3, b"a"), reply(4, b"b")];
    assert_eq!(client.receive_all(4), expected);
    client.send_together(&(5..=200).map(|seq| say(seq, b"again")).collect::<Vec<_>>());
    let expected: Vec<_> = (5..=200).map(|seq| reply(seq, b"again")).collect();
    assert_eq!(client.receive_all(196), expected);
}

#[test]
fn a_packet_does_not_go_on_in_the_next_message() {
    let server = server();
    let mut client = client(&server);
    let packet = Wire::Dtalk.bytes(&say(2, b"in two messages"));
    let (one, two) = packet.split_at(24);
    client.socket.write([masked(FIN | BINARY, one), masked(FIN | BINARY, two)].concat());
    assert_eq!(client.ending(), Ending::Close(Some(1002)));
    let error = comet_protocol::DecodeError::Truncated { have: 24, need: 35 };
    assert_eq!(server.log.closed("alice"), Closed::BadFrame(error));
}

#[test]
fn packets_may_come_in_fragments_with_control_frames_between() {
    let server = server();
    let mut client = client(&server);
    let packet = Wire::Dtalk.bytes(&say(3, b"in pieces"));
    let pieces = [
        masked(BINARY, &packet[..3]),
        masked(FIN | PING, b"one"),
        masked(CONTINUATION, b""),
        masked(CONTINUATION, &packet[3..25]),
        masked(FIN | PONG, b"nobody asked"),
        masked(FIN | PING, b""),
        masked(FIN | CONTINUATION, &packet[25..]),
    ];
    client.socket.write(pieces.concat());
    let pong = |payload: &[u8]| WsFrame { first: FIN | PONG, payload: payload.to_vec() };
    assert_eq!(client.receive_ws(), pong(b"one"));
    assert_eq!(client.receive_ws(), pong(b""));
    assert_eq!(client.receive(), reply(3, b"in pieces"));
}

#[test]
fn a_ping_is_answered_at_once_before_authentication_too() {
    let server = server();
    let mut client = server.connect(Transport::WebSocket);
    for payload in [&b""[..], b"early", &[0xff; 125]] {
        client.socket.write(masked(FIN | PING, payload));
        let pong = WsFrame { first: FIN | PONG, payload: payload.to_vec() };
        assert_eq!(client.receive_ws(), pong);
    }
    client.sign_in("alice", "");
    client.socket.write(masked(FIN | PING, b"late"));
    assert_eq!(client.receive_ws(), WsFrame { first: FIN | PONG, payload: b"late".to_vec() });
}

#[test]
fn a_close_frame_is_answered_with_its_own_code() {
    let server = server();
    let cases: [(&[u8], &[u8]); 5] = [
        (b"", b""),
        (&1000u16.to_be_bytes(), &1000u16.to_be_bytes()),
        (b"\x03\xe9leaving the page", &1001u16.to_be_bytes()),
        (&3000u16.to_be_bytes(), &3000u16.to_be_bytes()),
        (&4999u16.to_be_bytes(), &4999u16.to_be_bytes()),
    ];
    for (number, (said, answer)) in cases.into_iter().enumerate() {
        let user = format!("user-{number}");
        let mut client = server.client(Transport::WebSocket, &user, "");
        client.socket.write(masked(FIN | CLOSE, said));
        assert_eq!(client.receive_ws(), WsFrame { first: FIN | CLOSE, payload: answer.to_vec() });
        assert_eq!(client.socket.rest(), (vec![], Arrived::End));
        assert_eq!(server.log.closed(&user), Closed::ByPeer);
    }
}

#[test]
fn nothing_after_a_close_frame_is_read() {
    let server = server();
    let mut client = client(&server);
    let late = masked(FIN | BINARY, &Wire::Dtalk.bytes(&say(2, b"too late")));
    client.socket.write([close_frame(1000, ""), late].concat());
    assert_eq!(client.ending(), Ending::Close(Some(1000)));
    assert_eq!(server.stats().messages, 0);
}

/// A client that breaks a rule is told by this code, and the end has this reason.
fn breaks_a_rule(bytes: &[u8], code: u16, error: WsError) {
    let server = server();
    let mut client = client(&server);
    client.socket.write(bytes);
    assert_eq!(client.ending(), Ending::Close(Some(code)), "{error}");
    assert_eq!(server.log.closed("alice"), Closed::BadWebSocket(error));
}

#[test]
fn codes_that_may_not_be_sent_are_a_fault() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        breaks_a_rule(&close_frame(code, ""), 1002, WsError::InvalidCloseCode(code));
    }
    breaks_a_rule(&masked(FIN | CLOSE, b"\x03"), 1002, WsError::TruncatedCloseCode);
}

#[test]
fn reasons_and_texts_must_be_utf_8() {
    let reason = [&1000u16.to_be_bytes()[..], b"\xc3\x28"].concat();
    breaks_a_rule(&masked(FIN | CLOSE, &reason), 1007, WsError::InvalidUtf8);
    breaks_a_rule(&masked(FIN | TEXT, b"\xed\xa0\x80"), 1007, WsError::InvalidUtf8);
    let split = [masked(TEXT, b"\xc3"), masked(FIN | CONTINUATION, b"\x28")].concat();
    breaks_a_rule(&split, 1007, WsError::InvalidUtf8);
}

#[test]
fn frames_that_the_protocol_forbids_end_the_connection() {
    let unmasked = [websocket::header(FIN | BINARY, 0, 3), vec![1, 2, 3]].concat();
    breaks_a_rule(&unmasked, 1002, WsError::NotMasked);
    breaks_a_rule(&masked(FIN | 0x40 | BINARY, b"x"), 1002, WsError::ReservedBits(0b100));
    breaks_a_rule(&masked(FIN | 0x10 | PING, b"x"), 1002, WsError::ReservedBits(0b001));
    breaks_a_rule(&masked(FIN | 3, b"x"), 1002, WsError::ReservedOpcode(3));
    breaks_a_rule(&masked(FIN | 11, b"x"), 1002, WsError::ReservedOpcode(11));
    breaks_a_rule(&masked(PING, b"x"), 1002, WsError::FragmentedControl);
    breaks_a_rule(&masked(FIN | PING, &[0; 126]), 1002, WsError::ControlTooLong);
    breaks_a_rule(&masked(FIN | CONTINUATION, b"x"), 1002, WsError::UnexpectedContinuation);
    let interleaved = [masked(BINARY, b"one"), masked(FIN | BINARY, b"two")].concat();
    breaks_a_rule(&interleaved, 1002, WsError::InterleavedMessage);
}

#[test]
fn lengths_that_lie_or_waste_end_the_connection_before_anything_is_kept() {
    let padded = b"\x82\xfe\x00\x7d";
    breaks_a_rule(padded, 1002, WsError::LengthNotMinimal(125));
    let wide = b"\x82\xff\0\0\0\0\0\0\xff\xff";
    breaks_a_rule(wide, 1002, WsError::LengthNotMinimal(65_535));
    let negative = b"\x82\xff\x80\0\0\0\0\0\0\x01";
    breaks_a_rule(negative, 1002, WsError::LengthOutOfRange(1 << 63 | 1));
    let huge = b"\x82\xff\0\0\0\xff\0\0\0\0\x01\x02\x03\x04";
    breaks_a_rule(huge, 1009, WsError::MessageTooLong { limit: 16_404 });
    let grown = [masked(BINARY, &[0; 16_000]), masked(FIN | CONTINUATION, &[0; 405])].concat();
    breaks_a_rule(&grown, 1009, WsError::MessageTooLong { limit: 16_404 });
}

#[test]
fn a_text_message_is_a_kind_of_data_that_is_not_taken() {
    breaks_a_rule(&masked(FIN | TEXT, b"hello"), 1003, WsError::UnexpectedText);
    // Every byte of this packet is ASCII, so that it is a text as well.
    let packet = Wire::Dtalk.bytes(&say(2, b"as text"));
    breaks_a_rule(&masked(FIN | TEXT, &packet), 1003, WsError::UnexpectedText);
    let pieces = [masked(TEXT, b"in "), masked(FIN | CONTINUATION, b"pieces")];
    breaks_a_rule(&pieces.concat(), 1003, WsError::UnexpectedText);
    // The first message decides nothing about the dialect.
    let server = server();
    let mut hello = server.connect(Transport::WebSocket);
    hello.socket.write(masked(FIN | TEXT, b"{\"hello\":1}"));
    assert_eq!(hello.ending(), Ending::Close(Some(1003)));
}

#[test]
fn a_packet_above_the_limit_is_too_large_wherever_it_stands() {
    let server = server();
    let long = [0, 1, 0, 0, 0, 20, 0, 1, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 0];
    let behind = [&Wire::Dtalk.bytes(&say(2, b"short"))[..], &long].concat();
    for message in [&long[..], &behind] {
        let mut client = client(&server);
        client.socket.write(masked(FIN | BINARY, message));
        assert_eq!(client.ending(), Ending::Close(Some(1009)));
    }
    // Before there is a session, too.
    let mut stranger = server.connect(Transport::WebSocket);
    stranger.socket.write(masked(FIN | BINARY, &long));
    assert_eq!(stranger.ending(), Ending::Close(Some(1009)));
}

#[test]
fn a_client_gets_the_first_subprotocol_of_the_listener_that_it_offers() {
    let own = Listen::websocket(anywhere()).subprotocols(["v2.chat", "v1.chat"]);
    let server = Setup::new(config(1)).listen(own).start();
    let chosen = |address, offers: &[&str]| {
        let lines = offers.iter().map(|offer| format!("Sec-WebSocket-Protocol: {offer}\r\n"));
        let mut socket = Socket::connect(address);
        socket.write(request("/sub", &lines.collect::<String>()));
        let response = response(&mut socket);
        check_upgraded(&response);
        let lower = response.to_ascii_lowercase();
        let line = lower.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        line.map(str::to_owned)
    };
    let own = server.gateway.addresses()[2];
    assert_eq!(chosen(own, &["v1.chat, v2.chat"]).as_deref(), Some("v2.chat"));
    assert_eq!(chosen(own, &["mqtt", "v1.chat"]).as_deref(), Some("v1.chat"));
    assert_eq!(chosen(own, &["mqtt"]), None);
    assert_eq!(chosen(own, &[]), None);
    assert_eq!(chosen(server.gateway.addresses()[1], &["v1.chat"]), None);
}

#[test]
fn a_name_that_is_no_token_is_no_subprotocol() {
    let listen = Listen::websocket(anywhere()).subprotocols(["a\r\nb"]);
    let start = Gateway::builder(TestRouter::new()).config(config(1)).listen(listen).start();
    assert!(matches!(start, Err(StartError::Config("a subprotocol must be a token of HTTP"))));
}
