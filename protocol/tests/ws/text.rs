//! Text must be UTF-8, and is refused at the first byte that proves it is not: the cases of the
//! Autobahn suite, section 6.

use comet_protocol::ws::{Limits, Opcode, Role, WsError};

use crate::peer::{Receiver, Said, frame};

const MASK: [u8; 4] = [0x9d, 0x00, 0xff, 0x31];

fn server() -> Receiver {
    Receiver::new(Role::Server, Limits::default())
}

fn text_frame(payload: &[u8]) -> Vec<u8> {
    frame(true, Opcode::Text, payload, Some(MASK))
}

/// One fragment for each byte.
fn fragments(payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(false, Opcode::Text, &[], Some(MASK));
    for byte in payload {
        bytes.extend(frame(false, Opcode::Continuation, &[*byte], Some(MASK)));
    }
    bytes.extend(frame(true, Opcode::Continuation, &[], Some(MASK)));
    bytes
}

const VALID: &[&str] = &[
    "",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\0",
    "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
    "\u{d7ff}\u{e000}\u{fffd}",
    "\u{fffe}\u{ffff}\u{1fffe}\u{10fffe}",
    "短信 👍🏽 שלום",
];

const INVALID: &[(&str, &[u8])] = &[
    ("surrogate after text", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"),
    ("continuation alone", b"\x80"),
    ("last continuation alone", b"\xbf"),
    ("continuations in a row", b"\x80\xbf\x80\xbf\x80\xbf\x80\xbf"),
    ("leads of two bytes without more", b"\xc0\x20\xc1\x20\xc2\x20"),
    ("lead of three bytes without more", b"\xe0\x20"),
    ("lead of four bytes without more", b"\xf0\x20"),
    ("lead of five bytes", b"\xf8\x88\x80\x80\x80"),
    ("lead of six bytes", b"\xfc\x84\x80\x80\x80\x80"),
    ("end inside two bytes", b"\xdf"),
    ("end inside three bytes", b"\xef\xbf"),
    ("end inside four bytes", b"\xf7\xbf\xbf"),
    ("end inside a good four bytes", b"\xf0\x9f\x91"),
    ("byte fe", b"\xfe"),
    ("byte ff", b"\xff"),
    ("slash in two bytes", b"\xc0\xaf"),
    ("slash in three bytes", b"\xe0\x80\xaf"),
    ("slash in four bytes", b"\xf0\x80\x80\xaf"),
    ("greatest overlong in two bytes", b"\xc1\xbf"),
    ("greatest overlong in three bytes", b"\xe0\x9f\xbf"),
    ("greatest overlong in four bytes", b"\xf0\x8f\xbf\xbf"),
    ("zero in two bytes", b"\xc0\x80"),
    ("zero in three bytes", b"\xe0\x80\x80"),
    ("first high surrogate", b"\xed\xa0\x80"),
    ("last high surrogate", b"\xed\xaf\xbf"),
    ("first low surrogate", b"\xed\xb0\x80"),
    ("last low surrogate", b"\xed\xbf\xbf"),
    ("pair of surrogates", b"\xed\xa0\x80\xed\xb0\x80"),
    ("first beyond unicode", b"\xf4\x90\x80\x80"),
    ("far beyond unicode", b"\xf7\xbf\xbf\xbf"),
];

#[test]
fn valid_text_is_taken_in_one_frame_in_fragments_and_byte_by_byte() {
    for text in VALID {
        let said = vec![Said::Text(text.as_bytes().to_vec())];
        let whole = text_frame(text.as_bytes());
        assert_eq!(server().receive(&whole), Ok(said.clone()), "{text:?}");
        let cut = fragments(text.as_bytes());
        assert_eq!(server().receive(&cut), Ok(said.clone()), "{text:?} in fragments");
        for bytes in [whole, cut] {
            let mut server = server();
            let received: Result<Vec<_>, _> = bytes.iter().map(|b| server.receive(&[*b])).collect();
            assert_eq!(received.map(|said| said.concat()), Ok(said.clone()), "{text:?} bytewise");
        }
    }
}

#[test]
fn invalid_text_is_refused_in_one_frame_in_fragments_and_byte_by_byte() {
    for (name, text) in INVALID {
        assert_eq!(WsError::InvalidUtf8.close_code().get(), 1007);
        for bytes in [text_frame(text), fragments(text)] {
            assert_eq!(server().receive(&bytes), Err(WsError::InvalidUtf8), "{name}");
            let mut server = server();
            let received: Result<Vec<_>, _> = bytes.iter().map(|b| server.receive(&[*b])).collect();
            assert_eq!(received, Err(WsError::InvalidUtf8), "{name} bytewise");
        }
    }
}

#[test]
fn binary_messages_may_hold_anything() {
    for (name, body) in INVALID {
        let bytes = frame(true, Opcode::Binary, body, Some(MASK));
        assert_eq!(server().receive(&bytes), Ok(vec![Said::Binary(body.to_vec())]), "{name}");
    }
}

/// Feeds a frame byte by byte and tells how many bytes of its payload were taken before the error.
fn taken_before_refusal(payload: &[u8]) -> usize {
    let bytes = text_frame(payload);
    let mut server = server();
    let refused_at = bytes.iter().position(|byte| server.receive(&[*byte]).is_err());
    refused_at.expect("refused") - (bytes.len() - payload.len())
}

#[test]
fn partial_frame_is_refused_at_the_first_byte_that_cannot_be_mended() {
    assert_eq!(taken_before_refusal(b"\xce\xba\xf4\x90\x80\x80edited"), 3);
    assert_eq!(taken_before_refusal(b"\xce\xba\xed\xa0\x80edited"), 3);
    assert_eq!(taken_before_refusal(b"ab\xc0\xafedited"), 2);
    assert_eq!(taken_before_refusal(b"ab\xe2\x82\x20edited"), 4);
}

#[test]
fn fragmented_text_is_refused_before_its_last_fragment() {
    let mut server = server();
    let first = frame(false, Opcode::Text, b"\xce\xba\xf4", Some(MASK));
    assert_eq!(server.receive(&first), Ok(vec![]));
    let second = frame(false, Opcode::Continuation, b"\x90", Some(MASK));
    assert_eq!(server.receive(&second), Err(WsError::InvalidUtf8));
}

#[test]
fn control_frames_do_not_disturb_a_character_cut_by_fragments() {
    let bytes = [
        frame(false, Opcode::Text, b"\xf0\x9f", Some(MASK)),
        frame(true, Opcode::Ping, b"\xff", Some(MASK)),
        frame(true, Opcode::Continuation, b"\x91\x8d", Some(MASK)),
    ]
    .concat();
    let said = vec![Said::Ping(vec![0xff]), Said::Text("👍".into())];
    assert_eq!(server().receive(&bytes), Ok(said));
}
