//! permessage-deflate against the examples of RFC 7692 section 7.2.3, another implementation of
//! DEFLATE, and hand-made offenders.

use comet_protocol::ws::deflate::{Deflater, Window};
use comet_protocol::ws::{Limits, Opcode, Role, WsError, write_frame};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec;
use proptest::{collection::vec, prelude::*};

use crate::peer::{Receiver, Said, frame, received_by_server, unhex};

const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
/// Set in the first byte of a compressed message.
const RSV1: u8 = 0x40;
/// "Hello" as section 7.2.3.1 compresses it.
const HELLO: &str = "f248cdc9c90700";

/// A frame of a client with RSV1.
fn compressed(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(fin, opcode, payload, MASK);
    bytes[0] |= RSV1;
    bytes
}

/// What a server makes of bytes, which must not depend on how they are cut.
fn received_with(bytes: &[u8], limits: Limits) -> Result<Vec<Said>, WsError> {
    let at_once = Receiver::deflating(Role::Server, limits).receive(bytes);
    let mut receiver = Receiver::deflating(Role::Server, limits);
    let bytewise: Result<Vec<_>, _> = bytes.iter().map(|byte| receiver.receive(&[*byte])).collect();
    assert_eq!(at_once, bytewise.map(|said| said.concat()));
    at_once
}

fn received(bytes: &[u8]) -> Result<Vec<Said>, WsError> {
    received_with(bytes, Limits::default())
}

fn text(payload: &[u8]) -> Result<Vec<Said>, WsError> {
    received(&compressed(true, Opcode::Text, payload))
}

fn hello() -> Said {
    Said::Text(b"Hello".to_vec())
}

#[test]
fn examples_of_the_rfc_are_read() {
    for (section, payload) in [
        ("7.2.3.1, one block", HELLO),
        ("7.2.3.3, a stored block", "000500faff48656c6c6f00"),
        ("7.2.3.4, a last block", "f348cdc9c9070000"),
        ("7.2.3.5, two blocks", "f248050000 00ffffcac9c90700"),
    ] {
        assert_eq!(text(&unhex(&payload.replace(' ', ""))), Ok(vec![hello()]), "{section}");
    }
    assert_eq!(text(&[0x00]), Ok(vec![Said::Text(vec![])]), "7.2.3.6, an empty message");
    let fragments = unhex(HELLO);
    let first = compressed(false, Opcode::Text, &fragments[..3]);
    let last = frame(true, Opcode::Continuation, &fragments[3..], MASK);
    assert_eq!(received(&[first, last].concat()), Ok(vec![hello()]), "7.2.3.1, fragments");
}

#[test]
fn no_message_refers_to_the_one_before() {
    let first = compressed(true, Opcode::Text, &unhex(HELLO));
    // Section 7.2.3.2: "Hello" again, as a reference to it.
    let second = compressed(true, Opcode::Text, &unhex("f200110000"));
    assert_eq!(received(&[first, second].concat()), Err(WsError::InvalidDeflate));
}

/// Safari fragments, and leaves short messages as they are, on one connection.
#[test]
fn compressed_fragmented_and_plain_messages_may_be_mixed() {
    let body = unhex(HELLO);
    let bytes = [
        compressed(true, Opcode::Text, &body),
        frame(true, Opcode::Text, b"plain", MASK),
        compressed(false, Opcode::Binary, &body[..1]),
        frame(true, Opcode::Ping, b"", MASK),
        frame(false, Opcode::Continuation, &body[1..4], MASK),
        frame(false, Opcode::Continuation, b"", MASK),
        frame(true, Opcode::Ping, b"between", MASK),
        frame(true, Opcode::Continuation, &body[4..], MASK),
        frame(false, Opcode::Binary, b"in ", MASK),
        frame(true, Opcode::Continuation, b"pieces", MASK),
        compressed(false, Opcode::Text, b""),
        frame(true, Opcode::Continuation, &body, MASK),
    ];
    let expected = [
        hello(),
        Said::Text(b"plain".to_vec()),
        Said::Ping(vec![]),
        Said::Ping(b"between".to_vec()),
        Said::Binary(b"Hello".to_vec()),
        Said::Binary(b"in pieces".to_vec()),
        hello(),
    ];
    assert_eq!(received(&bytes.concat()), Ok(expected.to_vec()));
}

