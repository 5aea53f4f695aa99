//! Slow peers: heads, bodies and frames that arrive a byte at a time or never, and readers that do
//! not read.

use std::time::Duration;

use comet_testkit::websocket;

use crate::arena::{Arena, Port};
use crate::attack::Attack;
use crate::line::{Line, all_end, dribble, pass};

/// Connections per attack.
const CROWD: usize = 200;
/// Interval between bytes.
const EVERY: Duration = Duration::from_millis(100);
/// Time limit for a session, in these attacks.
const HANDSHAKE: &str = "gateway.handshake_seconds=2";
/// Time limit for the end of silent connections: two seconds for the handshake, a timer's
/// granularity, and two seconds for peers that do not close.
const GONE: Duration = Duration::from_secs(5);
/// Timeout for that end.
const PATIENCE: Duration = Duration::from_secs(12);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("tcp-silent", "200 connections to the TCP port say nothing", |arena| {
        silent(arena, Port::Tcp, b"");
    })
    .with(&[HANDSHAKE]),
    Attack::new("tcp-head-and-silent", "half a frame's head, and then nothing", |arena| {
        silent(arena, Port::Tcp, &[0, 0, 0, 64, 0, 20, 0]);
    })
    .with(&[HANDSHAKE]),
    Attack::new("tcp-dribble", "the first frame comes a byte at a time", |arena| {
        dribbles(arena, Port::Tcp, &[0, 0, 1, 0, 0, 20, 0, 1, 0, 0, 0, 1]);
    })
    .with(&[HANDSHAKE])
    .quick(),
    Attack::new("ws-silent", "200 connections to the WebSocket port say nothing", |arena| {
        silent(arena, Port::Ws, b"");
    })
    .with(&[HANDSHAKE]),
    Attack::new("ws-request-dribble", "the upgrade request comes a byte at a time", |arena| {
        dribbles(arena, Port::Ws, b"GET /sub HTTP/1.1\r\nHost: a\r\nX-A: a\r\nX-B: b");
    })
    .with(&[HANDSHAKE]),
    Attack::new("ws-upgraded-silent", "upgraded, and then nothing", |arena| {
        silent(arena, Port::Ws, websocket::request("/sub", "").as_bytes());
    })
    .with(&[HANDSHAKE]),
    Attack::new("ws-auth-dribble", "upgraded; the first frame comes a byte at a time", |arena| {
        let mut lines = upgraded(arena, Port::Ws, "/sub");
        let took = dribble(&mut lines, &[0x82, 0xfe, 1, 0, 1, 2, 3, 4], EVERY, PATIENCE);
        arena.within("all closed", took, GONE);
    })
    .with(&[HANDSHAKE]),
    Attack::new("sub-upgraded-silent", "upgraded on the HTTP port, and then nothing", |arena| {
        silent(arena, Port::Http, websocket::request("/sub", "").as_bytes());
    })
    .with(&[HANDSHAKE]),
    Attack::new("session-idle", "200 sessions sign in, and then neither speak nor listen", idle)
        .with(&["gateway.idle_seconds=4", "gateway.ping_seconds=2"]),
];

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

fn dribbles(arena: &mut Arena, port: Port, text: &[u8]) {
    let mut lines = crowd(arena, port);
    let took = dribble(&mut lines, text, EVERY, PATIENCE);
    arena.within("all closed", took, GONE);
}

fn upgraded(arena: &Arena, port: Port, path: &str) -> Vec<Line> {
    let mut lines = crowd(arena, port);
    for line in &mut lines {
        line.say(websocket::request(path, ""));
    }
    for line in &mut lines {
        let answer = line.hears(PATIENCE, |bytes| bytes.windows(4).any(|end| end == b"\r\n\r\n"));
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "upgraded");
        line.unread.clear();
    }
    lines
}

fn idle(arena: &mut Arena) {
    let mut lines: Vec<Line> = (0..CROWD)
        .filter_map(|number| crate::login::tcp(arena, &format!("idle {number}")))
        .collect();
    arena.is("signed in", lines.len(), CROWD);
    pass(Duration::from_secs(3));
    let (closed, took) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, CROWD);
    arena.within("the last one closed", took, Duration::from_secs(6));
}
