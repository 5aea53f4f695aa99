//! The server's half of the handshake: RFC 6455 sections 1.3 and 4.2.

use comet_protocol::ws::handshake::{
    HandshakeError, HandshakeLimits, OriginPolicy, Parse, Request, accept_key, parse, write_accept,
};

/// The example of section 1.3, with the version of section 4.1.
const EXAMPLE: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";

fn parsed(head: impl AsRef<[u8]>) -> Result<Request, HandshakeError> {
    let head = head.as_ref();
    match parse(head, 0, &HandshakeLimits::default())? {
        Parse::Complete { request, consumed } => {
            assert_eq!(consumed, head.len());
            Ok(request)
        }
        Parse::Partial => panic!("incomplete: {}", String::from_utf8_lossy(head)),
    }
}

fn refusal(head: impl AsRef<[u8]>) -> (HandshakeError, u16) {
    let error = parsed(head).expect_err("refused");
    (error, error.status())
}

/// The example with one field changed or, with an empty value, left out.
fn with(name: &str, value: &str) -> String {
    let start = EXAMPLE.find(name).expect("a field of the example");
    let end = start + EXAMPLE[start..].find("\r\n").expect("the end of a line") + 2;
    let field = if value.is_empty() { String::new() } else { format!("{name}: {value}\r\n") };
    [&EXAMPLE[..start], &field, &EXAMPLE[end..]].concat()
}

/// The example with fields added.
fn plus(fields: &str) -> String {
    EXAMPLE.replace("\r\n\r\n", &format!("\r\n{fields}\r\n\r\n"))
}

fn to(target: &str) -> String {
    EXAMPLE.replace("/chat", target)
}

