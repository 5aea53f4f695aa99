//! Body of a close frame (RFC 6455 section 5.5.1).

use std::borrow::Cow;

use super::code::CloseCode;
use super::error::WsError;
use super::frame::MAX_CONTROL_LEN;

/// The longest reason that fits a close frame beside its code.
pub const MAX_REASON_LEN: usize = MAX_CONTROL_LEN - 2;

/// Content of a close frame with a body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CloseReason<'a> {
    /// Close code.
    pub code: CloseCode,
    /// Human-readable reason; often empty.
    pub reason: Cow<'a, str>,
}

impl<'a> CloseReason<'a> {
    /// Parses the unmasked body of a close frame; `None` for an empty one.
    pub(super) fn parse(body: Cow<'a, [u8]>) -> Result<Option<Self>, WsError> {
        let code = match *body {
            [] => return Ok(None),
            [_] => return Err(WsError::TruncatedCloseCode),
            [high, low, ..] => u16::from_be_bytes([high, low]),
        };
        let code = CloseCode::new(code).ok_or(WsError::InvalidCloseCode(code))?;
        let reason = match body {
            Cow::Borrowed(body) => std::str::from_utf8(&body[2..]).map(Cow::Borrowed),
            Cow::Owned(body) => std::str::from_utf8(&body[2..]).map(|text| text.to_owned().into()),
        };
        Ok(Some(Self { code, reason: reason.map_err(|_| WsError::InvalidUtf8)? }))
    }
}

/// Appends the body of a close frame: the code, and the reason, truncated to fit.
pub fn write_close_body(out: &mut Vec<u8>, code: CloseCode, reason: &str) {
    out.extend_from_slice(&code.get().to_be_bytes());
    out.extend_from_slice(fitting(reason).as_bytes());
}

/// The longest prefix of a reason that fits a close frame.
pub(super) fn fitting(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_LEN)]
}
