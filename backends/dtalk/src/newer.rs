//! Message of the newer protocol (generation 2), which clients send over HTTP.

use prost::Message;

use crate::message::{Channel, Common, Reference, Source};

/// Message between users or to a group in the protocol of generation 2, as sent over HTTP.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct NewerMessage {
    /// Kind of receiver: a user or a group.
    #[prost(enumeration = "Channel", tag = "1")]
    pub channel_type: i32,
    /// Message id of the server, in decimal; clients send none.
    #[prost(string, tag = "2")]
    pub mid: String,
    /// Message id of the client; together with the sender it identifies a repeat.
    #[prost(string, tag = "3")]
    pub cid: String,
    /// Address of the sender; overwritten by the server.
    #[prost(string, tag = "4")]
    pub from: String,
    /// Address of the receiver, or the group id in decimal.
    #[prost(string, tag = "5")]
    pub target: String,
    /// [`MsgType`](crate::message::MsgType) of the content.
    #[prost(int32, tag = "6")]
    pub msg_type: i32,
    /// Content, usually encrypted: never parsed here, returned byte for byte.
    #[prost(bytes = "bytes", tag = "7")]
    pub content: prost::bytes::Bytes,
    /// Server time in milliseconds; overwritten by the server.
    #[prost(int64, tag = "8")]
    pub datetime: i64,
    /// Origin of a forwarded message.
    #[prost(message, optional, tag = "9")]
    pub source: Option<Source>,
    /// Message that this one answers.
    #[prost(message, optional, tag = "10")]
    pub reference: Option<Reference>,
}

impl From<NewerMessage> for Common {
    /// The same message, without id and time.
    fn from(newer: NewerMessage) -> Self {
        Self {
            channel_type: newer.channel_type,
            log_id: 0,
            msg_id: newer.cid,
            from: newer.from,
            target: newer.target,
            msg_type: newer.msg_type,
            msg: newer.content,
            datetime: 0,
            source: newer.source,
            reference: newer.reference,
        }
    }
}
