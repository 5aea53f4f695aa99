//! Strangers on the port of TLS: hellos that never end, handshakes without number, tickets that
//! nobody gave. The hellos are written by hand, from RFC 8446.

use std::time::{Duration, Instant};

use comet_testkit::usage;

use crate::arena::{Arena, Port};
use crate::attack::Attack;
use crate::line::{Line, all_end, dribble};

/// Time limit for a session, in these attacks.
const HANDSHAKE: &str = "gateway.handshake_seconds=2";
/// Time limit for the end of silent connections: see [`slow`](crate::slow).
const GONE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(12);
/// Connections of a silent crowd.
const CROWD: usize = 200;
/// Connections of a flood that are open at once.
const AT_ONCE: usize = 32;
/// Length of a flood.
const FLOOD: Duration = Duration::from_secs(2);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "tls-hello-and-silent",
        "200 clients send half a hello, and then nothing",
        |arena| {
            let half = &hello(&[])[..60];
            let mut lines: Vec<Line> = (0..CROWD).map(|_| arena.line(Port::Tls)).collect();
            for line in &mut lines {
                line.say(half);
            }
            let (closed, took) = all_end(&mut lines, PATIENCE);
            arena.is("closed", closed, CROWD);
            arena.within("the last one closed", took, GONE);
        },
    )
    .with(&[HANDSHAKE]),
    Attack::new("tls-hello-dribble", "a hello that comes a byte at a time", |arena| {
        let mut lines: Vec<Line> = (0..CROWD).map(|_| arena.line(Port::Tls)).collect();
        let took = dribble(&mut lines, &hello(&[]), Duration::from_millis(100), PATIENCE);
        arena.within("all closed", took, GONE);
    })
    .with(&[HANDSHAKE]),
    Attack::new("tls-handshake-flood", "hellos for two seconds, each answered and left", |arena| {
        flood(arena, &hello(&[]));
    })
    .quick(),
    Attack::new("tls-forged-tickets", "the same with tickets of 15 KB that nobody gave", |arena| {
        let forged = hello(&forged_ticket());
        let mut line = arena.line(Port::Tls);
        line.say(&forged);
        let answer = line.hears(PATIENCE, has_server_hello).to_vec();
        // A server that took the ticket would say so in its hello.
        arena.holds("a full handshake", is_full(&answer));
        flood(arena, &forged);
    }),
];

/// Handshakes of which the server does its part, the signature included, and the client nothing:
/// each line is reset and made anew once the server's first flight has come.
fn flood(arena: &mut Arena, hello: &[u8]) {
    let id = arena.server.process.id();
    let before = usage::cpu(id).unwrap_or_default();
    let began = Instant::now();
    let mut lines: Vec<Line> = Vec::new();
    let mut answered = 0;
    while began.elapsed() < FLOOD {
        while lines.len() < AT_ONCE {
            let mut line = arena.line(Port::Tls);
            line.say(hello);
            lines.push(line);
        }
        for mut line in std::mem::take(&mut lines) {
            let is_open = line.look();
            if has_server_hello(&line.unread) {
                answered += 1;
                line.reset();
            } else if is_open {
                lines.push(line);
            }
        }
        crate::line::pass(Duration::from_millis(1));
    }
    let spent = usage::cpu(id).unwrap_or_default().saturating_sub(before);
    arena.at_least("handshakes answered", answered, 100);
    // What the healthy users cost is in it.
    let each = spent.checked_div(answered).unwrap_or_default();
    arena.at_most("microseconds of processor time for each", each.as_micros(), 20_000);
}

fn record(bytes: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A client hello of TLS 1.3 with a key of X25519, and more extensions behind.
fn hello(more: &[u8]) -> Vec<u8> {
    let extensions = [
        extension(43, &[2, 3, 4]),          // supported_versions: 1.3
        extension(10, &[0, 2, 0, 29]),      // supported_groups: X25519
        extension(13, &[0, 4, 4, 3, 8, 4]), // ECDSA of P-256, RSA-PSS
        extension(51, &[&[0, 36, 0, 29, 0, 32][..], &[9; 32]].concat()), // key_share
        extension(45, &[1, 1]),             // psk_dhe_ke
        more.to_vec(),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[7; 32],         // random
        &[0],             // no session id
        &[0, 2, 0x13, 1], // TLS_AES_128_GCM_SHA256
        &[1, 0],          // no compression
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]
    .concat();
    record(&[&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat())
}

/// pre_shared_key, which is the last extension: one identity with its age, one binder.
fn forged_ticket() -> Vec<u8> {
    let identity = [&15_000u16.to_be_bytes()[..], &[5; 15_000], &[0; 4]].concat();
    let identities = [&(identity.len() as u16).to_be_bytes()[..], &identity].concat();
    extension(41, &[&identities[..], &[0, 33, 32], &[6; 32]].concat())
}

/// Whether a record with a server hello, and the beginning of the next one, have come.
fn has_server_hello(bytes: &[u8]) -> bool {
    let len = bytes
        .get(3..5)
        .map_or(usize::MAX, |len| 5 + usize::from(u16::from_be_bytes([len[0], len[1]])));
    bytes.first() == Some(&22) && bytes.get(5) == Some(&2) && bytes.len() > len
}

/// Whether the server hello has a key of its own and no pre_shared_key.
fn is_full(bytes: &[u8]) -> bool {
    let Some(len) = bytes.get(3..5) else { return false };
    let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
    // Behind the head, the version, the random, an empty session id, the suite, no compression and
    // the length of the extensions.
    let Some(mut extensions) = bytes.get(5 + 4 + 2 + 32 + 1 + 2 + 1 + 2..5 + len) else {
        return false;
    };
    let mut kinds = Vec::new();
    while let Some(&[kind, low, upper, lower]) = extensions.first_chunk() {
        kinds.push(u16::from_be_bytes([kind, low]));
        let len = usize::from(u16::from_be_bytes([upper, lower]));
        extensions = extensions.get(4 + len..).unwrap_or_default();
    }
    kinds.contains(&51) && !kinds.contains(&41)
}
