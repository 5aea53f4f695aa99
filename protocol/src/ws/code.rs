//! Close codes (RFC 6455 section 7.4).

use std::fmt;

/// A close code that may appear on the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The endpoint is going away: a server shuts down, a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// The peer sent a kind of data that is not accepted here.
    pub const UNSUPPORTED: Self = Self(1003);
    /// A message does not fit its type: text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A message breaks a rule of this endpoint.
    pub const POLICY: Self = Self(1008);
    /// A message is too large.
    pub const TOO_LARGE: Self = Self(1009);
    /// The server met a condition that keeps it from continuing.
    pub const INTERNAL: Self = Self(1011);
    /// The server restarts; the client should reconnect.
    pub const RESTART: Self = Self(1012);
    /// The server is overloaded; the client should try again later.
    pub const TRY_AGAIN: Self = Self(1013);

    /// The code, if section 7.4 and its registry allow sending it.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}
