//! The message `Common` and what goes with it, as clients send and receive them.

use bytes::Bytes;
use comet_dtalk::message::{
    Channel, Common, CommonAck, EventType, MsgType, Proto, Signal, SignalType,
};
use comet_testkit::frame::{DELIVER, Frame};
use prost::Message as _;

/// A message to a user, before the server has filled it in.
pub fn to_user(target: &str, msg_id: &str, msg: impl Into<Bytes>) -> Common {
    Common {
        channel_type: Channel::ToUser as i32,
        msg_id: msg_id.into(),
        target: target.into(),
        msg_type: MsgType::Text as i32,
        msg: msg.into(),
        ..Common::default()
    }
}

/// A message to a group.
pub fn to_group(group: i64, msg_id: &str, msg: impl Into<Bytes>) -> Common {
    let channel_type = Channel::ToGroup as i32;
    Common { channel_type, ..to_user(&group.to_string(), msg_id, msg) }
}

/// The body of op 7.
pub fn body_of(common: &Common) -> Bytes {
    let body = common.encode_to_vec().into();
    Proto { event_type: EventType::Common as i32, body }.encode_to_vec().into()
}

/// The content of a body of op 8.
pub fn ack_in(body: &[u8]) -> CommonAck {
    let proto = Proto::decode(body).expect("a Proto");
    assert_eq!(proto.event_type, EventType::CommonAck as i32);
    CommonAck::decode(proto.body).expect("a CommonAck")
}

/// The content of a delivery, op 9.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivered {
    /// A message.
    Message(Box<Common>),
    /// Word of something else.
    Signal(Signal),
}

impl Delivered {
    /// Parses the body of op 9, or a record of sync-record.
    pub fn read(body: &[u8]) -> Self {
        let proto = Proto::decode(body).expect("a Proto");
        match EventType::try_from(proto.event_type) {
            Ok(EventType::Common) => {
                Self::Message(Common::decode(proto.body).expect("a Common").into())
            }
            Ok(EventType::Signal) => Self::Signal(Signal::decode(proto.body).expect("a Signal")),
            other => panic!("neither a message nor a signal: {other:?}"),
        }
    }

    /// The content of a delivery.
    pub fn by(frame: &Frame) -> Self {
        assert_eq!((frame.ver, frame.op, frame.ack), (1, DELIVER, 0), "{frame:?}");
        Self::read(&frame.body)
    }

    /// The message that it is.
    pub fn message(self) -> Common {
        match self {
            Self::Message(common) => *common,
            Self::Signal(signal) => panic!("a message was expected, not {signal:?}"),
        }
    }

    /// The body of a signal of this type.
    pub fn signal<M: prost::Message + Default>(self, kind: SignalType) -> M {
        match self {
            Self::Signal(signal) if signal.r#type == kind as i32 => {
                M::decode(signal.body).expect("the signal's body")
            }
            other => panic!("{kind:?} was expected, not {other:?}"),
        }
    }
}