#[test]
fn example_of_the_rfc_is_accepted() {
    let request = parsed(EXAMPLE).unwrap();
    assert_eq!(request.path(), "/chat");
    assert_eq!(request.query(), None);
    assert_eq!(request.host(), "server.example.com");
    assert_eq!(request.origin(), Some("http://example.com"));
    assert_eq!(request.key(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    assert_eq!(request.headers().count(), 7);
    assert_eq!(request.headers().next(), Some((&b"Host"[..], &b"server.example.com"[..])));
    assert_eq!(accept_key(request.key()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn accept_response_is_that_of_the_rfc() {
    let mut out = b"before".to_vec();
    write_accept(&mut out, "dGhlIHNhbXBsZSBub25jZQ==", Some("chat"));
    let expected = "beforeHTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\n\
        \r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    let mut out = Vec::new();
    write_accept(&mut out, "dGhlIHNhbXBsZSBub25jZQ==", None);
    assert!(out.ends_with(b"Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
}

#[test]
fn request_is_read_wherever_it_is_cut() {
    let limits = HandshakeLimits::default();
    let mut searched = 0;
    for end in 0..EXAMPLE.len() {
        let parse = parse(&EXAMPLE.as_bytes()[..end], searched, &limits);
        assert!(matches!(parse, Ok(Parse::Partial)), "{end}: {parse:?}");
        searched = end;
    }
    let parse = parse(EXAMPLE.as_bytes(), searched, &limits);
    let Ok(Parse::Complete { request, consumed }) = parse else { panic!("{parse:?}") };
    assert_eq!(request.path(), "/chat");
    assert_eq!(consumed, EXAMPLE.len());
}

#[test]
fn bytes_after_the_head_are_not_consumed() {
    let mut input = EXAMPLE.as_bytes().to_vec();
    input.extend(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\r\n\r\n");
    let parse = parse(&input, 0, &HandshakeLimits::default());
    let Ok(Parse::Complete { consumed, .. }) = parse else { panic!("{parse:?}") };
    assert_eq!(consumed, EXAMPLE.len());
}

#[test]
fn searched_bytes_are_not_searched_again() {
    let beyond = [EXAMPLE, "more"].concat();
    let skipped = parse(beyond.as_bytes(), beyond.len(), &HandshakeLimits::default());
    assert!(matches!(skipped, Ok(Parse::Partial)));
    let out_of_range = parse(b"GET", 1000, &HandshakeLimits::default());
    assert!(matches!(out_of_range, Ok(Parse::Partial)));
}

#[test]
fn target_is_split_into_path_and_query() {
    let cases = [
        ("/", "/", None),
        ("/sub/?token=a%20b&x", "/sub/", Some("token=a%20b&x")),
        ("/sub?", "/sub", Some("")),
        ("/a?b?c", "/a", Some("b?c")),
        ("http://server.example.com/chat?x", "/chat", Some("x")),
        ("WSS://server.example.com:3103/chat", "/chat", None),
        ("https://server.example.com", "/", None),
        ("https://server.example.com?x=1", "/", Some("x=1")),
    ];
    for (target, path, query) in cases {
        let request = parsed(to(target)).unwrap();
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}

#[test]
fn target_that_is_no_path_is_refused() {
    for target in ["*", "server.example.com:80", "chat", "ftp://server/chat", "/chat#part"] {
        assert_eq!(refusal(to(target)), (HandshakeError::Target, 400), "{target}");
    }
}

#[test]
fn tokens_are_found_in_lists_and_in_any_letter_case() {
    for accepted in [
        with("Upgrade", "WebSocket"),
        with("Upgrade", "h2c, WEBSOCKET"),
        with("Connection", "keep-alive, Upgrade"),
        with("Connection", " ,\tupgrade ,"),
        plus("Connection: keep-alive"),
        EXAMPLE.replace("Connection:", "connection:").replace("Sec-WebSocket-K", "sec-websocket-k"),
    ] {
        assert_eq!(parsed(&accepted).map(|request| request.path().len()), Ok(5), "{accepted}");
    }
}

#[test]
fn request_that_does_not_ask_for_websocket_is_refused() {
    for plain in [
        with("Upgrade", ""),
        with("Upgrade", "h2c"),
        with("Upgrade", "websockets"),
        with("Connection", ""),
        with("Connection", "keep-alive"),
    ] {
        assert_eq!(refusal(&plain), (HandshakeError::NotAnUpgrade, 426), "{plain}");
    }
}

#[test]
fn other_versions_are_told_which_is_served() {
    for version in ["8", "", "13, 8", "013"] {
        let head = with("Sec-WebSocket-Version", version);
        assert_eq!(refusal(head), (HandshakeError::WebSocketVersion, 426), "{version}");
    }
    let mut out = Vec::new();
    HandshakeError::WebSocketVersion.write_response(&mut out);
    let expected = "HTTP/1.1 426 Upgrade Required\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 28\r\n\
        Upgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Connection: close, Upgrade\r\n\
        \r\n\
        websocket version is not 13\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn key_must_be_sixteen_bytes_in_base64() {
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBsZSBub25jZSEh",
        "dGhlIHNhbXBsZSBub25jZQ==AAAA",
        "dGhlIHNhbXBsZSBub25j*Q==",
    ] {
        let head = with("Sec-WebSocket-Key", key);
        assert_eq!(refusal(head), (HandshakeError::Key, 400), "{key}");
    }
}

#[test]
fn unused_bits_of_a_key_do_not_matter() {
    let request = parsed(with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==")).unwrap();
    assert_eq!(request.key(), "dGhlIHNhbXBsZSBub25jZR==");
}

#[test]
fn method_other_than_get_is_refused() {
    for method in ["POST", "HEAD", "get", "CONNECT"] {
        let head = EXAMPLE.replace("GET", method);
        assert_eq!(refusal(head), (HandshakeError::Method, 405), "{method}");
    }
    let mut out = Vec::new();
    HandshakeError::Method.write_response(&mut out);
    let expected = "HTTP/1.1 405 Method Not Allowed\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 18\r\n\
        Allow: GET\r\n\
        Connection: close\r\n\
        \r\n\
        method is not GET\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn http_version_other_than_1_1_is_refused() {
    let old = EXAMPLE.replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(refusal(old), (HandshakeError::HttpVersion, 505));
    let new = "PRI * HTTP/2.0\r\n\r\n";
    assert_eq!(refusal(new), (HandshakeError::HttpVersion, 505));
}

#[test]
fn host_is_required() {
    assert_eq!(refusal(with("Host", "")), (HandshakeError::Host, 400));
}

#[test]
fn fields_that_must_be_single_are_refused_when_repeated() {
    for (field, name) in [
        ("Host: other.example.com", "host"),
        ("ORIGIN: http://evil.example", "origin"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-key"),
        ("Sec-WebSocket-Version: 13", "sec-websocket-version"),
    ] {
        assert_eq!(refusal(plus(field)), (HandshakeError::Repeated(name), 400), "{field}");
    }
}

#[test]
fn body_is_refused() {
    for field in ["Content-Length: 1", "Transfer-Encoding: chunked", "Content-Length: x"] {
        assert_eq!(refusal(plus(field)), (HandshakeError::Body, 413), "{field}");
    }
    assert_eq!(parsed(plus("Content-Length: 0")).unwrap().text("content-length"), Some("0"));
}

#[test]
fn malformed_heads_are_refused() {
    let no_text = with("Origin", "x").into_bytes();
    let no_text: Vec<_> =
        no_text.iter().map(|byte| if *byte == b'x' { 0xff } else { *byte }).collect();
    assert_eq!(refusal(no_text), (HandshakeError::Malformed, 400));
    for head in [
        "GET /chat\r\n\r\n",
        "GET  /chat HTTP/1.1\r\n\r\n",
        "GET /ch\0at HTTP/1.1\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost server\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost : server\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET /chat HTTP/1.1\nHost: server\n\nHost: server\r\n\r\n",
    ] {
        assert_eq!(refusal(head), (HandshakeError::Malformed, 400), "{head:?}");
    }
}

#[test]
fn what_is_not_http_is_known_by_its_first_byte() {
    for bytes in [&b"\x16\x03\x01\x02\x00\x01"[..], b"\x00\x00\x00\x14", b"\r\n", b" GET"] {
        let refused = parse(bytes, 0, &HandshakeLimits::default()).unwrap_err();
        assert_eq!(refused, HandshakeError::Malformed);
    }
}

#[test]
fn head_beyond_the_limit_is_refused_before_it_ends() {
    let just = HandshakeLimits { max_head: EXAMPLE.len(), ..HandshakeLimits::default() };
    let less = HandshakeLimits { max_head: EXAMPLE.len() - 1, ..just };
    let frames = [EXAMPLE, "frames"].concat();
    assert!(matches!(parse(frames.as_bytes(), 0, &just), Ok(Parse::Complete { .. })));
    for end in [EXAMPLE.len() - 1, EXAMPLE.len(), frames.len()] {
        let refused = parse(&frames.as_bytes()[..end], 0, &less).unwrap_err();
        assert_eq!((refused, refused.status()), (HandshakeError::HeadTooLarge, 431), "{end}");
    }
    let unfinished = parse(&EXAMPLE.as_bytes()[..EXAMPLE.len() - 2], 0, &less);
    assert!(matches!(unfinished, Ok(Parse::Partial)));
}

#[test]
fn fields_beyond_the_limit_are_refused() {
    let seven = HandshakeLimits { max_headers: 7, ..HandshakeLimits::default() };
    assert!(matches!(parse(EXAMPLE.as_bytes(), 0, &seven), Ok(Parse::Complete { .. })));
    let refused = parse(plus("X: y").as_bytes(), 0, &seven).unwrap_err();
    assert_eq!(refused, HandshakeError::HeadTooLarge);
}

#[test]
fn values_that_are_not_text_are_kept_as_bytes() {
    let head = plus("Cookie: caf?").replace('?', "\u{1}").into_bytes();
    let head: Vec<_> = head.iter().map(|byte| if *byte == 1 { 0xe9 } else { *byte }).collect();
    let request = parsed(head).unwrap();
    assert_eq!(request.values("COOKIE").collect::<Vec<_>>(), [b"caf\xe9"]);
    assert_eq!(request.text("cookie"), None);
    assert_eq!(request.text("absent"), None);
}

#[test]
fn subprotocols_of_several_fields_are_one_list() {
    let request = parsed(plus("Sec-WebSocket-Protocol: third,,\tfourth ")).unwrap();
    let offered: Vec<_> = request.subprotocols().collect();
    assert_eq!(offered, ["chat", "superchat", "third", "fourth"]);
}

#[test]
fn refusals_of_the_caller_have_their_status() {
    for (error, status_line) in [
        (HandshakeError::Unauthorized, "HTTP/1.1 401 Unauthorized\r\n"),
        (HandshakeError::Forbidden, "HTTP/1.1 403 Forbidden\r\n"),
        (HandshakeError::NotFound, "HTTP/1.1 404 Not Found\r\n"),
        (HandshakeError::TooManyRequests, "HTTP/1.1 429 Too Many Requests\r\n"),
        (HandshakeError::Unavailable, "HTTP/1.1 503 Service Unavailable\r\n"),
    ] {
        let mut out = Vec::new();
        error.write_response(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(status_line), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with("Connection: close"), "{head}");
        assert_eq!(head.contains("Retry-After: "), matches!(error.status(), 429 | 503), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
    }
}

#[test]
fn origin_policies_permit_what_they_say() {
    let list = OriginPolicy::List(vec!["https://chat.example".to_owned()]);
    let same = OriginPolicy::SameHost;
    for (policy, origin, host, permitted) in [
        (&OriginPolicy::Any, Some("https://evil.example"), "chat.example", true),
        (&same, None, "chat.example", true),
        (&same, Some("https://chat.example"), "chat.example", true),
        (&same, Some("https://Chat.Example"), "chat.example:443", true),
        (&same, Some("http://chat.example"), "CHAT.example:80", true),
        (&same, Some("http://127.0.0.1:3102"), "127.0.0.1:3102", true),
        (&same, Some("http://[::1]:3102"), "[::1]:3102", true),
        (&same, Some("http://127.0.0.1:8888"), "127.0.0.1:3102", false),
        (&same, Some("http://chat.example:443"), "chat.example", false),
        (&same, Some("https://evil.example"), "chat.example", false),
        (&same, Some("https://chat.example.evil.example"), "chat.example", false),
        (&same, Some("null"), "chat.example", false),
        (&same, Some("https://"), "", false),
        (&list, None, "chat.example", true),
        (&list, Some("HTTPS://chat.example"), "10.0.0.1", true),
        (&list, Some("http://chat.example"), "chat.example", false),
        (&list, Some("https://chat.example.evil.example"), "chat.example", false),
        (&list, Some("null"), "chat.example", false),
    ] {
        assert_eq!(policy.permits(origin, host), permitted, "{policy:?} {origin:?} {host}");
    }
}
