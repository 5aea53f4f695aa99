//! WebSocket frames and messages that violate the protocol, or exhaust its limits.

use std::time::{Duration, Instant};

use comet_testkit::websocket::{BINARY, CLOSE, FIN, PING, masked, take};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::arena::{Arena, MIB, Port};
use crate::attack::Attack;
use crate::line::{Line, all_end, open, until};
use crate::login;

const PATIENCE: Duration = Duration::from_secs(6);
const AT_ONCE: Duration = Duration::from_secs(3);
/// A mask without effect.
const MASK: [u8; 4] = [0; 4];
const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("ws-frame-huge", "one frame announces 2^62 bytes", |arena| {
        closes(
            arena,
            &[&[FIN | BINARY, 0xff], &(1u64 << 62).to_be_bytes()[..], &MASK].concat(),
            1009,
        );
    })
    .quick(),
    Attack::new("ws-frame-too-long", "one frame of 17 KiB, complete", |arena| {
        closes(arena, &masked(FIN | BINARY, &vec![0; 17_000]), 1009);
    }),
    Attack::new("ws-message-too-long", "fragments of 1 KiB until they are too much", |arena| {
        let first = fragment(BINARY, 1_000);
        let more = std::iter::repeat_n(fragment(CONTINUATION, 1_000), 20).flatten();
        closes(arena, &first.into_iter().chain(more).collect::<Vec<_>>(), 1009);
    }),
    Attack::new("ws-fragments-endless", "empty fragments without end", |arena| {
        let more = std::iter::repeat_n(fragment(CONTINUATION, 0), 5_000).flatten();
        let bytes = fragment(BINARY, 0).into_iter().chain(more).collect::<Vec<_>>();
        ends(arena, &bytes);
    })
    .quick(),
    Attack::new(
        "ws-fragments-with-pings",
        "fragments of a byte with pings between them",
        |arena| {
            let pair = [fragment(CONTINUATION, 1), masked(FIN | PING, b"?")].concat();
            let more = std::iter::repeat_n(pair, 3_000).flatten();
            ends(arena, &fragment(BINARY, 1).into_iter().chain(more).collect::<Vec<_>>());
        },
    ),
    Attack::new("ws-text", "a text message on a binary dialect", |arena| {
        closes(arena, &masked(FIN | TEXT, b"hello, hello, hello, hello"), 1003);
    }),
    Attack::new("ws-unmasked", "a frame without a mask", |arena| {
        closes(arena, &[FIN | BINARY, 4, 0, 0, 0, 20], 1002);
    }),
    Attack::new("ws-reserved-bits", "a compressed frame, which nobody negotiated", |arena| {
        let mut frame = masked(FIN | BINARY, &[0; 20]);
        frame[0] |= 0x40;
        closes(arena, &frame, 1002);
    }),
    Attack::new("ws-reserved-opcode", "opcode 11", |arena| {
        closes(arena, &masked(FIN | 11, b"x"), 1002)
    }),
    Attack::new("ws-ping-too-long", "a ping of 126 bytes", |arena| {
        closes(arena, &masked(FIN | PING, &[7; 126]), 1002);
    }),
    Attack::new("ws-ping-in-pieces", "a ping that is not final", |arena| {
        let mut frame = masked(FIN | PING, b"?");
        frame[0] &= !FIN;
        closes(arena, &frame, 1002);
    }),
    Attack::new("ws-continuation-of-nothing", "a continuation without a beginning", |arena| {
        closes(arena, &masked(FIN | CONTINUATION, b"x"), 1002);
    }),
    Attack::new("ws-message-in-message", "a message begins inside another", |arena| {
        closes(arena, &[fragment(BINARY, 4), masked(FIN | BINARY, b"x")].concat(), 1002);
    }),
    Attack::new("ws-close-code-forbidden", "a close frame with code 1005", |arena| {
        closes(arena, &masked(FIN | CLOSE, &1005u16.to_be_bytes()), 1002);
    }),
    Attack::new("ws-close-of-one-byte", "a close frame with half a code", |arena| {
        closes(arena, &masked(FIN | CLOSE, &[3]), 1002);
    }),
    Attack::new("ws-close-and-go-on", "a close frame, and then 4 MiB more", |arena| {
        let more = masked(FIN | BINARY, &vec![0; 16_000]);
        let more = std::iter::repeat_n(more, 256).flatten();
        let bytes: Vec<u8> =
            masked(FIN | CLOSE, &1000u16.to_be_bytes()).into_iter().chain(more).collect();
        ends(arena, &bytes);
    }),
    Attack::new("ws-garbage", "a thousand masked frames of chance on 20 connections", garbage),
    Attack::new("ws-ping-flood", "10 sessions send pings for two seconds", |arena| {
        pings(arena, true);
    }),
    Attack::new("ws-ping-flood-unread", "the same, and no pong is ever read", |arena| {
        pings(arena, false);
    }),
    Attack::new("ws-unfinished-messages", "200 x 1 MB of a message that never ends", unfinished)
        .with(&["gateway.max_body=1048576", "gateway.memory_budget=33554432"]),
];

