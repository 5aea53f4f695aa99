//! Malicious requests, on the HTTP ports.

use std::time::{Duration, Instant};

use comet_server_testkit::http;

use crate::arena::{Arena, Port, person};
use crate::attack::Attack;
use crate::line::Line;

const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("method-not-allowed", "TRACE, CONNECT, PUT, DELETE and PATCH of the page", methods),
    Attack::new("path-traversal", "paths that climb out of the page's folder", traversal).quick(),
    Attack::new("path-unknown", "unknown paths below deployed prefixes, and elsewhere", unknown),
    Attack::new("request-many-headers", "2,000 headers", |arena| {
        refused(arena, &format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "X-A: b\r\n".repeat(2_000)));
    }),
    Attack::new("request-long-target", "a target of 128 KiB", |arena| {
        refused(arena, &format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "a".repeat(128 * 1024)));
    }),
    Attack::new("request-two-lengths", "two lengths that differ", |arena| {
        refused(arena, &posted("Content-Length: 5\r\nContent-Length: 9\r\n", "{\"a\":1}"));
    })
    .quick(),
    Attack::new("request-length-negative", "a length of -1", |arena| {
        refused(arena, &posted("Content-Length: -1\r\n", "{}"));
    }),
    Attack::new("request-odd-chunks", "a chunk's length that is no number", |arena| {
        refused(arena, &posted("Transfer-Encoding: chunked\r\n", "xyz\r\n{}\r\n0\r\n\r\n"));
    }),
    Attack::new("request-smuggled", "an unknown transfer coding before chunked", |arena| {
        refused(arena, &posted("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"));
    })
    .quick(),
    Attack::new("request-endless-chunks", "a chunked body without end", endless),
    Attack::new("request-pipelined", "5,000 requests in one write", pipelined),
    Attack::new("json-nested", "16,000 nested arrays", |arena| {
        let body = "[".repeat(16_000);
        let answer = http::post(arena.at().http, SYNC, Some(&person("nests")), &body);
        arena.is("answered with code", answer.envelope().0, -1012);
    })
    .quick(),
    Attack::new("form-many-parts", "a form of 1,000 parts", parts),
    Attack::new(
        "form-without-token",
        "a form without a token, its body 300 ms after its head",
        late,
    ),
    Attack::new("host-injection", "/disc/nodes under the Host of somebody else", injection).quick(),
    Attack::new("cors-credentials", "credentials together with any origin", credentials).quick(),
    Attack::new("metrics-flood", "8 connections ask for metrics for 3 seconds", metrics),
    Attack::new("admin-from-a-page", "other paths and methods on the admin port", admin).quick(),
];

const HOST: &str = "Host: 127.0.0.1\r\n";
const SYNC: &str = "/app/record/sync-record";

fn posted(header: &str, body: &str) -> String {
    let token = person("somebody").token();
    format!(
        "POST {SYNC} HTTP/1.1\r\n{HOST}FZM-SIGNATURE: {token}\r\nContent-Type: application/json\r\n\
         {header}\r\n{body}"
    )
}

/// The status code, if there is one.
fn status_of(bytes: &[u8]) -> Option<u16> {
    str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()
}

fn asks(arena: &Arena, port: Port, request: &[u8]) -> Option<u16> {
    let mut line = arena.line(port);
    line.say(request);
    status_of(line.hears(PATIENCE, |bytes| bytes.windows(4).any(|end| end == b"\r\n\r\n")))
}

/// A client error in any form, or an end without an answer.
fn refused(arena: &mut Arena, request: &str) {
    for port in [Port::Http, Port::Admin] {
        let mut line = arena.line(port);
        line.say(request);
        // The answer is complete, with or without a body.
        let answer = line.hears(PATIENCE, is_answered);
        let status = status_of(answer);
        let is_error = String::from_utf8_lossy(answer).contains("\"result\":-10");
        let kept =
            is_error || status.is_none_or(|status| (400..=501).contains(&status) && status != 500);
        let answer = status.map_or_else(|| "closed".to_owned(), |status| status.to_string());
        arena.bound(&format!("{port:?}"), "4xx, an error or closed", &answer, kept);
    }
}

/// A head, and a body if it is not empty.
fn is_answered(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let empty = head.to_ascii_lowercase().contains("content-length: 0");
    empty || !body.is_empty()
}

fn methods(arena: &mut Arena) {
    for method in ["TRACE", "PUT", "DELETE", "PATCH"] {
        let request = format!("{method} / HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n");
        let status = asks(arena, Port::Http, request.as_bytes()).unwrap_or(0);
        arena.is(&format!("{method} /"), status, 405);
    }
    let request = b"CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n";
    let status = asks(arena, Port::Http, request).unwrap_or(0);
    arena.is("CONNECT", status, 405);
}

fn traversal(arena: &mut Arena) {
    let paths = [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/net/../../Cargo.toml",
        "/style.css%00.html",
        "/\\..\\..\\etc\\passwd",
    ];
    for path in paths {
        let request = format!("GET {path} HTTP/1.1\r\n{HOST}\r\n");
        let status = asks(arena, Port::Http, request.as_bytes()).unwrap_or(0);
        let kept = [400, 403, 404].contains(&status);
        arena.bound(path, "400, 403 or 404", &status.to_string(), kept);
    }
}

