//! UTF-8 checked while it arrives (RFC 6455 section 8.1).

use super::WsError;

/// How much of a growing text is known to be whole characters.
///
/// The text itself is held by the message, so a character that is only half there needs no buffer
/// of its own: it is looked at again, three bytes at most, when more has arrived.
#[derive(Debug, Default)]
pub(super) struct Utf8Progress {
    checked: usize,
}

impl Utf8Progress {
    /// Checks what was appended to `text` since the last call, and refuses it at the first byte
    /// that no continuation could mend.
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
