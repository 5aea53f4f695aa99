//! The protobuf messages that dtalk clients exchange inside frames (generation 1).
//!
//! Field numbers and names are the clients' interface. Encoding writes fields in ascending order,
//! which one client depends on when it reads [`CommonAck`].

use prost::{Enumeration, Message};

/// The envelope in the body of ops 7, 8 and 9.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Proto {
    /// What `body` holds.
    #[prost(enumeration = "EventType", tag = "1")]
    pub event_type: i32,
    /// An encoded [`Common`], [`CommonAck`] or [`Signal`].
    #[prost(bytes = "bytes", tag = "2")]
    pub body: prost::bytes::Bytes,
}

/// What a [`Proto`] holds.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum EventType {
    /// A message: [`Common`].
    Common = 0,
    /// The answer to a sender: [`CommonAck`].
    CommonAck = 1,
    /// A [`Signal`].
    Signal = 2,
    /// Reserved by the clients.
    SysNotice = 3,
}

/// A message between users or to a group.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Common {
    /// To a user or to a group.
    #[prost(enumeration = "Channel", tag = "1")]
    pub channel_type: i32,
    /// The server's id of the message; clients send 0.
    #[prost(int64, tag = "2")]
    pub log_id: i64,
    /// The client's id of the message; with the sender it identifies a repeat.
    #[prost(string, tag = "3")]
    pub msg_id: String,
    /// The sender's address; the server overwrites it.
    #[prost(string, tag = "4")]
    pub from: String,
    /// The receiver's address, or the group id in decimal.
    #[prost(string, tag = "5")]
    pub target: String,
    /// A [`MsgType`].
    #[prost(int32, tag = "6")]
    pub msg_type: i32,
    /// The content, usually encrypted: never parsed here, returned byte for byte.
    #[prost(bytes = "bytes", tag = "7")]
    pub msg: prost::bytes::Bytes,
    /// Server time in milliseconds; the server overwrites it.
    #[prost(uint64, tag = "8")]
    pub datetime: u64,
    /// Where a forwarded message came from.
    #[prost(message, optional, tag = "9")]
    pub source: Option<Source>,
    /// The message this one answers.
    #[prost(message, optional, tag = "10")]
    pub reference: Option<Reference>,
}

/// To whom a [`Common`] goes.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum Channel {
    /// To one user.
    ToUser = 0,
    /// To the members of a group.
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
    /// A sound.
    Audio = 2,
    /// A picture.
    Image = 3,
    /// A film.
    Video = 4,
    /// A file.
    File = 5,
    /// A bank card.
    Card = 6,
    /// Server only: something happened in a group.
    Notice = 7,
    /// Forwarded messages.
    Forward = 8,
    /// Kept by clients, refused by the server.
    RtcCall = 9,
    /// A transfer of coins.
    Transfer = 10,
    /// Refused from clients.
    Collect = 11,
    /// A red packet.
    RedPacket = 12,
    /// A contact card.
    ContactCard = 13,
}

/// Origin of a forwarded message.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Source {
    /// Whether it came from a user or a group.
    #[prost(enumeration = "Channel", tag = "1")]
    pub channel_type: i32,
    /// Who wrote it.
    #[prost(message, optional, tag = "2")]
    pub from: Option<SourceUser>,
    /// To whom it went.
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

/// Which message is answered.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Reference {
    /// The first message of the thread.
    #[prost(int64, tag = "1")]
    pub topic: i64,
    /// The quoted message.
    #[prost(int64, tag = "2")]
    pub r#ref: i64,
}

/// The answer to a sender: id and time of the stored message.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct CommonAck {
    /// The server's id of the message.
    #[prost(int64, tag = "2")]
    pub log_id: i64,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "8")]
    pub datetime: u64,
}

/// Plain text content of a [`Common`] with [`MsgType::Text`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Text {
    /// The text.
    #[prost(string, tag = "1")]
    pub content: String,
    /// Addresses, or the literal `ALL`.
    #[prost(string, repeated, tag = "2")]
    pub mention: Vec<String>,
}

