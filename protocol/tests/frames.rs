//! Golden frames of the existing clients, read and written; and what any bytes may do.

use bytes::Bytes;
use comet_protocol::codec::{Answer, Delivery, Output};
use comet_protocol::comet::{Class, Seq, Welcome};
use comet_protocol::{
    AuthMsg, DecodeError, Decoder, Dialect, Frame, Framing, Head, Layout, frames_of,
};
use proptest::prelude::*;

const MAX_BODY: usize = 16_384;

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    layout: String,
    hex: String,
    ver: u16,
    op: u32,
    seq: u32,
    ack: u32,
    body: String,
}

impl Vector {
    fn layout(&self) -> Layout {
        if self.layout == "goim" { Layout::Goim } else { Layout::Dtalk }
    }

    fn frame(&self) -> Frame {
        let head = Head { ver: self.ver, op: self.op, seq: self.seq, ack: self.ack };
        Frame { head, body: unhex(&self.body).into() }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("data/frames.json")).expect("vectors as JSON")
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).expect("a vector of that name")
}

#[test]
fn golden_frames_decode_to_their_fields() {
    for vector in vectors() {
        let mut decoder = Decoder::new(vector.layout(), MAX_BODY);
        for byte in unhex(&vector.hex) {
            assert_eq!(decoder.next_frame(), Ok(None), "{}", vector.name);
            decoder.push(&[byte]);
        }
        assert_eq!(decoder.next_frame(), Ok(Some(vector.frame())), "{}", vector.name);
        assert_eq!(decoder.buffered(), 0, "{}", vector.name);
    }
}

#[test]
fn golden_fields_encode_to_their_frames() {
    for vector in vectors() {
        let bytes = vector.frame().to_vec(vector.layout());
        assert_eq!(bytes, unhex(&vector.hex), "{}", vector.name);
    }
}

#[test]
fn what_the_gateway_says_are_the_golden_frames() {
    let welcome = Welcome::default();
    let send_reply = unhex(&vector("send reply").body);
    let cases = [
        ("auth reply, accepted", Output::Accepted { seq: 1, user: "u", welcome: &welcome }),
        ("heartbeat reply", Output::HeartbeatReply { seq: 2, members: 9 }),
        ("send reply", Output::Reply { seq: 3, op: 7, answer: Answer::Taken(&send_reply) }),
    ];
    let codec = Dialect::Dtalk.codec();
    for (name, output) in cases {
        let mut bytes = Vec::new();
        codec.encode(&output, &mut bytes);
        assert_eq!(bytes, unhex(&vector(name).hex), "{name}");
    }
    let deliver = vector("deliver");
    let (class, seq, body) = (Class::Acked, Seq::new(7), &unhex(&deliver.body)[..]);
    let delivery = Delivery { class, seq, key: None, room: None, is_text: false, body };
    let mut bytes = Vec::new();
    let written = codec.delivery(Framing::Stream, &delivery, &mut |part| {
        bytes.extend_from_slice(part);
    });
    assert!(!written.has_body);
    assert_eq!([&bytes, body].concat(), unhex(&deliver.hex));
}

#[test]
fn the_golden_auth_bodies_are_read_and_written() {
    let small = unhex(&vector("auth").body);
    let auth = AuthMsg::parse(&small).unwrap();
    assert_eq!((auth.app_id.as_str(), auth.token.as_str()), ("dtalk", "T"));
    assert_eq!(auth.ext, unhex("08041205616c6963652a03752d3132036d6163"));
    assert_eq!(auth.to_vec(), small);

    let whole = AuthMsg::parse(&unhex(&vector("auth with a whole token").body)).unwrap();
    assert_eq!(whole.token.len(), 175);
    assert!(AuthMsg::parse(b"\xff\xff").is_err());
}

#[test]
fn a_message_may_hold_several_packets() {
    let (one, two) = (unhex(&vector("heartbeat").hex), unhex(&vector("send").hex));
    let frames = frames_of(Layout::Dtalk, &[one.clone(), two].concat(), MAX_BODY).unwrap();
    assert_eq!(frames, [vector("heartbeat").frame(), vector("send").frame()]);

    let cut = [&one[..], &one[..7]].concat();
    let error = DecodeError::Truncated { have: 7, need: 20 };
    assert_eq!(frames_of(Layout::Dtalk, &cut, MAX_BODY), Err(error));
}

proptest! {
    #[test]
    fn frames_survive_any_cutting(
        frames in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u32>(),
            prop::collection::vec(any::<u8>(), 0..300)), 1..10),
        cuts in prop::collection::vec(1usize..64, 1..40),
        goim in any::<bool>(),
    ) {
        let layout = if goim { Layout::Goim } else { Layout::Dtalk };
        let frames: Vec<Frame> = frames.into_iter().map(|(op, seq, ack, body)| {
            let head = Head { ver: 1, op, seq, ack: if goim { 0 } else { ack } };
            Frame { head, body: Bytes::from(body) }
        }).collect();
        let mut stream = Vec::new();
        frames.iter().for_each(|frame| frame.write(layout, &mut stream));

        let (mut decoder, mut seen) = (Decoder::new(layout, 300), Vec::new());
        let mut rest = &stream[..];
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            decoder.push(now);
            rest = later;
            while let Some(frame) = decoder.next_frame().unwrap() {
                seen.push(frame);
            }
        }
        prop_assert_eq!(seen, frames);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_exceed_the_limit(
        input in prop::collection::vec(any::<u8>(), 0..400),
        max_body in 0usize..400,
    ) {
        for layout in [Layout::Dtalk, Layout::Goim] {
            for frame in frames_of(layout, &input, max_body).unwrap_or_default() {
                prop_assert!(frame.body.len() <= max_body);
            }
        }
    }
}
