//! Incremental UTF-8 validation (RFC 6455 section 8.1).

use super::WsError;

/// Length of the prefix of a growing text that is known to be valid.
///
/// The text itself is held by the message, so an incomplete character needs no buffer of its own:
/// its bytes, three at most, are checked again when more have arrived.
#[derive(Debug, Default)]
pub(super) struct Utf8Progress {
    checked: usize,
}

impl Utf8Progress {
    /// Checks the bytes appended to `text` since the last call, and refuses the text at the first
    /// byte that no continuation could make valid.
    pub(super) fn advance(&mut self, text: &[u8]) -> Result<(), WsError> {
        let fresh = text.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(fresh) {
            Ok(_) => self.checked = text.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(WsError::InvalidUtf8),
        }
        Ok(())
    }

    /// Refuses a text that ends inside a character.
    pub(super) fn finish(&self, text: &[u8]) -> Result<(), WsError> {
        if self.checked == text.len() { Ok(()) } else { Err(WsError::InvalidUtf8) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    /// Pieces of characters, valid and invalid, so that random texts are nearly valid.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => any::<char>().prop_map(|char| char.to_string().into_bytes()),
            4 => "[a-z]{0,20}".prop_map(String::into_bytes),
            1 => vec(any::<u8>(), 1..4),
            1 => Just(b"\xed\xa0\x80".to_vec()),
            1 => Just(b"\xf4\x90".to_vec()),
            1 => Just(b"\xe0\x80".to_vec()),
            1 => Just(b"\xf0\x9f\x91".to_vec()),
        ]
    }

    /// Verdict of std on a whole prefix: whether some continuation could make it valid.
    fn can_be_mended(prefix: &[u8]) -> bool {
        std::str::from_utf8(prefix).map_or_else(|error| error.error_len().is_none(), |_| true)
    }

    proptest! {
        #[test]
        fn growing_text_is_judged_as_std_judges_each_prefix(
            pieces in vec(piece(), 0..12),
            cuts in vec(any::<Index>(), 0..8),
        ) {
            let text = pieces.concat();
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            ends.sort_unstable();
            ends.push(text.len());
            let mut progress = Utf8Progress::default();
            for end in ends {
                let prefix = &text[..end];
                prop_assert_eq!(progress.advance(prefix).is_ok(), can_be_mended(prefix));
                if !can_be_mended(prefix) {
                    return Ok(());
                }
                let is_whole = std::str::from_utf8(prefix).is_ok();
                prop_assert_eq!(progress.finish(prefix).is_ok(), is_whole);
                prop_assert!(prefix.len() - progress.checked < 4, "looks at little again");
            }
        }
    }
}
