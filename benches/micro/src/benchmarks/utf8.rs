//! UTF-8 validation of a text message: all at once, or while it arrives in fragments.
//!
//! Messages are not masked, so the validation dominates the cost of a frame; `utf8/none-1024` is
//! the cost without it.

use comet_protocol::ws::{Decoder, FrameHead, Limits, Opcode, Role, write_frame};

use super::Benchmark;
use super::websocket::{decode, text};
use crate::meter::Meter;

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("utf8/none-1024", |meter| whole(meter, Opcode::Binary, LATIN)),
    Benchmark::new("utf8/latin-1024", |meter| whole(meter, Opcode::Text, LATIN)),
    Benchmark::new("utf8/chinese-1024", |meter| whole(meter, Opcode::Text, CHINESE)),
    Benchmark::new("utf8/emoji-1024", |meter| whole(meter, Opcode::Text, "\u{1f600}\u{1f680}")),
    Benchmark::new("utf8/fragments-none-1024", |meter| fragments(meter, Opcode::Binary)),
    Benchmark::new("utf8/fragments-chinese-1024", |meter| fragments(meter, Opcode::Text)),
];

const LATIN: &str = "a plain text. ";
const CHINESE: &str = "你好，世界。";
/// Number of messages read.
const COUNT: usize = 100;
/// Bytes per fragment: nearly all end within a character.
const FRAGMENT: usize = 100;

fn whole(meter: &mut Meter, opcode: Opcode, part: &str) {
    let mut input = Vec::new();
    (0..COUNT).for_each(|_| write_frame(&mut input, opcode, &text(part)));
    count(meter, &mut input);
}

fn fragments(meter: &mut Meter, opcode: Opcode) {
    let mut input = Vec::new();
    (0..COUNT).for_each(|_| write_fragments(&mut input, opcode, &text(CHINESE)));
    count(meter, &mut input);
}

fn write_fragments(input: &mut Vec<u8>, opcode: Opcode, text: &[u8]) {
    let last = text.chunks(FRAGMENT).count() - 1;
    for (at, fragment) in text.chunks(FRAGMENT).enumerate() {
        let opcode = if at == 0 { opcode } else { Opcode::Continuation };
        let payload_len = fragment.len() as u64;
        let head =
            FrameHead { fin: at == last, compressed: false, opcode, mask: None, payload_len };
        input.extend_from_slice(&head.encode());
        input.extend_from_slice(fragment);
    }
}

/// The decoder has the client role: its peer does not mask.
fn count(meter: &mut Meter, input: &mut [u8]) {
    let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
    let read = meter.measure(COUNT, || decode(&mut decoder, input, &limits));
    assert_eq!(read, COUNT, "every message is read");
}
