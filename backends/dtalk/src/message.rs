//! Protobuf messages that dtalk clients exchange inside frames (generation 1).
//!
//! Field numbers and names are the interface to clients. Encoding writes fields in ascending order,
//! as required by one client when it reads [`CommonAck`].

use prost::{Enumeration, Message};

/// Envelope in the body of ops 7, 8 and 9.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Proto {
    /// Type of `body`.
    #[prost(enumeration = "EventType", tag = "1")]
    pub event_type: i32,
    /// Encoded [`Common`], [`CommonAck`] or [`Signal`].
    #[prost(bytes = "bytes", tag = "2")]
    pub body: prost::bytes::Bytes,
}

/// Type of the content of a [`Proto`].
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum EventType {
    /// A message: [`Common`].
    Common = 0,
    /// Answer to the sender: [`CommonAck`].
    CommonAck = 1,
    /// A [`Signal`].
    Signal = 2,
    /// Reserved by clients.
    SysNotice = 3,
}

/// Message between users or to a group.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Common {
    /// Kind of receiver: a user or a group.
    #[prost(enumeration = "Channel", tag = "1")]
    pub channel_type: i32,
    /// Message id of the server; clients send 0.
    #[prost(int64, tag = "2")]
    pub log_id: i64,
    /// Message id of the client; together with the sender it identifies a repeat.
    #[prost(string, tag = "3")]
    pub msg_id: String,
    /// Address of the sender; overwritten by the server.
    #[prost(string, tag = "4")]
    pub from: String,
    /// Address of the receiver, or the group id in decimal.
    #[prost(string, tag = "5")]
    pub target: String,
    /// [`MsgType`] of the content.
    #[prost(int32, tag = "6")]
    pub msg_type: i32,
    /// Content, usually encrypted: never parsed here, returned byte for byte.
    #[prost(bytes = "bytes", tag = "7")]
    pub msg: prost::bytes::Bytes,
    /// Server time in milliseconds; overwritten by the server.
    #[prost(uint64, tag = "8")]
    pub datetime: u64,
    /// Origin of a forwarded message.
    #[prost(message, optional, tag = "9")]
    pub source: Option<Source>,
    /// Message that this one answers.
    #[prost(message, optional, tag = "10")]
    pub reference: Option<Reference>,
}

/// Kind of receiver of a [`Common`].
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum Channel {
    /// One user.
    ToUser = 0,
    /// The members of a group.
    ToGroup = 1,
}

/// Kinds of message content.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum MsgType {
    /// Server only.
    System = 0,
    /// Text with mentions.
    Text = 1,
    /// Audio.
    Audio = 2,
    /// Image.
    Image = 3,
    /// Video.
    Video = 4,
    /// File.
    File = 5,
    /// Bank card.
    Card = 6,
    /// Server only: an event in a group.
    Notice = 7,
    /// Forwarded messages.
    Forward = 8,
    /// Stored by clients, refused by the server.
    RtcCall = 9,
    /// Transfer of coins.
    Transfer = 10,
    /// Refused from clients.
    Collect = 11,
    /// Red packet.
    RedPacket = 12,
    /// Contact card.
    ContactCard = 13,
}

/// Origin of a forwarded message.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Source {
    /// Kind of origin: a user or a group.
    #[prost(enumeration = "Channel", tag = "1")]
    pub channel_type: i32,
    /// Author.
    #[prost(message, optional, tag = "2")]
    pub from: Option<SourceUser>,
    /// Original receiver.
    #[prost(message, optional, tag = "3")]
    pub target: Option<SourceUser>,
}

/// One end of a [`Source`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SourceUser {
    /// Address or group id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Display name.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// Reference to the answered message.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Reference {
    /// First message of the thread.
    #[prost(int64, tag = "1")]
    pub topic: i64,
    /// Quoted message.
    #[prost(int64, tag = "2")]
    pub r#ref: i64,
}

/// Answer to the sender: id and time of the stored message.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct CommonAck {
    /// Message id of the server.
    #[prost(int64, tag = "2")]
    pub log_id: i64,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "8")]
    pub datetime: u64,
}

/// Plain text content of a [`Common`] with [`MsgType::Text`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Text {
    /// Text.
    #[prost(string, tag = "1")]
    pub content: String,
    /// Addresses, or the literal `ALL`.
    #[prost(string, repeated, tag = "2")]
    pub mention: Vec<String>,
}

/// Event for clients, made by the server.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Signal {
    /// [`SignalType`] of the event.
    #[prost(enumeration = "SignalType", tag = "1")]
    pub r#type: i32,
    /// Encoded event.
    #[prost(bytes = "bytes", tag = "2")]
    pub body: prost::bytes::Bytes,
    /// Signal id of the server.
    #[prost(int64, tag = "3")]
    pub sid: i64,
    /// Whether it is kept until acknowledged by a phone.
    #[prost(bool, tag = "4")]
    pub reliable: bool,
}

