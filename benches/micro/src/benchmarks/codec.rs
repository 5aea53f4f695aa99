//! Heads and packets: parsing in place, and writing before a body.

use std::hint::black_box;

use comet_protocol::codec::Delivery;
use comet_protocol::comet::{self, Class, ClientFrame, Received, Seq};
use comet_protocol::head::{self, Head, Split};
use comet_protocol::{AuthMsg, Dialect, Framing, Layout, goim_op, op};

use super::Benchmark;
use crate::meter::Meter;

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("codec/dtalk-read", |meter| {
        read(meter, Dialect::Dtalk, Head::new(op::SEND, 7, 0));
    }),
    Benchmark::new("codec/goim-read", |meter| {
        read(meter, Dialect::Goim, Head::new(goim_op::SEND, 7, 0));
    }),
    Benchmark::new("codec/comet-read-send", |meter| {
        let (seq, answered) = (Seq::new(7), Seq::new(6));
        read_comet(meter, &ClientFrame::Send { seq, answered, body: &[b'x'; BODY] });
    }),
    Benchmark::new("codec/comet-read-ack", |meter| {
        read_comet(meter, &ClientFrame::Ack(Received::up_to_only(Seq::new(1_000))));
    }),
    Benchmark::new("codec/comet-read-ranges", |meter| {
        let ranges = [3, 2, 1, 9, 4, 1, 2, 2];
        let received = Received::parse(Seq::new(1_000), &ranges);
        let received = received.unwrap_or(Received::up_to_only(Seq::new(1_000)));
        read_comet(meter, &ClientFrame::Ack(received));
    }),
    Benchmark::new("codec/dtalk-write", |meter| write(meter, Dialect::Dtalk)),
    Benchmark::new("codec/goim-write", |meter| write(meter, Dialect::Goim)),
    Benchmark::new("codec/comet-write", |meter| {
        meter.repeat(TIMES, || {
            let seq = Seq::new(black_box(9));
            comet::deliver_head(Class::Acked, seq, black_box(BODY))
        });
    }),
    Benchmark::new("codec/auth-read", |meter| {
        let (app_id, token) = ("dtalk".to_owned(), "t".repeat(120));
        let body = AuthMsg { app_id, token, ext: vec![7; 40].into() }.to_vec();
        meter.repeat(TIMES, || AuthMsg::parse(black_box(&body)));
    }),
];

const TIMES: usize = 1_000;
/// Limit on the length of bodies.
const LIMIT: usize = 16_384;
const BODY: usize = 64;

/// Decodes a packet into the input that it is.
fn read(meter: &mut Meter, dialect: Dialect, packet: Head) {
    let layout = dialect.layout().unwrap_or(Layout::Dtalk);
    let mut bytes = Vec::new();
    packet.write(layout, &[b'x'; BODY], &mut bytes);
    let codec = dialect.codec();
    meter.repeat(TIMES, || codec.decode(black_box(&bytes), LIMIT).is_ok());
}

fn read_comet(meter: &mut Meter, frame: &ClientFrame<'_>) {
    let mut bytes = Vec::new();
    frame.write(&mut bytes);
    meter.repeat(TIMES, || match head::split(Layout::Dtalk, black_box(&bytes), LIMIT) {
        Ok(Split::Packet { head, body, .. }) => {
            black_box(ClientFrame::decode(head, black_box(body))).is_ok()
        }
        _ => false,
    });
}

/// Writes what comes before the body of a delivery.
fn write(meter: &mut Meter, dialect: Dialect) {
    let (codec, body) = (dialect.codec(), [b'x'; BODY]);
    let mut out = Vec::with_capacity(BODY);
    meter.repeat(TIMES, || {
        let seq = Seq::new(black_box(9));
        let body = black_box(&body[..]);
        let (class, key, room, is_text) = (Class::Acked, None, None, false);
        let delivery = Delivery { class, seq, key, room, is_text, body };
        out.clear();
        codec.delivery(black_box(Framing::Stream), &delivery, &mut |part| {
            out.extend_from_slice(part);
        })
    });
}
