//! Byte examples of RFC 6455 section 5.7 and of dtalk, read in every chunking and written.

use comet_protocol::ws::{
    CloseCode, Limits, Opcode, Role, write_close, write_frame, write_masked_frame,
};

use crate::peer::{Receiver, Said, unhex};

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    Client,
    Server,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Text(String),
    Binary(String),
    BinaryZeros(usize),
    Ping(String),
    Pong(String),
    Close(Option<(u16, String)>),
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    from: From,
    hex: String,
    /// How many zero bytes follow.
    #[serde(default)]
    zeros: usize,
    events: Vec<Expected>,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = unhex(&self.hex);
        bytes.resize(bytes.len() + self.zeros, 0);
        bytes
    }

    fn events(&self) -> Vec<Said> {
        let said = |event: &Expected| match event {
            Expected::Text(hex) => Said::Text(unhex(hex)),
            Expected::Binary(hex) => Said::Binary(unhex(hex)),
            Expected::BinaryZeros(len) => Said::Binary(vec![0; *len]),
            Expected::Ping(hex) => Said::Ping(unhex(hex)),
            Expected::Pong(hex) => Said::Pong(unhex(hex)),
            Expected::Close(close) => Said::Close(close.clone()),
        };
        self.events.iter().map(said).collect()
    }

    fn receiver(&self) -> Receiver {
        let role = match self.from {
            From::Client => Role::Server,
            From::Server => Role::Client,
        };
        Receiver::new(role, Limits::default())
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/ws_frames.json")).expect("valid vectors")
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name.ends_with(name)).expect("a known vector")
}

#[test]
fn golden_frames_are_read_at_once() {
    for vector in vectors() {
        let mut receiver = vector.receiver();
        assert_eq!(receiver.receive(&vector.bytes()), Ok(vector.events()), "{}", vector.name);
        assert!(receiver.is_idle(), "{}", vector.name);
    }
}

#[test]
fn golden_frames_are_read_byte_by_byte() {
    for vector in vectors() {
        let mut receiver = vector.receiver();
        let mut said = Vec::new();
        for byte in vector.bytes() {
            said.extend(receiver.receive(&[byte]).unwrap());
        }
        assert_eq!(said, vector.events(), "{}", vector.name);
        assert!(receiver.is_idle(), "{}", vector.name);
    }
}

#[test]
fn golden_frames_are_read_when_cut_in_two_anywhere() {
    for vector in vectors() {
        let bytes = vector.bytes();
        for cut in 0..bytes.len().min(100) {
            let mut receiver = vector.receiver();
            let mut said = receiver.receive(&bytes[..cut]).unwrap();
            said.extend(receiver.receive(&bytes[cut..]).unwrap());
            assert_eq!(said, vector.events(), "{} cut at {cut}", vector.name);
        }
    }
}

#[test]
fn golden_frames_are_what_is_written() {
    let unmasked = [
        ("single-frame unmasked text message", Opcode::Text, b"Hello".to_vec()),
        ("unmasked ping", Opcode::Ping, b"Hello".to_vec()),
        ("256 bytes in one unmasked frame", Opcode::Binary, vec![0; 256]),
        ("64 KiB in one unmasked frame", Opcode::Binary, vec![0; 65_536]),
        (
            "dtalk heartbeat reply of the server",
            Opcode::Binary,
            unhex("000000180014000100000004000000020000000000000000"),
        ),
    ];
    for (name, opcode, payload) in unmasked {
        let mut out = b"before".to_vec();
        write_frame(&mut out, opcode, &payload);
        assert_eq!(out[6..], vector(name).bytes(), "{name}");
    }
    let masked = [
        (
            "single-frame masked text message",
            Opcode::Text,
            b"Hello".to_vec(),
            [0x37, 0xfa, 0x21, 0x3d],
        ),
        ("masked pong", Opcode::Pong, b"Hello".to_vec(), [0x37, 0xfa, 0x21, 0x3d]),
        ("close without a body", Opcode::Close, Vec::new(), [0x37, 0xfa, 0x21, 0x3d]),
        (
            "dtalk heartbeat of a client",
            Opcode::Binary,
            unhex("0000001400140001000000030000000200000000"),
            [0x12, 0x34, 0x56, 0x78],
        ),
    ];
    for (name, opcode, payload, mask) in masked {
        let mut out = b"before".to_vec();
        write_masked_frame(&mut out, opcode, &payload, mask);
        assert_eq!(out[6..], vector(name).bytes(), "{name}");
    }
}

#[test]
fn close_frame_is_written_with_code_and_reason() {
    let mut out = Vec::new();
    write_close(&mut out, CloseCode::NORMAL, "bye");
    assert_eq!(out, vector("close with code 1000 and the reason bye").bytes());
}

#[test]
fn long_close_reason_is_cut_between_characters() {
    let mut out = Vec::new();
    write_close(&mut out, CloseCode::GOING_AWAY, &"€".repeat(50));
    let mut expected = vec![0x88, 2 + 41 * 3, 0x03, 0xe9];
    expected.extend_from_slice("€".repeat(41).as_bytes());
    assert_eq!(out, expected);

    let mut out = Vec::new();
    write_close(&mut out, CloseCode::GOING_AWAY, &"x".repeat(200));
    assert_eq!(out, [&[0x88, 125, 0x03, 0xe9][..], &[b'x'; 123]].concat());
}
