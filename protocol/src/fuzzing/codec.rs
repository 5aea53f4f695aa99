//! Target for the codecs of all dialects.

use crate::codec::{Delivery, Input, Output, Step};
use crate::comet::{Class, Seq};
use crate::{Dialect, Framing};

const MAX_BODY: usize = 65_536;

/// Decoded data lies within the input, and frames that cannot be understood are answered; a
/// delivery with the input as its body has its number at the offset given by the codec, and is
/// otherwise the same for any number.
///
/// # Panics
///
/// If a codec is wrong.
pub fn codec(data: &[u8]) {
    for dialect in Dialect::ALL {
        let codec = dialect.codec();
        if let Ok(Step::Frame { input, len }) = codec.decode(data, MAX_BODY) {
            assert!(len <= data.len(), "{dialect:?}");
            if let Input::Misunderstood { id, problem } = input {
                let mut out = Vec::new();
                codec.encode(&Output::Misunderstood { id, problem }, &mut out);
                assert!(!out.is_empty(), "{dialect:?}");
            }
        }
        for framing in [Framing::Stream, Framing::Messages] {
            let written = |seq| {
                let room = str::from_utf8(data).ok();
                let (class, seq) = (Class::Acked, Seq::new(seq));
                let delivery =
                    Delivery { class, seq, key: None, room, is_text: room.is_some(), body: data };
                let mut bytes = Vec::new();
                let place = codec.delivery(framing, &delivery, &mut |part| {
                    bytes.extend_from_slice(part);
                });
                (bytes, place)
            };
            let ((mut bytes, place), (other, _)) = (written(0), written(77));
            if let Some(at) = place.seq_at {
                codec.abilities().seq.write(&mut bytes, at, 77);
            }
            assert_eq!(bytes, other, "{dialect:?}");
        }
    }
}