/// Kinds of [`Signal`] used so far.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum SignalType {
    /// Receipt of messages on a phone: [`SignalReceived`].
    Received = 0,
    /// Revocation of a message: [`SignalRevoke`].
    Revoke = 1,
    /// New members of a group: [`SignalMembers`](crate::group::SignalMembers).
    SignInGroup = 10,
    /// Members that left a group, or were removed: [`SignalMembers`](crate::group::SignalMembers).
    SignOutGroup = 11,
    /// End of a group: [`SignalDeleteGroup`](crate::group::SignalDeleteGroup).
    DeleteGroup = 12,
    /// Mark on a message: [`SignalFocus`].
    FocusMessage = 13,
    /// Login on another device of the user: [`SignalEndpointLogin`].
    EndpointLogin = 14,
    /// Way to join a group: [`SignalGroupSetting`](crate::group::SignalGroupSetting).
    UpdateGroupJoinType = 20,
    /// Whether its members may become friends: like the join type.
    UpdateGroupFriendType = 21,
    /// Whether all members may speak: like the join type.
    UpdateGroupMuteType = 22,
    /// Role of a member: [`SignalMemberType`](crate::group::SignalMemberType).
    UpdateGroupMemberType = 23,
    /// End of the mute of members: [`SignalMemberMuteTime`](crate::group::SignalMemberMuteTime).
    UpdateGroupMemberMuteTime = 24,
    /// Name of a group: [`SignalGroupText`](crate::group::SignalGroupText).
    UpdateGroupName = 25,
    /// Avatar of a group: [`SignalGroupText`](crate::group::SignalGroupText).
    UpdateGroupAvatar = 26,
    /// Somebody writes a message: [`SignalTyping`]. In the comet dialect only, in both directions.
    Typing = 60,
}

/// Body of [`SignalType::Received`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalReceived {
    /// Ids of the received messages.
    #[prost(int64, repeated, tag = "1")]
    pub logs: Vec<i64>,
}

/// Body of [`SignalType::Revoke`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalRevoke {
    /// Revoked message.
    #[prost(int64, tag = "1")]
    pub mid: i64,
    /// User that revoked it.
    #[prost(string, tag = "2")]
    pub operator: String,
    /// Whether that user is its sender.
    #[prost(bool, tag = "3")]
    pub by_sender: bool,
}

/// Body of [`SignalType::FocusMessage`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalFocus {
    /// Marked message.
    #[prost(int64, tag = "1")]
    pub mid: i64,
    /// User that marked it.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// Number of users that have marked it.
    #[prost(int32, tag = "3")]
    pub current_num: i32,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "4")]
    pub time: u64,
}

/// Body of [`SignalType::Typing`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalTyping {
    /// Kind of receiver: a user or a group.
    #[prost(enumeration = "Channel", tag = "1")]
    pub channel_type: i32,
    /// Address of the receiver, or the group id in decimal.
    #[prost(string, tag = "2")]
    pub target: String,
    /// Address of the one that writes; overwritten by the server.
    #[prost(string, tag = "3")]
    pub from: String,
    /// Whether the writing has ended without a message.
    #[prost(bool, tag = "4")]
    pub ended: bool,
    /// Server time in milliseconds: a mark older than a message of its author is outdated.
    #[prost(uint64, tag = "5")]
    pub datetime: u64,
}

/// Body of [`SignalType::EndpointLogin`], and of the auth reply to a refused reconnect.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalEndpointLogin {
    /// Device uuid.
    #[prost(string, tag = "1")]
    pub uuid: String,
    /// Device type.
    #[prost(enumeration = "Device", tag = "2")]
    pub device: i32,
    /// Device name.
    #[prost(string, tag = "3")]
    pub device_name: String,
    /// Login time, milliseconds.
    #[prost(uint64, tag = "4")]
    pub datetime: u64,
}

/// `AuthMsg.ext` of dtalk clients: the device of the login.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Login {
    /// Device type.
    #[prost(enumeration = "Device", tag = "1")]
    pub device: i32,
    /// Display name of the user.
    #[prost(string, tag = "2")]
    pub username: String,
    /// Token of the vendor's push service.
    #[prost(string, tag = "3")]
    pub device_token: String,
    /// Manual or automatic login.
    #[prost(enumeration = "ConnType", tag = "4")]
    pub conn_type: i32,
    /// Device uuid.
    #[prost(string, tag = "5")]
    pub uuid: String,
    /// Device name.
    #[prost(string, tag = "6")]
    pub device_name: String,
}

/// Device types.
#[derive(Clone, Copy, Debug, Enumeration, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum Device {
    /// Phone.
    Android = 0,
    /// Phone.
    Ios = 1,
    /// Desktop.
    Windows = 2,
    /// Desktop.
    Linux = 3,
    /// Desktop.
    MacOs = 4,
    /// Browser.
    Web = 5,
}

impl Device {
    /// Device type with this name, case-insensitive, as in the header `FZM-DEVICE`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, Device); 6] = [
            ("Android", Device::Android),
            ("IOS", Device::Ios),
            ("Windows", Device::Windows),
            ("Linux", Device::Linux),
            ("MacOS", Device::MacOs),
            ("Web", Device::Web),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, device)| device)
    }

    /// Whether it is a phone: phones get a replay at login, and only their acks count as
    /// "received".
    #[must_use]
    pub const fn is_phone(self) -> bool {
        matches!(self, Self::Android | Self::Ios)
    }
}

/// Reason of a login.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum ConnType {
    /// Manual: always wins.
    Connect = 0,
    /// Automatic: refused on a phone that is no longer the newest.
    Reconnect = 1,
}

/// Frame in protobuf form, as received by `/record/push2`.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct FrameProto {
    /// Protocol version.
    #[prost(int32, tag = "1")]
    pub ver: i32,
    /// Operation.
    #[prost(int32, tag = "2")]
    pub op: i32,
    /// Sequence number.
    #[prost(int32, tag = "3")]
    pub seq: i32,
    /// Acknowledged sequence number.
    #[prost(int32, tag = "4")]
    pub ack: i32,
    /// Encoded [`Proto`].
    #[prost(bytes = "bytes", tag = "5")]
    pub body: prost::bytes::Bytes,
}