fn unknown(arena: &mut Arena) {
    let status = http::get(arena.at().http, "/nothing-of-this-name").status;
    arena.is("elsewhere", status, 404);
    for path in ["/app/nothing", "/record/nothing", "/store/app/nothing", "/user/nothing"] {
        let answer = http::post(arena.at().http, path, Some(&person("lost")), "{}");
        let envelope = answer.status == 200 && answer.text().contains("\"result\":-");
        arena.bound(
            path,
            "an envelope",
            answer.text().get(..40).unwrap_or(answer.text()),
            envelope,
        );
    }
}

fn endless(arena: &mut Arena) {
    let mut line = arena.line(Port::Http);
    line.say(posted("Transfer-Encoding: chunked\r\n", ""));
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
    let mut taken = 0;
    let began = Instant::now();
    while taken < 64 * 1024 * 1024 && began.elapsed() < PATIENCE && line.look() {
        let pushed = line.push(chunk.as_bytes());
        taken += pushed;
        if pushed < chunk.len() {
            crate::line::pass(crate::line::TICK);
        }
    }
    // Beyond the bytes that it reads, the buffers of both ends hold some megabytes.
    arena.at_most("taken of it, in MiB", taken / 1_048_576, 8);
}

fn pipelined(arena: &mut Arena) {
    let mut line = arena.line(Port::Http);
    let requests = format!("GET /ping HTTP/1.1\r\n{HOST}\r\n").repeat(5_000);
    let mut rest = requests.as_bytes();
    let began = Instant::now();
    while !rest.is_empty() && began.elapsed() < PATIENCE && line.look() {
        rest = &rest[line.push(rest)..];
    }
    let count = |bytes: &[u8]| bytes.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count();
    line.hears(PATIENCE, |bytes| count(bytes) == 5_000);
    let answers = count(&line.unread);
    let closed = !line.look();
    arena.bound(
        "answered, or closed",
        "5000 or closed",
        &format!("{answers}{}", if closed { ", closed" } else { "" }),
        answers == 5_000 || closed,
    );
}

fn parts(arena: &mut Arena) {
    let token = person("has many parts").token();
    let part = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
    let body = format!("{}--b--\r\n", part.repeat(1_000));
    let headers = [("FZM-SIGNATURE", &*token), ("Content-Type", "multipart/form-data; boundary=b")];
    let began = Instant::now();
    let answer = http::request(arena.at().http, "POST", "/record/push", &headers, body.as_bytes());
    arena.is("answered with code", answer.envelope().0, -1012);
    arena.within("after", Some(began.elapsed()), Duration::from_secs(2));
}

/// The answer arrives although the body was still being sent.
fn late(arena: &mut Arena) {
    let mut answered = 0;
    for _ in 0..20 {
        let mut line = arena.line(Port::Http);
        let head = format!(
            "POST /record/push HTTP/1.1\r\n{HOST}Content-Length: 20000\r\n\
             Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        );
        line.say(head);
        crate::line::pass(Duration::from_millis(50));
        line.say(vec![b'a'; 20_000]);
        let answer =
            line.hears(PATIENCE, |bytes| bytes.windows(7).any(|seven| seven == b"-1010,\""));
        answered += usize::from(status_of(answer) == Some(200));
    }
    arena.is("answered", answered, 20);
}

fn injection(arena: &mut Arena) {
    let mut line = arena.line(Port::Http);
    line.say("GET /disc/nodes HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
    let answer = line.hears(PATIENCE, |_| false);
    let text = String::from_utf8_lossy(answer).into_owned();
    arena.holds("answered", text.starts_with("HTTP/1.1 "));
    arena.holds("the name is not repeated", !text.contains("evil.test"));
}

fn credentials(arena: &mut Arena) {
    for (method, path) in [("OPTIONS", SYNC), ("GET", "/ping"), ("GET", "/nothing")] {
        let headers = [("Origin", "https://evil.test")];
        let answer = http::request(arena.at().http, method, path, &headers, b"");
        let any = answer.header("access-control-allow-origin") == Some("*");
        let credentials = answer.header("access-control-allow-credentials").is_some();
        arena.holds(&format!("{method} {path}: not both"), !(any && credentials));
    }
}

fn metrics(arena: &mut Arena) {
    let began = Instant::now();
    let mut lines: Vec<Line> = (0..8).map(|_| arena.line(Port::Admin)).collect();
    let request = format!("GET /metrics HTTP/1.1\r\n{HOST}\r\n");
    while began.elapsed() < Duration::from_secs(3) {
        for line in &mut lines {
            line.push(request.as_bytes());
            line.look();
            line.unread.clear();
        }
        crate::line::pass(Duration::from_millis(1));
    }
}

fn admin(arena: &mut Arena) {
    for path in ["/", "/metrics/../x", "/debug", "/demo/login"] {
        let status = http::get(arena.at().admin, path).status;
        arena.is(path, status, 404);
    }
    let status = http::request(arena.at().admin, "POST", "/metrics", &[], b"").status;
    arena.is("POST /metrics", status, 405);
}