/// A server-made event for clients.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Signal {
    /// A [`SignalType`].
    #[prost(enumeration = "SignalType", tag = "1")]
    pub r#type: i32,
    /// The encoded event.
    #[prost(bytes = "bytes", tag = "2")]
    pub body: prost::bytes::Bytes,
    /// The server's id of the signal.
    #[prost(int64, tag = "3")]
    pub sid: i64,
    /// Whether it is kept until a phone acknowledges it.
    #[prost(bool, tag = "4")]
    pub reliable: bool,
}

/// Kinds of [`Signal`] used so far.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum SignalType {
    /// Messages were received on a phone: [`SignalReceived`].
    Received = 0,
    /// A message was revoked: [`SignalRevoke`].
    Revoke = 1,
    /// Someone marked a message: [`SignalFocus`].
    FocusMessage = 13,
    /// Another device of the user logged in: [`SignalEndpointLogin`].
    EndpointLogin = 14,
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
    /// The revoked message.
    #[prost(int64, tag = "1")]
    pub mid: i64,
    /// Who revoked it.
    #[prost(string, tag = "2")]
    pub operator: String,
    /// Whether that was its sender.
    #[prost(bool, tag = "3")]
    pub by_sender: bool,
}

/// Body of [`SignalType::FocusMessage`].
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalFocus {
    /// The marked message.
    #[prost(int64, tag = "1")]
    pub mid: i64,
    /// Who marked it.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// How many have marked it.
    #[prost(int32, tag = "3")]
    pub current_num: i32,
    /// Server time in milliseconds.
    #[prost(uint64, tag = "4")]
    pub time: u64,
}

/// Body of [`SignalType::EndpointLogin`], and of a refused reconnect's auth reply.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct SignalEndpointLogin {
    /// The device's uuid.
    #[prost(string, tag = "1")]
    pub uuid: String,
    /// The device's type.
    #[prost(enumeration = "Device", tag = "2")]
    pub device: i32,
    /// The device's name.
    #[prost(string, tag = "3")]
    pub device_name: String,
    /// When it logged in, milliseconds.
    #[prost(uint64, tag = "4")]
    pub datetime: u64,
}

/// `AuthMsg.ext` of dtalk clients: the device that logs in.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Login {
    /// The device's type.
    #[prost(enumeration = "Device", tag = "1")]
    pub device: i32,
    /// The user's display name.
    #[prost(string, tag = "2")]
    pub username: String,
    /// Token of the vendor's push service.
    #[prost(string, tag = "3")]
    pub device_token: String,
    /// A first login or an automatic one.
    #[prost(enumeration = "ConnType", tag = "4")]
    pub conn_type: i32,
    /// Identifies the device.
    #[prost(string, tag = "5")]
    pub uuid: String,
    /// The device's name.
    #[prost(string, tag = "6")]
    pub device_name: String,
}

/// Device types.
#[derive(Clone, Copy, Debug, Enumeration, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum Device {
    /// A phone.
    Android = 0,
    /// A phone.
    Ios = 1,
    /// A desktop.
    Windows = 2,
    /// A desktop.
    Linux = 3,
    /// A desktop.
    MacOs = 4,
    /// A browser.
    Web = 5,
}

impl Device {
    /// The device type with this name, in any case, as the header `FZM-DEVICE` has it.
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

    /// Phones get replay at login, and only their acks count as "received".
    #[must_use]
    pub const fn is_phone(self) -> bool {
        matches!(self, Self::Android | Self::Ios)
    }
}

/// Why a client logs in.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum ConnType {
    /// By the user's own act: always wins.
    Connect = 0,
    /// By itself: refused on a phone that is no longer the newest.
    Reconnect = 1,
}

/// A frame in protobuf form, as `/record/push2` receives it.
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
    /// An encoded [`Proto`].
    #[prost(bytes = "bytes", tag = "5")]
    pub body: prost::bytes::Bytes,
}
