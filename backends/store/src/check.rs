//! Validation of messages from clients, the bodies of op 7 and of requests over HTTP, before any
//! cost is incurred.
//!
//! Pure. Not here: authentication of the sender, permission to send to a group ([`Membership`]),
//! detection of repeats (the writer).
//!
//! [`Membership`]: crate::Membership

use bytes::Bytes;
use comet_dtalk::id::Id;
use comet_dtalk::message::{Channel, Common, EventType, MsgType, Proto};
use comet_dtalk::user;
use prost::{DecodeError, Message as _};

/// Longest client message id and target, in characters: the width of their columns.
pub(crate) const MAX_NAME: usize = 40;
/// Longest encoded source, in bytes: the width of its column.
const MAX_SOURCE: usize = 1024;

/// Message that may be stored, still without id, time and sender.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub(crate) to: To,
    pub(crate) common: Common,
}

/// Kind of receiver of a message. The name is in [`Common::target`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum To {
    User,
    Group(Id),
}

/// Reason for refusing a body.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Malformed {
    /// Longer than on a socket.
    #[error("body of {0} bytes")]
    Body(usize),
    /// Not the expected protobuf message.
    #[error("body does not decode: {0}")]
    Undecodable(#[from] DecodeError),
    /// Clients may send messages only, neither acks nor signals.
    #[error("event type {0} is not a message")]
    EventType(i32),
    /// Neither a user nor a group channel.
    #[error("unknown channel {0}")]
    Channel(i32),
    /// Message type reserved for the server, or unknown.
    #[error("message type {0} is not for clients to send")]
    MsgType(i32),
    /// The message id of the client is empty or too long.
    #[error("message id of {0} characters")]
    MsgId(usize),
    /// The target is empty or too long.
    #[error("target of {0} characters")]
    Target(usize),
    /// The target is a user, but not as clients write one.
    #[error("target is no user of the sender's app")]
    User,
    /// The target of a group message is not a group id.
    #[error("target is no group id")]
    GroupId,
    /// The message id of the client or the target has U+0000, which not every database can store.
    #[error("a name has U+0000")]
    Nul,
    /// The source is too long.
    #[error("source of {0} bytes")]
    Source(usize),
}

/// Decodes and validates the body of a message.
pub(crate) fn check(body: Bytes) -> Result<Draft, Malformed> {
    let proto = Proto::decode(body)?;
    if proto.event_type != EventType::Common as i32 {
        return Err(Malformed::EventType(proto.event_type));
    }
    check_common(Common::decode(proto.body)?)
}

/// Validates a message.
pub(crate) fn check_common(common: Common) -> Result<Draft, Malformed> {
    check_name(&common.msg_id).map_err(Malformed::MsgId)?;
    check_name(&common.target).map_err(Malformed::Target)?;
    if common.msg_id.contains('\0') || common.target.contains('\0') {
        return Err(Malformed::Nul);
    }
    if !may_be_sent(common.msg_type) {
        return Err(Malformed::MsgType(common.msg_type));
    }
    let source = common.source.as_ref().map_or(0, |source| source.encoded_len());
    if source > MAX_SOURCE {
        return Err(Malformed::Source(source));
    }
    let to = match Channel::try_from(common.channel_type) {
        Ok(Channel::ToUser) if !user::is_bare(&common.target) => return Err(Malformed::User),
        Ok(Channel::ToUser) => To::User,
        Ok(Channel::ToGroup) => To::Group(group_id(&common.target).ok_or(Malformed::GroupId)?),
        Err(_) => return Err(Malformed::Channel(common.channel_type)),
    };
    Ok(Draft { to, common })
}

fn check_name(name: &str) -> Result<(), usize> {
    match name.chars().count() {
        1..=MAX_NAME => Ok(()),
        length => Err(length),
    }
}

fn may_be_sent(msg_type: i32) -> bool {
    use MsgType::{Collect, Notice, RtcCall, System};
    MsgType::try_from(msg_type)
        .is_ok_and(|known| !matches!(known, System | Notice | RtcCall | Collect))
}

/// Whether the text can be the target of something.
pub(crate) fn is_name(name: &str) -> bool {
    check_name(name).is_ok() && !name.contains('\0')
}

/// One canonical spelling per group, because the text is also stored and looked up.
pub(crate) fn group_id(target: &str) -> Option<Id> {
    let id = Id::new(target.parse().ok()?)?;
    (id.to_string() == target).then_some(id)
}

#[cfg(test)]
mod tests {
    use comet_dtalk::message::{Source, SourceUser};
    use comet_testkit::protobuf::hex;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{proto_of, text};