/// A non-final fragment of zeros.
fn fragment(opcode: u8, len: usize) -> Vec<u8> {
    let mut frame = masked(FIN | opcode, &vec![0; len]);
    frame[0] &= !FIN;
    frame
}

/// The connections end with this code, before and after a login, on both ports.
fn closes(arena: &mut Arena, bytes: &[u8], code: u16) {
    let mut lines = everywhere(arena);
    let count = lines.len();
    let mut coded = 0;
    for line in &mut lines {
        line.say(bytes);
    }
    let began = Instant::now();
    for line in &mut lines {
        until(PATIENCE, || !line.look());
        coded += usize::from(close_code(line) == Some(code));
    }
    let closed = count - open(&mut lines);
    arena.is("closed", closed, count);
    arena.is(&format!("told {code}"), coded, count);
    arena.within("the last one closed", Some(began.elapsed()), AT_ONCE);
}

/// The connections end, with or without a code.
fn ends(arena: &mut Arena, bytes: &[u8]) {
    let mut lines = everywhere(arena);
    let count = lines.len();
    for line in &mut lines {
        line.say(bytes);
    }
    let (closed, took) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, count);
    arena.within("the last one closed", took, AT_ONCE);
}

/// An upgraded connection and a session on each port.
fn everywhere(arena: &mut Arena) -> Vec<Line> {
    let lines = [Port::Ws, Port::Http]
        .into_iter()
        .flat_map(|port| [login::upgrade(arena, port), login::ws(arena, port, "breaker")]);
    let lines: Vec<Line> = lines.flatten().collect();
    arena.is("connections", lines.len(), 4);
    lines
}

/// The code of the last close frame.
fn close_code(line: &mut Line) -> Option<u16> {
    let mut unread = line.unread.clone();
    let frames = std::iter::from_fn(|| take(&mut unread));
    frames.filter(|frame| frame.first == FIN | CLOSE).last()?.close_code()
}

fn garbage(arena: &mut Arena) {
    let mut rng = StdRng::seed_from_u64(12);
    let mut lines: Vec<Line> = (0..20).filter_map(|_| login::upgrade(arena, Port::Ws)).collect();
    arena.is("upgraded", lines.len(), 20);
    for line in &mut lines {
        for _ in 0..1_000 {
            let mut bytes = vec![0; rng.random_range(1..1_000)];
            rng.fill(&mut bytes[..]);
            // The server may have closed already.
            if !line.say(masked(FIN | rng.random_range(0..16), &bytes)) {
                break;
            }
        }
    }
    let (closed, _) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, 20);
}

fn pings(arena: &mut Arena, reads: bool) {
    let mut lines: Vec<Line> = (0..10)
        .filter_map(|number| login::ws(arena, Port::Ws, &format!("ping {number}")))
        .collect();
    arena.is("signed in", lines.len(), 10);
    let pings: Vec<u8> =
        std::iter::repeat_n(masked(FIN | PING, &[7; 100]), 100).flatten().collect();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        for line in &mut lines {
            line.push(&pings);
            if reads {
                line.look();
                line.unread.clear();
            }
        }
        crate::line::pass(Duration::from_millis(1));
    }
}

fn unfinished(arena: &mut Arena) {
    arena.may_grow(64 * MIB);
    let mut lines: Vec<Line> = (0..200)
        .filter_map(|number| login::ws(arena, Port::Ws, &format!("unfinished {number}")))
        .collect();
    arena.is("signed in", lines.len(), 200);
    // All but the last byte of it, as fast as accepted.
    let piece = vec![0; 32 * 1024];
    let mut left = vec![1_048_575usize; lines.len()];
    for line in &mut lines {
        line.say([&[FIN | BINARY, 0xff], &1_048_576u64.to_be_bytes()[..], &MASK].concat());
    }
    until(Duration::from_secs(8), || {
        for (line, left) in lines.iter_mut().zip(&mut left) {
            *left -= line.push(&piece[..piece.len().min(*left)]);
        }
        left.iter().all(|left| *left == 0)
    });
}
