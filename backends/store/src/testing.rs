//! Helpers shared by the tests of several modules.

use bytes::Bytes;
use comet_dtalk::message::{Common, MsgType, Proto, Text};
use prost::Message as _;

/// Text message as sent by a client.
pub(crate) fn text(msg_id: &str, target: &str, content: &str) -> Common {
    let text = Text { content: content.into(), mention: Vec::new() };
    Common {
        msg_id: msg_id.into(),
        target: target.into(),
        msg_type: MsgType::Text as i32,
        msg: text.encode_to_vec().into(),
        ..Common::default()
    }
}

/// Body of op 7 with a message.
pub(crate) fn proto_of(common: &Common) -> Bytes {
    Proto { event_type: 0, body: common.encode_to_vec().into() }.encode_to_vec().into()
}
