//! Compressed WebSocket messages that become more than they are. Their blocks are written bit by
//! bit, from RFC 1951.

use std::time::{Duration, Instant};

use comet_testkit::frame::frame;
use comet_testkit::websocket::{BINARY, CLOSE, FIN, masked, take};

use crate::arena::{Arena, Port};
use crate::attack::Attack;
use crate::line::{Line, all_end, until};
use crate::login;

const PATIENCE: Duration = Duration::from_secs(6);
const AT_ONCE: Duration = Duration::from_secs(3);
/// Set in the first byte of a compressed message.
const RSV1: u8 = 0x40;
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
const SETTINGS: &[&str] = &["gateway.deflate=true"];
/// An op that nobody knows, which is ignored.
const UNKNOWN: u32 = 99;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("ws-deflate-bomb", "20 messages of 15 KB that become 2.4 MB", |arena| {
        closes(arena, &compressed(&zeros(9_200)), 1009);
    })
    .with(SETTINGS)
    .quick(),
    Attack::new("ws-deflate-garbage", "a compressed message that is none", |arena| {
        closes(arena, &compressed(&[0xff; 100]), 1007);
    })
    .with(SETTINGS),
    Attack::new("ws-deflate-cut", "a compressed message without its end", |arena| {
        closes(arena, &compressed(&zeros(40)[..30]), 1007);
    })
    .with(SETTINGS),
    Attack::new(
        "ws-deflate-flood",
        "20 sessions send messages of 136 bytes that become 16 KB, for two seconds",
        flood,
    )
    .with(SETTINGS),
];

fn compressed(payload: &[u8]) -> Vec<u8> {
    masked(FIN | RSV1 | BINARY, payload)
}

/// Sessions that have agreed to permessage-deflate, half of them on each port.
fn sessions(arena: &mut Arena) -> Vec<Line> {
    let lines: Vec<Line> = (0..20)
        .filter_map(|number| {
            let port = if number % 2 == 0 { Port::Ws } else { Port::Http };
            login::ws_with(arena, port, &format!("packer {number}"), OFFER)
        })
        .collect();
    arena.is("signed in", lines.len(), 20);
    lines
}

/// The connections end with this code.
fn closes(arena: &mut Arena, bytes: &[u8], code: u16) {
    let mut lines = sessions(arena);
    let began = Instant::now();
    for line in &mut lines {
        line.say(bytes);
    }
    let mut told = 0;
    for line in &mut lines {
        until(PATIENCE, || !line.look());
        let frames = std::iter::from_fn(|| take(&mut line.unread));
        let close = frames.filter(|frame| frame.first == FIN | CLOSE).last();
        told += usize::from(close.and_then(|frame| frame.close_code()) == Some(code));
    }
    arena.is(&format!("told {code}"), told, 20);
    arena.within("the last one closed", Some(began.elapsed()), AT_ONCE);
}

/// As fast as the server takes them; none of it breaks a rule.
fn flood(arena: &mut Arena) {
    let mut lines = sessions(arena);
    let head = &frame(UNKNOWN, 1, vec![0; 258 * 63 + 1]).encode()[..20];
    let message = compressed(&[stored(head), zeros(63)].concat());
    arena.at_most("bytes of a message", message.len(), 200);
    let bytes = message.repeat(50);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        for line in &mut lines {
            line.push(&bytes);
        }
        crate::line::pass(Duration::from_millis(1));
    }
    for line in &mut lines {
        line.shut();
    }
    let (closed, _) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, 20);
}

/// A block that is not compressed.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u16;
    [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), bytes].concat()
}

/// So many times 258 zeros, and one before: a block of fixed codes, and the empty one that is cut
/// short.
fn zeros(times: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b010, 3); // not the last, fixed codes from the lowest bit on
    bits.code(0b0011_0000, 8); // the byte 0
    for _ in 0..times {
        bits.code(0b1100_0101, 8); // a match of 258 bytes
        bits.code(0, 5); // a byte back
    }
    bits.code(0, 7); // the end of the block
    bits.put(0, 3); // not the last, stored
    bits.bytes
}

/// Bits as DEFLATE packs them, from the lowest on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    /// A number, its lowest bit first.
    fn put(&mut self, value: u32, count: usize) {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = ((value >> at) & 1) as u8;
            *self.bytes.last_mut().expect("a byte") |= bit << (self.used % 8);
            self.used += 1;
        }
    }

    /// A Huffman code, its highest bit first.
    fn code(&mut self, value: u32, count: usize) {
        for at in (0..count).rev() {
            self.put((value >> at) & 1, 1);
        }
    }
}
