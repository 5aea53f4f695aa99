//! The client's half of the handshake: RFC 6455 section 4.1.

use comet_protocol::ws::handshake::{
    Accepted, HandshakeLimits, Parse, ResponseError, ResponseParse, Upgrade, client_key, parse,
    write_accept,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const ASKED: Upgrade<'_> = Upgrade {
    host: "server.example.com",
    target: "/chat?x=1",
    key: KEY,
    subprotocols: &["chat", "superchat"],
    headers: &[("Origin", "http://example.com")],
};

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\n\
    \r\n";

fn answered(response: &str) -> Result<ResponseParse, ResponseError> {
    ASKED.parse_response(response.as_bytes(), 0, &HandshakeLimits::default())
}

#[test]
fn key_of_the_rfc_is_the_base64_of_its_nonce() {
    assert_eq!(client_key(*b"the sample nonce"), KEY);
}

#[test]
fn request_is_written_with_all_that_the_rfc_asks_for() {
    let mut out = b"before".to_vec();
    ASKED.write_request(&mut out);
    let expected = "beforeGET /chat?x=1 HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\n\
        Origin: http://example.com\r\n\
        \r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn own_server_takes_the_request_and_its_answer_is_taken() {
    let mut request = Vec::new();
    ASKED.write_request(&mut request);
    let parsed = parse(&request, 0, &HandshakeLimits::default());
    let Ok(Parse::Complete { request, .. }) = parsed else { panic!("{parsed:?}") };
    let mut response = Vec::new();
    write_accept(&mut response, request.key(), request.subprotocols().nth(1));
    let consumed = response.len();
    response.extend(b"\x81\x00");
    let taken = ASKED.parse_response(&response, 0, &HandshakeLimits::default());
    let accepted = Accepted { subprotocol: Some("superchat".to_owned()), consumed };
    assert_eq!(taken, Ok(ResponseParse::Complete(accepted)));
}

#[test]
fn response_is_read_wherever_it_is_cut() {
    let limits = HandshakeLimits::default();
    for end in 0..ACCEPTED.len() {
        let searched = end.saturating_sub(1);
        let partial = ASKED.parse_response(&ACCEPTED.as_bytes()[..end], searched, &limits);
        assert_eq!(partial, Ok(ResponseParse::Partial));
    }
    let accepted = Accepted { subprotocol: Some("chat".to_owned()), consumed: ACCEPTED.len() };
    let complete = ASKED.parse_response(ACCEPTED.as_bytes(), ACCEPTED.len() - 1, &limits);
    assert_eq!(complete, Ok(ResponseParse::Complete(accepted)));
}

#[test]
fn server_need_not_choose_a_subprotocol() {
    let response = ACCEPTED.replace("Sec-WebSocket-Protocol: chat\r\n", "");
    let accepted = Accepted { subprotocol: None, consumed: response.len() };
    assert_eq!(answered(&response), Ok(ResponseParse::Complete(accepted)));
}

#[test]
fn responses_that_do_not_open_the_connection_are_refused() {
    let changed = |from, to| answered(&ACCEPTED.replace(from, to));
    let refused = [
        (changed("101 Switching Protocols", "200 OK"), ResponseError::Status(200)),
        (changed("101 Switching Protocols", "503"), ResponseError::Status(503)),
        (changed("HTTP/1.1", "SPDY/3"), ResponseError::Malformed),
        (changed("HTTP/1.1", "HTTP/1.0"), ResponseError::Malformed),
        (changed("Upgrade: websocket\r\n", "\n\n"), ResponseError::Malformed),
        (changed("Upgrade: websocket", "Upgrade: h2c"), ResponseError::NotAnUpgrade),
        (changed("Upgrade: websocket", "X: y"), ResponseError::NotAnUpgrade),
        (changed("Connection: Upgrade", "Connection: close"), ResponseError::NotAnUpgrade),
        (changed("s3pPLM", "s3pplm"), ResponseError::WrongAccept),
        (changed("Sec-WebSocket-Accept", "X"), ResponseError::WrongAccept),
        (changed("l: chat", "l: Chat"), ResponseError::Subprotocol),
        (changed("l: chat", "l: chat, superchat"), ResponseError::Subprotocol),
        (
            changed("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate"),
            ResponseError::Extension,
        ),
    ];
    for (at, (answer, error)) in refused.into_iter().enumerate() {
        assert_eq!(answer, Err(error), "case {at}");
    }
}

#[test]
fn subprotocol_chosen_twice_is_refused() {
    let twice = ACCEPTED.replace("l: chat\r\n", "l: chat\r\nSec-WebSocket-Protocol: chat\r\n");
    assert_eq!(answered(&twice), Err(ResponseError::Subprotocol));
}

#[test]
fn response_beyond_the_limits_is_refused() {
    let short = HandshakeLimits { max_head: 40, ..HandshakeLimits::default() };
    let refused = ASKED.parse_response(&ACCEPTED.as_bytes()[..40], 0, &short);
    assert_eq!(refused, Err(ResponseError::HeadTooLarge));
    let few = HandshakeLimits { max_headers: 3, ..HandshakeLimits::default() };
    let refused = ASKED.parse_response(ACCEPTED.as_bytes(), 0, &few);
    assert_eq!(refused, Err(ResponseError::HeadTooLarge));
}