#[test]
fn the_bit_is_for_first_frames_of_messages_where_it_was_agreed() {
    let body = unhex(HELLO);
    let refused = Err(WsError::ReservedBits(0b100));
    assert_eq!(received_by_server(&compressed(true, Opcode::Text, &body)), refused);
    for opcode in [Opcode::Ping, Opcode::Pong, Opcode::Close] {
        assert_eq!(received(&compressed(true, opcode, b"")), refused, "{opcode:?}");
    }
    let first = compressed(false, Opcode::Text, &body[..3]);
    let last = compressed(true, Opcode::Continuation, &body[3..]);
    assert_eq!(received(&[first, last].concat()), refused);
    for (bits, first) in [(0b110, 0xe1), (0b101, 0xd1), (0b010, 0xa1), (0b001, 0x91)] {
        let bytes = [first, 0x80, 0, 0, 0, 0];
        assert_eq!(received(&bytes), Err(WsError::ReservedBits(bits)));
    }
    assert_eq!(received(&[0xc3, 0x80]), Err(WsError::ReservedBits(0b100)), "a reserved opcode");
}

#[test]
fn text_is_checked_once_it_is_inflated() {
    for (body, is_text) in [
        ("\u{e9}".as_bytes(), true),
        ("\u{1f600} ".repeat(1_000).as_bytes(), true),
        (b"\xff", false),
        (b"cut \xc3", false),
    ] {
        let payload = payload_of(body);
        let said = is_text.then(|| vec![Said::Text(body.to_vec())]).ok_or(WsError::InvalidUtf8);
        assert_eq!(text(&payload), said);
        let binary = received(&compressed(true, Opcode::Binary, &payload));
        assert_eq!(binary, Ok(vec![Said::Binary(body.to_vec())]));
    }
    assert_eq!(WsError::InvalidUtf8.close_code().get(), 1007);
}

#[test]
fn a_message_that_is_not_whole_blocks_is_refused() {
    let whole = payload_of("a message of some length, some length, some length".as_bytes());
    for end in 0..whole.len() - 1 {
        assert_eq!(text(&whole[..end]), Err(WsError::InvalidDeflate), "cut at {end}");
    }
    for payload in ["07", "0600", "04", "000500fbff48656c6c6f00", "f248cdc9c907000001"] {
        assert_eq!(text(&unhex(payload)), Err(WsError::InvalidDeflate), "{payload}");
    }
    assert_eq!(WsError::InvalidDeflate.close_code().get(), 1007);
}

#[test]
fn inflation_stops_at_the_limit() {
    let limits = Limits { max_message: 100_000, ..Limits::default() };
    let binary =
        |len| received_with(&compressed(true, Opcode::Binary, &payload_of(&vec![0; len])), limits);
    assert_eq!(binary(100_000), Ok(vec![Said::Binary(vec![0; 100_000])]));
    let too_long = Err(WsError::MessageTooLong { limit: 100_000 });
    assert_eq!(binary(100_001), too_long);
    // 50 MB in 50 KB, and the same in many streams that each end.
    assert_eq!(binary(50_000_000), too_long);
    let stream = compress_to_vec(&[0; 50_000], 9);
    let streams = compressed(true, Opcode::Binary, &stream.repeat(100));
    assert_eq!(received_with(&streams, limits), too_long);
}

#[test]
fn data_that_does_not_compress_may_be_longer_than_it_is() {
    let limits = Limits { max_message: 1_000, ..Limits::default() };
    let body: Vec<u8> = (0..1_000u32).map(|at| (at * 7_919).to_be_bytes()[2]).collect();
    let stored = body.chunks(100).flat_map(|part| [&[0, 100, 0, 155, 255], part].concat());
    let payload: Vec<u8> = stored.chain([0]).collect();
    assert_eq!(payload.len(), 1_051);
    let bytes = compressed(true, Opcode::Binary, &payload);
    assert_eq!(received_with(&bytes, limits), Ok(vec![Said::Binary(body)]));
    let too_long = compressed(true, Opcode::Binary, &vec![0; 1_000 + 1_000 / 16 + 65]);
    assert_eq!(received_with(&too_long, limits), Err(WsError::MessageTooLong { limit: 1_000 }));
}

/// The payload of a message, by another implementation: one last block, and what makes up for it.
fn payload_of(body: &[u8]) -> Vec<u8> {
    let mut payload = compress_to_vec(body, 6);
    payload.push(0);
    payload
}

/// A payload inflated by another implementation.
fn inflated(payload: &[u8]) -> Vec<u8> {
    let ending = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];
    decompress_to_vec(&[payload, &ending].concat()).expect("a payload that can be inflated")
}

