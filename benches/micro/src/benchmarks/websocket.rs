//! The WebSocket layer: masks, frames, text, the upgrade.

use std::hint::black_box;

use comet_protocol::ws::handshake::{self, HandshakeLimits, Parse};
use comet_protocol::ws::{Decoder, Limits, Opcode, Role, apply_mask, header, write_masked_frame};

use super::Benchmark;
use crate::meter::Meter;
use crate::world::request;

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("websocket/unmask-13", |meter| unmask(meter, 13)),
    Benchmark::new("websocket/unmask-64", |meter| unmask(meter, 64)),
    Benchmark::new("websocket/unmask-1024", |meter| unmask(meter, 1_024)),
    Benchmark::new("websocket/unmask-16384", |meter| unmask(meter, 16_384)),
    Benchmark::new("websocket/frame-binary-64", |meter| {
        frames(meter, Opcode::Binary, &[7; 64], 4_096);
    }),
    Benchmark::new("websocket/frame-text-64", |meter| {
        frames(meter, Opcode::Text, &[b'x'; 64], 4_096);
    }),
    Benchmark::new("websocket/frame-text-1024-latin", |meter| {
        frames(meter, Opcode::Text, &text("a plain text. "), 16);
    }),
    Benchmark::new("websocket/frame-text-1024-chinese", |meter| {
        frames(meter, Opcode::Text, &text("你好，世界。"), 16);
    }),
    Benchmark::new("websocket/frame-in-pieces-1024", |meter| {
        in_pieces(meter, &[7; 1_024], 100);
    }),
    Benchmark::new("websocket/header", |meter| {
        meter.repeat(TIMES, || header(black_box(Opcode::Binary), black_box(300)));
    }),
    Benchmark::new("websocket/upgrade", upgrade),
];

const TIMES: usize = 1_000;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn unmask(meter: &mut Meter, len: usize) {
    let mut payload = vec![7; len];
    meter.repeat(TIMES, || apply_mask(black_box(MASK), black_box(&mut payload)));
}

/// Frames in one input, read to its end.
fn frames(meter: &mut Meter, opcode: Opcode, payload: &[u8], count: usize) {
    let mut input = Vec::new();
    (0..count).for_each(|_| write_masked_frame(&mut input, opcode, payload, MASK));
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    let read = meter.measure(count, || decode(&mut decoder, &mut input, &limits));
    assert_eq!(read, count, "every frame is read");
}

/// A message that arrives in pieces and is reassembled.
fn in_pieces(meter: &mut Meter, payload: &[u8], piece: usize) {
    let mut frame = Vec::new();
    write_masked_frame(&mut frame, Opcode::Binary, payload, MASK);
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    let mut inputs: Vec<Vec<u8>> = (0..100).map(|_| frame.clone()).collect();
    let read = meter.measure(inputs.len(), || {
        let pieces = inputs.iter_mut().flat_map(|input| input.chunks_mut(piece));
        pieces.map(|piece| decode(&mut decoder, piece, &limits)).sum::<usize>()
    });
    assert_eq!(read, inputs.len(), "every message is read");
}

/// Reads all input; returns the number of events.
pub(super) fn decode(decoder: &mut Decoder, input: &mut [u8], limits: &Limits) -> usize {
    let (mut events, mut read) = (0, 0);
    while let Ok(decoded) = decoder.decode(&mut input[read..], limits) {
        read += decoded.consumed;
        if black_box(decoded.event).is_none() {
            break;
        }
        events += 1;
    }
    events
}

/// The text repeated to at least 1,024 bytes.
pub(super) fn text(part: &str) -> Vec<u8> {
    part.bytes().cycle().take(part.len() * 1_024usize.div_ceil(part.len())).collect()
}

fn upgrade(meter: &mut Meter) {
    let mut bytes = Vec::new();
    request("/sub").write_request(&mut bytes);
    let limits = HandshakeLimits { max_head: 8_192, max_headers: 64 };
    let mut response = Vec::new();
    meter.repeat(100, || {
        response.clear();
        if let Ok(Parse::Complete { request, .. }) = handshake::parse(black_box(&bytes), 0, &limits)
        {
            handshake::write_accept(&mut response, request.key(), None);
        }
    });
    assert!(response.starts_with(b"HTTP/1.1 101 "), "the request is accepted");
}
