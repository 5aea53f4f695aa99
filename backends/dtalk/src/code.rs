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
    /// Message empty, in the protocol of generation 2.
    pub const MESSAGE_EMPTY: Self = Self(-10500);
    /// Group banned by an administrator.
    pub const GROUP_BANNED: Self = Self(-10001);
    /// Group disbanded.
    pub const GROUP_DISBANDED: Self = Self(-10002);
    /// Group, or the number of groups of a user, at its maximum.
    pub const GROUP_FULL: Self = Self(-10003);
    /// Joining, inviting, and changing a group of the organisation.
    pub const INVITE_NOT_PERMITTED: Self = Self(-10005);
    /// Admins and the owner only.
    pub const NEEDS_ADMIN: Self = Self(-10012);
    /// Caller is not a member of the group.
    pub const NOT_IN_GROUP: Self = Self(-10015);
    /// Other user is not a member of the group.
    pub const OTHER_NOT_IN_GROUP: Self = Self(-10016);
    /// Ownership passed to its holder.
    pub const TRANSFER_TO_SELF: Self = Self(-10017);
    /// Maximum number of admins reached.
    pub const TOO_MANY_ADMINS: Self = Self(-10019);
    /// Unknown group.
    pub const GROUP_UNKNOWN: Self = Self(-10020);
    /// Role of the other user is not below the caller's.
    pub const NEEDS_HIGHER_ROLE: Self = Self(-10021);
    /// Owners pass ownership on, or disband.
    pub const OWNER_CANNOT_EXIT: Self = Self(-10022);
    /// Disbanding is the owner's.
    pub const ONLY_OWNER_DISBANDS: Self = Self(-10024);
    /// Passing ownership on is the owner's.
    pub const ONLY_OWNER_TRANSFERS: Self = Self(-10025);
    /// Appointing admins is the owner's.
    pub const ONLY_OWNER_SETS_ADMINS: Self = Self(-10026);
    /// Owners and admins cannot be muted.
    pub const ADMIN_CANNOT_BE_MUTED: Self = Self(-10027);
    /// Application accepted or refused before.
    pub const APPLICATION_DECIDED: Self = Self(-10028);
    /// Caller is a member already.
    pub const ALREADY_IN_GROUP: Self = Self(-10029);
    /// Unknown application.
    pub const APPLICATION_UNKNOWN: Self = Self(-10030);

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
            -10500 => "message is empty",
            -5001 => "message not sent",
            -10001 => "group is banned",
            -10002 => "group was disbanded",
            -10003 => "group is full",
            -10005 => "not permitted in this group",
            -10012 => "only admins and the owner may do this",
            -10015 => "you are not in the group",
            -10016 => "this user is not in the group",
            -10017 => "you are the owner already",
            -10019 => "too many admins",
            -10020 => "group does not exist",
            -10021 => "this member has the same role, or a higher one",
            -10022 => "the owner cannot leave the group",
            -10024 => "only the owner may disband the group",
            -10025 => "only the owner may pass ownership on",
            -10026 => "only the owner may appoint admins",
            -10027 => "owner and admins cannot be muted",
            -10028 => "application was decided before",
            -10029 => "you are in the group already",
            -10030 => "application does not exist",
            _ => "internal error",
        }
    }
}
