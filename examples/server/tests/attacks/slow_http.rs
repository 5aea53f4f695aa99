//! Slow peers as in `slow`, on the HTTP ports.

use std::time::Duration;

use crate::arena::{Arena, Port, person};
use crate::attack::Attack;
use crate::line::{Line, STRANGER, all_end, dribble, pass};

/// Connections per attack; below the limit per address.
const CROWD: usize = 200;
const EVERY: Duration = Duration::from_millis(100);
/// Two seconds for each phase of a request.
const TIMES: &[&str] =
    &["http.head_seconds=2", "http.body_seconds=2", "http.idle_seconds=2", "http.write_seconds=2"];
/// Requests per connection: their answers exceed the system's buffers, which hold some megabytes on
/// the loopback.
const REQUESTS: usize = 600;
/// Time limit for their end.
const GONE: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(14);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("http-silent", "200 connections to the HTTP port say nothing", |arena| {
        silent(arena, Port::Http, b"");
    })
    .with(TIMES),
    Attack::new("http-half-head", "half a request's head, and then nothing", |arena| {
        silent(arena, Port::Http, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A");
    })
    .with(TIMES),
    Attack::new("http-head-dribble", "a head that comes a byte at a time", |arena| {
        dribbles(arena, Port::Http, b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: a\r\nX-B: b");
    })
    .with(TIMES),
    Attack::new("http-half-body", "a head with its token, and half a body", |arena| {
        let head = posted(1_000);
        silent(arena, Port::Http, head.as_bytes());
    })
    .with(TIMES),
    Attack::new("http-body-dribble", "a body that comes a byte at a time", |arena| {
        let head = posted(1_000);
        dribbles(arena, Port::Http, head.as_bytes(), b" ");
    })
    .with(TIMES),
    Attack::new("http-idle", "a request, its answer, and then nothing", |arena| {
        silent(arena, Port::Http, b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    })
    .with(TIMES),
    Attack::new("http-unread", "200 x 600 requests for a page that is never read", |arena| {
        unread(arena, Port::Http, "/style.css", 200);
    })
    .with(TIMES),
    Attack::new("admin-silent", "200 connections to the admin port say nothing", |arena| {
        silent(arena, Port::Admin, b"");
    })
    .with(TIMES),
    Attack::new("admin-head-dribble", "a head that comes a byte at a time", |arena| {
        dribbles(arena, Port::Admin, b"", b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: a");
    })
    .with(TIMES),
    Attack::new("admin-idle", "a request, its answer, and then nothing", |arena| {
        silent(arena, Port::Admin, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    })
    .with(TIMES),
    Attack::new("admin-unread", "10 x 600 requests for metrics that are never read", |arena| {
        unread(arena, Port::Admin, "/metrics", 10);
    })
    .with(TIMES),
];

/// The head of a valid request that announces a body of this length.
fn posted(length: usize) -> String {
    let token = person("somebody slow").token();
    format!(
        "POST /app/record/sync-record HTTP/1.1\r\nHost: 127.0.0.1\r\nFZM-SIGNATURE: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{\"count\""
    )
}

fn crowd(arena: &Arena, port: Port) -> Vec<Line> {
    (0..CROWD).map(|_| arena.line(port)).collect()
}

fn silent(arena: &mut Arena, port: Port, begins: &[u8]) {
    let mut lines = crowd(arena, port);
    for line in &mut lines {
        line.say(begins);
    }
    let (closed, took) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, CROWD);
    arena.within("the last one closed", took, GONE);
}

fn dribbles(arena: &mut Arena, port: Port, begins: &[u8], text: &[u8]) {
    let mut lines = crowd(arena, port);
    for line in &mut lines {
        line.say(begins);
    }
    let took = dribble(&mut lines, text, EVERY, PATIENCE);
    arena.within("all closed", took, GONE);
}

/// Requests one after the other on a connection, with answers that queue up in the server.
fn unread(arena: &mut Arena, port: Port, path: &str, count: usize) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").repeat(REQUESTS);
    let address = arena.address(port);
    let connect = |_| Line::between(STRANGER, address, Some(4 * 1024));
    let mut lines: Vec<Line> = (0..count).map(connect).collect();
    for line in &mut lines {
        line.push(request.as_bytes());
    }
    pass(Duration::from_secs(8));
    // Bytes in the system's buffers can be read; then the connection must end.
    let (closed, _) = all_end(&mut lines, Duration::from_secs(1));
    let whole = lines.iter().filter(|line| answers(&line.unread) == REQUESTS).count();
    arena.is("closed", closed, count);
    arena.is("given all the answers", whole, 0);
}

/// Number of answers that have begun.
fn answers(bytes: &[u8]) -> usize {
    bytes.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count()
}
