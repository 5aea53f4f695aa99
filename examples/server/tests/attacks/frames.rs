//! Packets with a wrong length, and invalid packets, on the TCP port.

use std::time::Duration;

use comet_server_testkit::message::{body_of, to_user};
use comet_testkit::frame::{HEARTBEAT, SEND, SEND_REPLY, frame};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::arena::{Arena, Port, person};
use crate::attack::Attack;
use crate::line::{Line, all_end};
use crate::login;

/// Time limit for closing a connection that broke a rule: at once, and two seconds for peers that
/// do not close.
const AT_ONCE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(6);
/// Connections of each kind.
const CROWD: usize = 50;

/// A head: length, length of the head, version, op.
const fn head(len: u32, head_len: u16, op: u32) -> [u8; 20] {
    let (len, head_len, op) = (len.to_be_bytes(), head_len.to_be_bytes(), op.to_be_bytes());
    [
        len[0],
        len[1],
        len[2],
        len[3],
        head_len[0],
        head_len[1],
        0,
        1,
        op[0],
        op[1],
        op[2],
        op[3],
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
    ]
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("tcp-length-huge", "packLen 2^31 - 1, before and after login", |arena| {
        lies(arena, &head(0x7fff_ffff, 20, 1));
    })
    .quick(),
    Attack::new("tcp-length-negative", "packLen with its highest bit set", |arena| {
        lies(arena, &head(0xffff_fff0, 20, 1));
    }),
    Attack::new("tcp-length-below-head", "packLen 19 with a head of 20", |arena| {
        lies(arena, &head(19, 20, 1));
    }),
    Attack::new("tcp-length-zero", "packLen 0 in a loop", |arena| {
        lies(arena, &[0; 4_000]);
    }),
    Attack::new("tcp-head-length-wrong", "a head of 65,535 bytes", |arena| {
        lies(arena, &head(0xffff, 0xffff, 1));
    }),
    Attack::new("tcp-one-byte-too-long", "a body of one byte more than the limit", |arena| {
        lies(arena, &head(20 + 16_384 + 1, 20, 7));
    }),
    Attack::new("goim-length-below-head", "goim packLen 15 with a head of 16", |arena| {
        lies(arena, &head(15, 16, 7));
    }),
    Attack::new("comet-length-huge", "the comet dialect's first frame announces 1 GiB", |arena| {
        let mut frame = head(0x4000_0000, 20, 1);
        frame[7] = 2;
        lies(arena, &frame);
    }),
    Attack::new("tcp-garbage", "a megabyte of chance on each of 50 connections", garbage).quick(),
    Attack::new(
        "tcp-frames-by-the-byte",
        "50 sessions send messages a byte at a time",
        by_the_byte,
    ),
    Attack::new(
        "tcp-unknown-ops",
        "a session sends 20,000 frames of ops nobody knows",
        unknown_ops,
    ),
    Attack::new("tcp-heartbeat-flood", "20,000 heartbeats whose answers are not read", heartbeats),
    Attack::new("half-close", "200 peers shut their side after half a frame", half_close),
];

/// Before a login, and after one.
fn lies(arena: &mut Arena, bytes: &[u8]) {
    let mut lines: Vec<Line> = (0..CROWD).map(|_| arena.line(Port::Tcp)).collect();
    lines.extend((0..CROWD).filter_map(|number| login::tcp(arena, &format!("liar {number}"))));
    arena.is("connections", lines.len(), 2 * CROWD);
    for line in &mut lines {
        line.say(bytes);
    }
    let (closed, took) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, 2 * CROWD);
    arena.within("the last one closed", took, AT_ONCE);
}

fn garbage(arena: &mut Arena) {
    let mut rng = StdRng::seed_from_u64(11);
    let mut lines: Vec<Line> = (0..CROWD).map(|_| arena.line(Port::Tcp)).collect();
    for line in &mut lines {
        let mut bytes = vec![0; 1024 * 1024];
        rng.fill(&mut bytes[..]);
        // A short packet begins with a zero byte.
        bytes[0] = rng.random_range(0..2);
        line.say(bytes);
    }
    let (closed, _) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, CROWD);
}

fn by_the_byte(arena: &mut Arena) {
    let mut lines: Vec<Line> =
        (0..CROWD).filter_map(|number| login::tcp(arena, &format!("slow {number}"))).collect();
    arena.is("signed in", lines.len(), CROWD);
    let target = person("a stranger's friend").uid;
    let message = frame(SEND, 2, body_of(&to_user(&target, "byte", vec![7; 400]))).encode();
    for byte in &message {
        for line in &mut lines {
            line.say([*byte]);
        }
    }
    let mut answered = 0;
    for line in &mut lines {
        answered += usize::from(login::hears(line, PATIENCE, |frame| frame.op == SEND_REPLY));
    }
    arena.is("answered like any other message", answered, CROWD);
}

fn unknown_ops(arena: &mut Arena) {
    let mut line = login::tcp(arena, "nonsense").expect("a session");
    let frames: Vec<u8> = (0..20_000).flat_map(|seq| frame(77, seq, "").encode()).collect();
    line.say(frames);
    line.say(frame(HEARTBEAT, 1, "").encode());
    let answer = line.hears(PATIENCE, |bytes| bytes.len() >= 24);
    let answered = answer.len();
    arena.is("bytes in answer to all of it, a heartbeat's", answered, 24);
}

fn heartbeats(arena: &mut Arena) {
    let mut lines: Vec<Line> =
        (0..10).filter_map(|number| login::tcp(arena, &format!("beat {number}"))).collect();
    arena.is("signed in", lines.len(), 10);
    let frames: Vec<u8> = (0..2_000).flat_map(|seq| frame(HEARTBEAT, seq, "").encode()).collect();
    for _ in 0..10 {
        for line in &mut lines {
            line.push(&frames);
        }
    }
    crate::line::pass(Duration::from_secs(1));
}

fn half_close(arena: &mut Arena) {
    let mut lines: Vec<Line> = (0..200).map(|_| arena.line(Port::Tcp)).collect();
    for line in &mut lines {
        line.say([0, 0, 0, 64, 0, 20]);
        line.shut();
    }
    let (closed, took) = all_end(&mut lines, PATIENCE);
    arena.is("closed", closed, 200);
    arena.within("the last one closed", took, AT_ONCE);
}
