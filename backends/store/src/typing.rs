//! Typing marks: told to the comet clients of a conversation, and stored nowhere.
//!
//! Of each conversation only the newest mark waits for a slow or absent client. Clients of other
//! dialects neither send nor get any. Not here: when a mark fades (clients).

use bytes::Bytes;
use comet::{CommandError, Delivery, Gateway, Target};
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::message::{Channel, EventType, Proto, Signal, SignalType, SignalTyping as Typing};
use comet_dtalk::user;
use prost::Message as _;

use crate::Store;
use crate::body;
use crate::check::{To, group_id, is_name};
use crate::writer::room;

/// The mark in a body, if it is one.
pub(crate) fn read(body: &Bytes) -> Option<Typing> {
    let proto = Proto::decode(body.clone()).ok()?;
    if proto.event_type != EventType::Signal as i32 {
        return None;
    }
    let signal = Signal::decode(proto.body).ok()?;
    (signal.r#type == SignalType::Typing as i32).then(|| Typing::decode(signal.body).ok())?
}

impl Store {
    /// Delivers a mark of `from`.
    ///
    /// # Errors
    ///
    /// Code of a malformed mark, or of a user that may not send there now.
    pub(crate) fn typing(
        &self,
        gateway: &Gateway,
        app: &str,
        from: &str,
        typing: Typing,
    ) -> Result<(), Code> {
        let to = target(&typing).ok_or(Code::BAD_PARAMETERS)?;
        self.admit(to, from).map_err(|refused| refused.code())?;
        let target = typing.target.clone();
        let datetime = clock::unix_ms();
        let bare = user::bare(from);
        let body = body::typing(&Typing { from: bare.to_owned(), datetime, ..typing });
        let delivery = |conversation: &str| {
            Delivery::latest(format!("typing:{conversation}"), body).without_fallback()
        };
        let told = match to {
            To::User => {
                let user = user::of_app(user::app(from), &target);
                gateway.push(Target::user(app, &user), delivery(bare))
            }
            To::Group(group) => gateway.publish(&room(group.get()), delivery(&target)),
        };
        match told {
            // The next mark comes in seconds.
            Ok(()) | Err(CommandError::Full) => Ok(()),
            Err(_) => Err(Code::INTERNAL),
        }
    }
}

fn target(typing: &Typing) -> Option<To> {
    if !is_name(&typing.target) {
        return None;
    }
    match Channel::try_from(typing.channel_type) {
        Ok(Channel::ToUser) => user::is_bare(&typing.target).then_some(To::User),
        Ok(Channel::ToGroup) => group_id(&typing.target).map(To::Group),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(typing: &Typing) -> Bytes {
        body::typing(typing)
    }

    #[test]
    fn a_mark_is_told_from_messages_and_other_signals() {
        let typing = Typing { target: "bob".into(), ..Typing::default() };
        assert_eq!(read(&body_of(&typing)), Some(typing));
        let bytes: [&'static [u8]; 5] = [
            b"",
            b"\xff",
            b"\x12\x07\x2a\x05hello",
            // A signal of type 1, and one of type 60 whose body is cut.
            b"\x08\x02\x12\x02\x08\x01",
            b"\x08\x02\x12\x05\x08\x3c\x12\x01\x0a",
        ];
        for body in bytes {
            assert_eq!(read(&Bytes::from_static(body)), None, "{body:?}");
        }
    }

    #[test]
    fn a_mark_names_a_user_or_a_group() {
        let of = |channel_type, name: &str| {
            target(&Typing { channel_type, target: name.into(), ..Typing::default() })
        };
        assert_eq!(of(0, "bob"), Some(To::User));
        assert!(matches!(of(1, "77"), Some(To::Group(id)) if id.get() == 77));
        for (channel, name) in
            [(0, ""), (0, "a\0b"), (0, "zoo:bob"), (1, "bob"), (1, "077"), (2, "bob")]
        {
            assert_eq!(of(channel, name), None, "{channel} {name:?}");
        }
        assert_eq!(of(0, &"x".repeat(41)), None);
    }
}
