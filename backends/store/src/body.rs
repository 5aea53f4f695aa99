//! Outgoing bodies: op 8 to the sender, op 9 to receivers.

use bytes::Bytes;
use comet_dtalk::message::{Common, CommonAck, EventType, Proto, Signal, SignalType, SignalTyping};
use comet_dtalk::user;
use prost::Message as _;

use crate::entry::EntryKind;

/// Answer to the sender.
pub(crate) fn ack(mid: i64, datetime: u64) -> Bytes {
    envelope(EventType::CommonAck, &CommonAck { log_id: mid, datetime })
}

/// Message, as delivered to its receivers and returned by `sync-record`: clients know their users
/// by bare ids.
pub(crate) fn message(common: &Common) -> Bytes {
    if user::app(&common.from).is_empty() {
        return envelope(EventType::Common, common);
    }
    let (from, target) = (user::bare(&common.from).into(), user::bare(&common.target).into());
    envelope(EventType::Common, &Common { from, target, ..common.clone() })
}

/// Signal that is kept until acknowledged by a phone, or in the timeline of a group.
pub(crate) fn signal(kind: i32, body: Bytes, sid: i64) -> Bytes {
    envelope(EventType::Signal, &Signal { r#type: kind, body, sid, reliable: true })
}

/// Typing mark, which is not kept.
pub(crate) fn typing(typing: &SignalTyping) -> Bytes {
    let (kind, body) = (SignalType::Typing as i32, typing.encode_to_vec().into());
    envelope(EventType::Signal, &Signal { r#type: kind, body, sid: 0, reliable: false })
}

/// Entry of a group's timeline, which is one of the above. Empty if it was revoked.
pub(crate) fn entry(kind: EntryKind, common: &Common) -> Bytes {
    match kind {
        EntryKind::Message => message(common),
        EntryKind::Signal => signal(common.msg_type, common.msg.clone(), common.log_id),
        EntryKind::Revoked => Bytes::new(),
    }
}

fn envelope(event: EventType, body: &impl prost::Message) -> Bytes {
    let proto = Proto { event_type: event as i32, body: body.encode_to_vec().into() };
    proto.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use comet_dtalk::message::{SignalReceived, SignalType};
    use comet_testkit::protobuf::hex;

    use super::*;

    #[test]
    fn an_ack_is_the_specified_bytes() {
        let expected = hex("08 01 12 0a 10 e8 07 40 fb d0 95 ff bc 31");
        assert_eq!(ack(1000, 1_700_000_000_123), expected);

        let expected = hex("0801 120f 10cb89a9b0cf9a29 40e8d795ffbc31");
        assert_eq!(ack(181_234_567_890_123, 1_700_000_001_000), expected);
    }

    #[test]
    fn a_message_is_the_specified_bytes() {
        let common = Common {
            log_id: 1000,
            msg_id: "msg-1".into(),
            from: "1AqutxNoVTtcWiVYpBtvficAgea1dYTddR".into(),
            target: "1FKxgaEh5fuSm7a35BfUnKYAmradowpiTR".into(),
            msg_type: 1,
            msg: Bytes::from_static(b"\x0a\x02hi"),
            datetime: 1_700_000_000_123,
            ..Common::default()
        };
        let expected = hex(
            "12 61 10 e8 07 1a 05 6d 73 67 2d 31 22 22 31 41 71 75 74 78 4e 6f 56 54 74 63 57 69
             56 59 70 42 74 76 66 69 63 41 67 65 61 31 64 59 54 64 64 52 2a 22 31 46 4b 78 67 61
             45 68 35 66 75 53 6d 37 61 33 35 42 66 55 6e 4b 59 41 6d 72 61 64 6f 77 70 69 54 52
             30 01 3a 04 0a 02 68 69 40 fb d0 95 ff bc 31",
        );
        assert_eq!(message(&common), expected);
    }

    #[test]
    fn a_message_between_users_of_another_app_names_them_as_they_know_each_other() {
        let between = |from: &str, target: &str| Common {
            from: from.into(),
            target: target.into(),
            ..Common::default()
        };
        assert_eq!(message(&between("zoo:a", "zoo:b")), message(&between("a", "b")));
        assert_eq!(message(&between("zoo:a", "77")), message(&between("a", "77")), "a group");
    }

    #[test]
    fn a_received_signal_is_the_specified_bytes() {
        let received = SignalReceived { logs: vec![1000, 1001] }.encode_to_vec().into();
        let expected = hex("08 02 12 0c 12 06 0a 04 e8 07 e9 07 18 4d 20 01");
        assert_eq!(signal(SignalType::Received as i32, received, 77), expected);
    }
}
