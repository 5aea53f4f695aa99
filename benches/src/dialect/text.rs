//! Bodies as base64, for dialects that buffer text only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::DialectError;

/// Bodies up to this length need no memory of their own.
const SHORT: usize = 3_072;

/// Lends out the bytes that a text stands for.
pub(super) fn decode<T>(text: &[u8], take: impl FnOnce(&[u8]) -> T) -> Result<T, DialectError> {
    let unreadable = |_| DialectError::Unreadable { what: "base64", len: text.len() };
    if text.len() <= SHORT {
        let mut short = [0; SHORT];
        let len = STANDARD.decode_slice(text, &mut short).map_err(|error| match error {
            base64::DecodeSliceError::DecodeError(error) => unreadable(error),
            base64::DecodeSliceError::OutputSliceTooSmall => {
                DialectError::Unreadable { what: "base64", len: text.len() }
            }
        })?;
        return Ok(take(&short[..len]));
    }
    STANDARD.decode(text).map(|body| take(&body)).map_err(unreadable)
}

/// Lends out the text that stands for a body.
pub(super) fn encode<T>(body: &[u8], take: impl FnOnce(&[u8]) -> T) -> T {
    take(STANDARD.encode(body).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_bodies_survive_the_way_through_text() {
        for len in [0, 1, 128, SHORT, 10_000] {
            let body: Vec<u8> = (0..=250).cycle().take(len).collect();
            let back = encode(&body, |text| decode(text, <[u8]>::to_vec));
            assert_eq!(back, Ok(body));
        }
        assert_eq!(encode(b"\xff\x00", <[u8]>::to_vec), b"/wA=");
        for bad in [&b"/wA"[..], b"\xff\xff\xff\xff", b"a=bc"] {
            assert!(matches!(decode(bad, |_| ()), Err(DialectError::Unreadable { .. })), "{bad:?}");
        }
    }
}