/// A frame of a server compressed with the first bytes left as they are; where these begin.
fn deflated(window: Window, body: &[u8], stored: usize) -> Option<(Vec<u8>, usize)> {
    let mut plain = Vec::new();
    write_frame(&mut plain, Opcode::Binary, body);
    let mut out = b"before".to_vec();
    let at = Deflater::new(3).compress(window, &plain, stored, &mut out);
    let frame = out.split_off(6);
    assert_eq!(out, b"before");
    assert_eq!(at.is_none(), frame.is_empty());
    at.map(|at| (frame, at))
}

#[test]
fn a_frame_that_would_not_get_shorter_is_left_alone() {
    assert_eq!(deflated(Window::Bits15, b"Hello", 0), None);
    assert_eq!(deflated(Window::Bits15, b"", 0), None);
    assert_eq!(deflated(Window::Bits15, &[b'a'; 40], 40), None, "nothing is left to compress");
    assert_eq!(deflated(Window::Bits15, &[b'a'; 40], 41), None);
    assert_eq!(deflated(Window::Bits9, &vec![b'a'; 70_000], 66_000), None, "more than a block");
    let mut state = 1u32;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(999)
    .collect();
    assert_eq!(deflated(Window::Bits15, &random, 0), None);
}

#[test]
fn what_is_left_as_it_is_may_be_overwritten() {
    let body = br#"{"seq":0000,"text":"seq 0000 and again seq 0000 and again seq 0000"}"#;
    let (mut frame, at) = deflated(Window::Bits15, body, 11).expect("a shorter frame");
    frame[at + 7..at + 11].copy_from_slice(b"4711");
    let (head, len) = split(&frame);
    assert_eq!((head, frame.len() - len), (0xc2, usize::from(frame[1])));
    let expected = br#"{"seq":4711,"text":"seq 0000 and again seq 0000 and again seq 0000"}"#;
    assert_eq!(inflated(&frame[len..]), expected);
}

/// The first byte of a server's frame, and the length of its head.
fn split(frame: &[u8]) -> (u8, usize) {
    let len = match frame[1] {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    (frame[0], len)
}

/// Texts with repetitions at all distances.
fn repetitive() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => "[a-z]{1,12}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..300),
    ];
    vec(piece, 1..12).prop_flat_map(|pieces| {
        vec(0..pieces.len(), 1..400).prop_map(move |order| {
            order.iter().flat_map(|&at| pieces[at].clone()).collect::<Vec<u8>>()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_compressed_reads_the_same_elsewhere_with_any_front(
        body in repetitive(),
        stored in 0..64usize,
        front in vec(any::<u8>(), 64),
        bits in 9..=15u8,
    ) {
        let stored = stored.min(body.len());
        let window = Window::new(bits).expect("a window");
        if let Some((mut frame, at)) = deflated(window, &body, stored) {
            frame[at..at + stored].copy_from_slice(&front[..stored]);
            let (_, len) = split(&frame);
            prop_assert!(frame.len() - len < body.len());
            let expected = [&front[..stored], &body[stored..]].concat();
            prop_assert_eq!(&inflated(&frame[len..]), &expected);
            let mut receiver = Receiver::deflating(Role::Client, Limits::default());
            prop_assert_eq!(receiver.receive(&frame), Ok(vec![Said::Binary(expected)]));
        }
    }

    #[test]
    fn no_reference_goes_beyond_the_window(body in repetitive(), bits in 9..=15u8) {
        let window = Window::new(bits).expect("a window");
        let long = body.repeat(40_000 / body.len() + 2);
        let (frame, _) = deflated(window, &long, 0).expect("a shorter frame");
        let (_, len) = split(&frame);
        // With a window of that size and less output at once, it knows no more than that.
        let mut state = flate2::Decompress::new_with_window_bits(false, bits);
        let (mut input, mut said) = (&frame[len..], Vec::new());
        while said.len() < long.len() {
            let mut piece = [0; 50];
            let (taken, given) = (state.total_in(), state.total_out());
            state.decompress(input, &mut piece, flate2::FlushDecompress::None).expect("in reach");
            input = &input[usize::try_from(state.total_in() - taken).unwrap()..];
            said.extend_from_slice(&piece[..usize::try_from(state.total_out() - given).unwrap()]);
        }
        prop_assert_eq!(said, long);
    }

    #[test]
    fn any_payload_is_inflated_or_refused(payload in vec(any::<u8>(), 0..80)) {
        let limits = Limits { max_message: 2_000, ..Limits::default() };
        match received_with(&compressed(true, Opcode::Binary, &payload), limits) {
            Ok(said) => prop_assert!(matches!(&said[..], [Said::Binary(_)])),
            Err(error) => {
                let too_long = WsError::MessageTooLong { limit: 2_000 };
                prop_assert!([WsError::InvalidDeflate, too_long].contains(&error));
            }
        }
    }
}
