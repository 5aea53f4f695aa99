//! Negotiation of permessage-deflate: the offers of RFC 7692 section 7.1, good and bad.

use comet_protocol::ws::deflate::{Window, negotiate};
use comet_protocol::ws::handshake::{
    HandshakeError, HandshakeLimits, Parse, Request, parse, write_accept_with,
};

fn request(fields: &[&str]) -> Request {
    let extensions: String =
        fields.iter().map(|field| format!("Sec-WebSocket-Extensions: {field}\r\n")).collect();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {extensions}\r\n"
    );
    match parse(head.as_bytes(), 0, &HandshakeLimits::default()) {
        Ok(Parse::Complete { request, .. }) => request,
        other => panic!("{other:?}"),
    }
}

/// What is answered to the offers, after the parameters that every answer has.
fn answer(fields: &[&str], most: Window) -> Option<String> {
    const ALWAYS: &str =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let agreed = negotiate(&request(fields), most).expect("well-formed");
    agreed.map(|agreed| agreed.to_string().strip_prefix(ALWAYS).expect(ALWAYS).to_owned())
}

#[test]
fn offers_are_answered_as_section_7_1_says() {
    let cases: &[(&str, Option<&str>)] = &[
        ("permessage-deflate", Some("")),
        // Browsers, Node, Python.
        ("permessage-deflate; client_max_window_bits", Some("")),
        (
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            Some("; server_max_window_bits=12"),
        ),
        ("permessage-deflate; client_max_window_bits=8", Some("")),
        ("permessage-deflate; server_max_window_bits=15", Some("; server_max_window_bits=15")),
        ("permessage-deflate; server_max_window_bits=\"9\"", Some("; server_max_window_bits=9")),
        ("permessage-deflate;client_no_context_takeover;server_no_context_takeover", Some("")),
        // No library has it; the next offer is taken.
        ("permessage-deflate; server_max_window_bits=8", None),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some("")),
        (
            "deflate-frame, permessage-deflate; server_max_window_bits=10, permessage-deflate",
            Some("; server_max_window_bits=10"),
        ),
        // Declined: unknown, without or with a value, out of range, not minimal, twice.
        ("permessage-deflate; unknown", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; client_no_context_takeover=true", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; server_max_window_bits=010", None),
        ("permessage-deflate; server_max_window_bits=+9", None),
        ("permessage-deflate; client_max_window_bits=09", None),
        ("permessage-deflate; client_max_window_bits=300", None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits=10", None),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
        ("Permessage-Deflate", None),
        ("deflate-frame", None),
        ("", None),
    ];
    for (offer, expected) in cases {
        assert_eq!(answer(&[offer], Window::Bits15).as_deref(), *expected, "{offer}");
    }
    let two = ["permessage-deflate; unknown", "permessage-deflate; client_max_window_bits"];
    assert_eq!(answer(&two, Window::Bits15).as_deref(), Some(""), "in two fields");
    assert_eq!(answer(&[], Window::Bits15), None);
}

#[test]
fn the_smaller_window_is_agreed() {
    let plain = ["permessage-deflate"];
    assert_eq!(answer(&plain, Window::Bits11).as_deref(), Some("; server_max_window_bits=11"));
    for (offered, agreed) in [(9, 9), (11, 11), (14, 11)] {
        let offer = format!("permessage-deflate; server_max_window_bits={offered}");
        let expected = format!("; server_max_window_bits={agreed}");
        assert_eq!(answer(&[&offer], Window::Bits11), Some(expected));
    }
}

#[test]
fn a_field_that_is_no_list_fails_the_connection() {
    for field in ["permessage-deflate;", "permessage-deflate, ;", "permessage-deflate; a=\"", "a b"]
    {
        let refused = negotiate(&request(&[field]), Window::Bits15);
        assert_eq!(refused, Err(HandshakeError::Extensions), "{field}");
        let after_a_good_one = request(&["permessage-deflate", field]);
        assert!(negotiate(&after_a_good_one, Window::Bits15).is_err(), "{field}");
    }
    assert_eq!(HandshakeError::Extensions.status(), 400);
}

#[test]
fn the_answer_is_a_field_of_the_response() {
    let offers = request(&["permessage-deflate; server_max_window_bits=10"]);
    let agreed = negotiate(&offers, Window::Bits15).expect("well-formed");
    let mut response = Vec::new();
    write_accept_with(&mut response, offers.key(), Some("chat"), agreed.as_ref());
    let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
        client_no_context_takeover; server_max_window_bits=10\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&response), expected);
}