    fn outcome(change: impl FnOnce(&mut Common)) -> Result<Draft, Malformed> {
        let mut common = text("m-1", "bob", "hi");
        change(&mut common);
        check(proto_of(&common))
    }

    #[test]
    fn the_body_of_the_specified_frame_is_read() {
        let body = Bytes::from(hex(
            "12 57 1a 05 6d 73 67 2d 31 22 22 31 41 71 75 74 78 4e 6f 56 54 74 63 57 69 56 59 70
             42 74 76 66 69 63 41 67 65 61 31 64 59 54 64 64 52 2a 22 31 46 4b 78 67 61 45 68 35
             66 75 53 6d 37 61 33 35 42 66 55 6e 4b 59 41 6d 72 61 64 6f 77 70 69 54 52 30 01 3a
             04 0a 02 68 69",
        ));
        assert!(check(body.slice(..body.len() - 1)).is_err(), "cut short");
        let draft = check(body).unwrap();
        assert_eq!(draft.to, To::User);
        assert_eq!(draft.common.msg_id, "msg-1");
        assert_eq!(draft.common.from, "1AqutxNoVTtcWiVYpBtvficAgea1dYTddR");
        assert_eq!(draft.common.target, "1FKxgaEh5fuSm7a35BfUnKYAmradowpiTR");
        assert_eq!(draft.common.msg_type, 1);
        assert_eq!(&draft.common.msg[..], b"\x0a\x02hi");
    }

    #[test]
    fn a_desktop_writes_the_event_type_zero_explicitly() {
        let mut body = vec![8, 0];
        body.extend_from_slice(&proto_of(&text("m-1", "bob", "hi")));
        assert_eq!(check(body.into()).unwrap().common.msg_id, "m-1");
    }

    #[test]
    fn clients_send_ten_of_the_fourteen_kinds() {
        let sent = (-1..16).filter(|&kind| outcome(|c| c.msg_type = kind).is_ok());
        assert_eq!(sent.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 8, 10, 12, 13]);
        assert_eq!(outcome(|c| c.msg_type = 7), Err(Malformed::MsgType(7)));
    }

    #[test]
    fn acks_and_signals_are_not_messages() {
        let proto = Proto { event_type: 2, body: Bytes::from_static(b"\x08\x01") };
        assert_eq!(check(proto.encode_to_vec().into()), Err(Malformed::EventType(2)));
    }

    #[test]
    fn names_are_from_one_to_forty_characters() {
        assert_eq!(outcome(|c| c.msg_id.clear()), Err(Malformed::MsgId(0)));
        assert_eq!(outcome(|c| c.msg_id = "a\0b".into()), Err(Malformed::Nul));
        assert_eq!(outcome(|c| c.target.push('\0')), Err(Malformed::Nul));
        assert!(outcome(|c| c.msg = vec![0].into()).is_ok());
        assert!(outcome(|c| c.msg_id = "é".repeat(40)).is_ok());
        assert_eq!(outcome(|c| c.msg_id = "x".repeat(41)), Err(Malformed::MsgId(41)));
        assert_eq!(outcome(|c| c.target.clear()), Err(Malformed::Target(0)));
        assert_eq!(outcome(|c| c.target = "x".repeat(41)), Err(Malformed::Target(41)));
        assert_eq!(outcome(|c| c.target = "zoo:bob".into()), Err(Malformed::User));
    }

    #[test]
    fn groups_are_named_by_their_id_and_in_one_way() {
        let to_group = |target: &str| {
            outcome(|common| {
                common.channel_type = 1;
                common.target = target.into();
            })
        };
        assert_eq!(to_group("77").unwrap().to, To::Group(Id::new(77).unwrap()));
        for target in ["077", "+77", "-77", "0", "9007199254740992", "bob", "7.0"] {
            assert_eq!(to_group(target), Err(Malformed::GroupId), "{target}");
        }
    }

    #[test]
    fn a_third_channel_does_not_exist() {
        assert_eq!(outcome(|c| c.channel_type = 2), Err(Malformed::Channel(2)));
    }

    #[test]
    fn a_source_fits_its_column() {
        let source = |length| {
            let from = Some(SourceUser { id: "x".repeat(length), name: String::new() });
            Some(Source { channel_type: 0, from, target: None })
        };
        assert!(outcome(|c| c.source = source(1018)).is_ok());
        assert_eq!(outcome(|c| c.source = source(1019)), Err(Malformed::Source(1025)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(draft) = check(body.into()) {
                prop_assert!((1..=40).contains(&draft.common.msg_id.chars().count()));
            }
        }
    }
}
