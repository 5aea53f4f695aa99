//! Ids of streams.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A stream's id: 128 random bits, by which its holder sends and receives.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct StreamId([u8; 16]);

impl StreamId {
    /// A new id.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }

    /// The id in a path: 22 letters of base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = URL_SAFE_NO_PAD.decode(text).ok()?;
        id.try_into().ok().map(Self)
    }

    pub(crate) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Masked: logs are read by others than the id's holder.
impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_22_letters_and_masked_in_logs() {
        let id = StreamId::random().unwrap();
        let text = id.to_text();
        assert_eq!((text.len(), StreamId::parse(&text)), (22, Some(id)));
        assert_eq!(format!("{id:?}"), "StreamId(..)");
        assert_ne!(StreamId::random().unwrap(), id);
        for bad in ["", "x", &text[1..], &format!("{text}A"), "////////////////////++"] {
            assert_eq!(StreamId::parse(bad), None, "{bad}");
        }
    }
}
