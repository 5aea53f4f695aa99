//! Result codes of the HTTP envelope, as existing clients know them.

/// A result code: 0 is success, everything else is shown with its message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize)]
pub struct Code(pub i32);

impl Code {
    /// Success.
    pub const OK: Self = Self(0);
    /// The server failed; also what a refused revoke or focus answers.
    pub const INTERNAL: Self = Self(-1000);
    /// A query failed.
    pub const QUERY_FAILED: Self = Self(-1001);
    /// An update failed.
    pub const UPDATE_FAILED: Self = Self(-1002);
    /// The token is missing, malformed or wrongly signed.
    pub const SIGNATURE_INVALID: Self = Self(-1010);
    /// The token is too old.
    pub const SIGNATURE_EXPIRED: Self = Self(-1011);
    /// A parameter is missing or out of its range.
    pub const BAD_PARAMETERS: Self = Self(-1012);
    /// The token cannot be used here.
    pub const TOKEN: Self = Self(-1014);
    /// The device type is unknown.
    pub const DEVICE_TYPE: Self = Self(-1015);
    /// Another phone of this user logged in later.
    pub const RECONNECT_NOT_ALLOWED: Self = Self(-1016);
    /// The feature is not offered.
    pub const UNSUPPORTED: Self = Self(-2000);
    /// The message was not sent.
    pub const MESSAGE_NOT_SENT: Self = Self(-5001);
    /// The caller is not in the group.
    pub const NOT_IN_GROUP: Self = Self(-10015);
    /// There is no such group.
    pub const GROUP_UNKNOWN: Self = Self(-10020);

    /// The text that goes with the code in the envelope; empty for success.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self.0 {
            0 => "",
            -1001 => "query failed",
            -1002 => "update failed",
            -1010 => "signature invalid",
            -1011 => "signature expired",
            -1012 => "bad parameters",
            -1014 => "token error",
            -1015 => "unknown device type",
            -1016 => "reconnect not allowed: another device logged in",
            -2000 => "feature not supported",
            -5001 => "message not sent",
            -10015 => "you are not in the group",
            -10020 => "group does not exist",
            _ => "internal error",
        }
    }
}
