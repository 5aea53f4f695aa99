//! Protobuf messages about groups: the bodies of signals, and notices.
//!
//! Field numbers are the interface to clients, as in [`message`](crate::message). Not here: when
//! each is sent (the group backend).

use prost::{Enumeration, Message};

/// Body of [`SignalType::SignInGroup`] and [`SignalType::SignOutGroup`].
///
/// [`SignalType::SignInGroup`]: crate::message::SignalType::SignInGroup
/// [`SignalType::SignOutGroup`]: crate::message::SignalType::SignOutGroup
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalMembers {
    /// Users.
    #[prost(string, repeated, tag = "1")]
    pub uid: Vec<String>,
    /// Group.
    #[prost(int64, tag = "2")]
    pub group: i64,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "3")]
    pub time: u64,
}

/// Body of [`SignalType::DeleteGroup`](crate::message::SignalType::DeleteGroup).
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalDeleteGroup {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "2")]
    pub time: u64,
}

/// Body of the signals 20 to 22: a setting of a group.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalGroupSetting {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Value of the setting, as in the HTTP interface.
    #[prost(int32, tag = "2")]
    pub r#type: i32,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "3")]
    pub time: u64,
}

/// Body of [`SignalType::UpdateGroupMemberType`].
///
/// [`SignalType::UpdateGroupMemberType`]: crate::message::SignalType::UpdateGroupMemberType
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalMemberType {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Member.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// Role: 0 member, 1 admin, 2 owner.
    #[prost(int32, tag = "3")]
    pub r#type: i32,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "4")]
    pub time: u64,
}

/// Body of [`SignalType::UpdateGroupMemberMuteTime`].
///
/// [`SignalType::UpdateGroupMemberMuteTime`]: crate::message::SignalType::UpdateGroupMemberMuteTime
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalMemberMuteTime {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Members.
    #[prost(string, repeated, tag = "2")]
    pub uid: Vec<String>,
    /// End of the mute, Unix milliseconds; 0 for none, `i64::MAX` for never.
    #[prost(int64, tag = "3")]
    pub mute_time: i64,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "4")]
    pub time: u64,
}

/// Body of the signals 25 and 26: name or avatar of a group.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalGroupText {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Name, usually encrypted, or URL of the avatar.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "3")]
    pub time: u64,
}

/// Content of a message of type [`Notice`](crate::message::MsgType::Notice).
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Notice {
    /// Type of the body.
    #[prost(enumeration = "NoticeType", tag = "1")]
    pub r#type: i32,
    /// Encoded [`NoticeText`], [`NoticeMembers`] or [`NoticeSetting`].
    #[prost(bytes = "bytes", tag = "2")]
    pub body: prost::bytes::Bytes,
}

/// Events that clients show within the conversation of a group.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum NoticeType {
    /// New public name: [`NoticeText`].
    UpdateGroupName = 0,
    /// New members, and their inviter: [`NoticeMembers`].
    SignInGroup = 1,
    /// Departure of a member: [`NoticeText`] without text.
    SignOutGroup = 2,
    /// Removal of members: [`NoticeMembers`].
    KickOutGroup = 3,
    /// End of the group: [`NoticeText`] without text.
    DeleteGroup = 4,
    /// Whether all may speak: [`NoticeSetting`].
    UpdateGroupMuted = 5,
    /// Mute of members: [`NoticeMembers`].
    UpdateGroupMemberMutedTime = 6,
    /// New owner, as the operator: [`NoticeText`] without text.
    UpdateGroupOwner = 7,
}

/// Body of a [`Notice`] about one user, and perhaps a text.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct NoticeText {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Operator, or new owner.
    #[prost(string, tag = "2")]
    pub user: String,
    /// Text.
    #[prost(string, tag = "3")]
    pub text: String,
}

/// Body of a [`Notice`] about several members.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct NoticeMembers {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Operator, or inviter.
    #[prost(string, tag = "2")]
    pub operator: String,
    /// Members.
    #[prost(string, repeated, tag = "3")]
    pub members: Vec<String>,
}

/// Body of a [`Notice`] about a setting.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct NoticeSetting {
    /// Group.
    #[prost(int64, tag = "1")]
    pub group: i64,
    /// Operator.
    #[prost(string, tag = "2")]
    pub operator: String,
    /// Value of the setting.
    #[prost(int32, tag = "3")]
    pub r#type: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from the table of fields.
    #[test]
    fn fields_have_the_numbers_that_clients_read() {
        let members = vec!["a".to_owned(), "b".to_owned()];
        let signal = SignalMembers { uid: members.clone(), group: 5, time: 7 };
        assert_eq!(signal.encode_to_vec(), b"\x0a\x01a\x0a\x01b\x10\x05\x18\x07");
        let muted = SignalMemberMuteTime { group: 5, uid: members.clone(), mute_time: 9, time: 7 };
        let expected = b"\x08\x05\x12\x01a\x12\x01b\x18\x09\x20\x07";
        assert_eq!(muted.encode_to_vec(), expected);
        let role = SignalMemberType { group: 5, uid: "a".into(), r#type: 2, time: 7 };
        assert_eq!(role.encode_to_vec(), b"\x08\x05\x12\x01a\x18\x02\x20\x07");
        let body = NoticeMembers { group: 5, operator: "o".into(), members }.encode_to_vec();
        assert_eq!(body, b"\x08\x05\x12\x01o\x1a\x01a\x1a\x01b");
        let notice = Notice { r#type: NoticeType::KickOutGroup as i32, body: body.into() };
        let expected = b"\x08\x03\x12\x0b\x08\x05\x12\x01o\x1a\x01a\x1a\x01b";
        assert_eq!(notice.encode_to_vec(), expected);
    }
}
