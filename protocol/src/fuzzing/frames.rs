//! Targets for the packet heads and the auth body.

use crate::head::{self, Layout};
use crate::{AuthMsg, DecodeError, Decoder, Frame, frames_of};

const MAX_BODY: usize = 256;

/// A stream decodes the same at once and in pieces, within the limit, and re-encodes to the same
/// bytes.
///
/// The first byte is the length of the pieces.
///
/// # Panics
///
/// If the decoder is wrong.
pub fn frames(data: &[u8]) {
    let [piece, stream @ ..] = data else { return };
    let detected = head::detect(stream);
    for layout in [Layout::Dtalk, Layout::Goim] {
        let at_once = decode(layout, stream, stream.len().max(1));
        assert_eq!(at_once, decode(layout, stream, usize::from(*piece) + 1));
        let (frames, error) = at_once;
        let mut written = Vec::new();
        for frame in &frames {
            assert!(frame.body.len() <= MAX_BODY);
            assert_eq!(detected, Ok(Some(layout)), "the first head tells the layout");
            frame.write(layout, &mut written);
        }
        assert_eq!(written, stream[..written.len()]);
        let of_message = frames_of(layout, stream, MAX_BODY);
        match error {
            Some(error) => assert_eq!(of_message, Err(error)),
            None if written.len() == stream.len() => assert_eq!(of_message, Ok(frames)),
            None => assert!(matches!(of_message, Err(DecodeError::Truncated { .. }))),
        }
    }
}

fn decode(layout: Layout, stream: &[u8], len: usize) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new(layout, MAX_BODY);
    let mut frames = Vec::new();
    for piece in stream.chunks(len) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(decoder.buffered() < head::MAX_HEAD + MAX_BODY);
    }
    (frames, None)
}

/// An auth body has the same meaning after encoding and decoding again.
///
/// # Panics
///
/// If the parser is wrong.
pub fn auth(data: &[u8]) {
    if let Ok(auth) = AuthMsg::parse(data) {
        assert_eq!(AuthMsg::parse(&auth.to_vec()), Ok(auth));
    }
}
