//! Invalid upgrade requests, on both WebSocket ports.

use std::time::Duration;

use comet_testkit::websocket;

use crate::arena::{Arena, Port};
use crate::attack::Attack;

const PATIENCE: Duration = Duration::from_secs(6);
/// The header of a valid request that attacks omit or repeat.
const HOST: &str = "Host: gateway.test\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("upgrade-without-host", "no Host", |arena| {
        refused(arena, &proper().replace(HOST, ""));
    }),
    Attack::new("upgrade-with-two-hosts", "two Hosts", |arena| {
        refused(arena, &with("Host: evil.test\r\n"));
    }),
    Attack::new("upgrade-with-two-keys", "two keys", |arena| {
        refused(arena, &with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n"));
    }),
    Attack::new("upgrade-with-body", "a body of ten bytes", |arena| {
        refused(arena, &format!("{}0123456789", with("Content-Length: 10\r\n")));
    }),
    Attack::new("upgrade-with-chunks", "a chunked body", |arena| {
        refused(arena, &format!("{}0\r\n\r\n", with("Transfer-Encoding: chunked\r\n")));
    }),
    Attack::new("upgrade-with-huge-cookies", "64 KiB of cookies", |arena| {
        refused(arena, &with(&format!("Cookie: {}\r\n", "a=b; ".repeat(13_107))));
    }),
    Attack::new("upgrade-with-many-headers", "a thousand headers", |arena| {
        refused(arena, &with(&"X-A: b\r\n".repeat(1_000)));
    }),
    Attack::new("upgrade-without-key", "no key", |arena| {
        refused(arena, &proper().replace(KEY, ""));
    }),
    Attack::new("upgrade-with-short-key", "a key of three bytes", |arena| {
        refused(arena, &proper().replace("dGhlIHNhbXBsZSBub25jZQ==", "AQID"));
    }),
    Attack::new("upgrade-of-other-version", "version 8", |arena| {
        refused(arena, &proper().replace("Version: 13", "Version: 8"));
    }),
    Attack::new("upgrade-by-post", "POST", |arena| {
        refused(arena, &proper().replace("GET /sub", "POST /sub"));
    }),
    Attack::new("upgrade-in-http-1-0", "HTTP/1.0", |arena| {
        refused(arena, &proper().replace("HTTP/1.1", "HTTP/1.0"));
    }),
    Attack::new("upgrade-with-folded-header", "a header that goes on in the next line", |arena| {
        refused(arena, &with("X-A: b\r\n c\r\n"));
    }),
    Attack::new("upgrade-with-zero-byte", "a zero byte in a header", |arena| {
        refused(arena, &with("X-A: b\0c\r\n"));
    }),
    Attack::new("upgrade-elsewhere", "a path outside of /sub", |arena| {
        refused(arena, &proper().replace("GET /sub ", "GET /sub/../admin "));
    }),
    Attack::new("upgrade-odd-subprotocol", "a subprotocol that is no ASCII", |arena| {
        // Refused or ignored: it only must not break anything.
        let request = with("Sec-WebSocket-Protocol: caf\u{e9}\u{1f600}\r\n");
        for port in [Port::Ws, Port::Http] {
            let status = status(arena, port, request.as_bytes());
            arena.holds(
                &format!("{port:?} answers, and no subprotocol is named"),
                status.is_some_and(|status| status == 101 || (400..500).contains(&status)),
            );
        }
    }),
];

fn proper() -> String {
    websocket::request("/sub", "")
}

/// A valid request with one more header.
fn with(header: &str) -> String {
    proper().replace(HOST, &format!("{HOST}{header}"))
}

/// The status code.
fn status(arena: &Arena, port: Port, request: &[u8]) -> Option<u16> {
    let mut line = arena.line(port);
    line.say(request);
    let answer = line.hears(PATIENCE, |bytes| bytes.windows(4).any(|end| end == b"\r\n\r\n"));
    str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

/// Answered with a client error on both ports, or closed without an answer.
fn refused(arena: &mut Arena, request: &str) {
    for port in [Port::Ws, Port::Http] {
        let answer = status(arena, port, request.as_bytes());
        // 505 refuses the version of HTTP.
        let refused = answer.is_some_and(|status| (400..500).contains(&status) || status == 505);
        let answer = answer.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
        arena.bound(&format!("{port:?} answers"), "4xx", &answer, refused);
    }
}
