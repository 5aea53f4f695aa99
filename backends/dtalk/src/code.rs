//! Result codes of the HTTP envelope, as known to existing clients.

/// Result code: 0 is success, any other value is shown to the user with its message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize)]
pub struct Code(pub i32);

impl Code {
    /// Success.
    pub const OK: Self = Self(0);
    /// Server failure; also returned for a refused revoke or focus.
    pub const INTERNAL: Self = Self(-1000);
    /// Failed query.
    pub const QUERY_FAILED: Self = Self(-1001);
    /// Failed update.
    pub const UPDATE_FAILED: Self = Self(-1002);
    /// Token missing, malformed or with a wrong signature.
    pub const SIGNATURE_INVALID: Self = Self(-1010);
    /// Token expired.
    pub const SIGNATURE_EXPIRED: Self = Self(-1011);
    /// Parameter missing or out of range.
    pub const BAD_PARAMETERS: Self = Self(-1012);
    /// Token not usable here.
    pub const TOKEN: Self = Self(-1014);
    /// Unknown device type.
    pub const DEVICE_TYPE: Self = Self(-1015);
    /// Reconnect refused: another phone of this user logged in later.
    pub const RECONNECT_NOT_ALLOWED: Self = Self(-1016);
    /// Feature not supported.
    pub const UNSUPPORTED: Self = Self(-2000);
    /// Message not sent.
    pub const MESSAGE_NOT_SENT: Self = Self(-5001);
    /// Caller is not a member of the group.
    pub const NOT_IN_GROUP: Self = Self(-10015);
    /// Unknown group.
    pub const GROUP_UNKNOWN: Self = Self(-10020);

    /// Message for the code in the envelope; empty for success.
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
