//! Bodies that accounts send: dtalk's login, and messages to users and groups.
//!
//! A message of a run is the content of a text message. Its id is made of the run and of the
//! first bytes of the content, which no other message of the run has: the server takes a message
//! with the id of another for a repeat.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use comet_dtalk::message::{Channel, Common, ConnType, Device, EventType, Login, MsgType, Proto};
use prost::Message;

use super::Account;

/// Bytes of a message that tell it from all others.
const TELLING: usize = 16;

/// Receiver of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Receiver<'a> {
    Myself,
    User(&'a str),
    /// The id of a group.
    Group(&'a str),
}

impl Account {
    /// The device beside the token of a login: a desktop, because phones are also sent what they
    /// missed.
    pub(crate) fn login(&self) -> Vec<u8> {
        let login = Login {
            device: Device::Linux as i32,
            username: "load".to_owned(),
            device_token: String::new(),
            conn_type: ConnType::Connect as i32,
            uuid: self.device.clone(),
            device_name: "comet-bench".to_owned(),
        };
        login.encode_to_vec()
    }

    /// A message to a user or a group, or to the sender itself.
    pub(crate) fn write(&self, to: Receiver<'_>, body: &[u8]) -> Vec<u8> {
        let (channel, target) = match to {
            Receiver::Myself => (Channel::ToUser, &*self.user),
            Receiver::User(user) => (Channel::ToUser, user),
            Receiver::Group(id) => (Channel::ToGroup, id),
        };
        let target = target.to_owned();
        let common = Common {
            channel_type: channel as i32,
            msg_id: self.id(body),
            target,
            msg_type: MsgType::Text as i32,
            msg: Bytes::copy_from_slice(body),
            ..Common::default()
        };
        let body = common.encode_to_vec().into();
        Proto { event_type: EventType::Common as i32, body }.encode_to_vec()
    }

    /// The content of a message of this run; `None` for everything else that a server delivers.
    pub(crate) fn read(&self, body: &[u8]) -> Option<Bytes> {
        let proto = Proto::decode(body).ok()?;
        if proto.event_type != EventType::Common as i32 {
            return None;
        }
        let common = Common::decode(proto.body).ok()?;
        let is_ours = common.msg_id.strip_prefix(&*self.run)?.starts_with('.');
        is_ours.then_some(common.msg)
    }

    fn id(&self, body: &[u8]) -> String {
        let telling = body.get(..TELLING).unwrap_or(body);
        format!("{}.{}", self.run, URL_SAFE_NO_PAD.encode(telling))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Token;
    use super::*;

    fn account() -> Account {
        Account {
            user: "anna".to_owned(),
            app: "dtalk".to_owned(),
            device: "load-1".to_owned(),
            token: Arc::new(Token::Given(String::new())),
            run: "18bcfe56800".into(),
        }
    }

    #[test]
    fn a_message_has_the_bytes_that_the_protocol_specifies() {
        let said = account().write(Receiver::User("ben"), b"hi");
        let id = b"18bcfe56800.aGk";
        let common = [b"\x1a\x0f".as_slice(), id, b"\x2a\x03ben\x30\x01\x3a\x02hi"].concat();
        assert_eq!(said, [&[0x12, 28], &common[..]].concat());
        let group = account().write(Receiver::Group("77"), b"hi");
        let common = [b"\x08\x01\x1a\x0f".as_slice(), id, b"\x2a\x0277\x30\x01\x3a\x02hi"].concat();
        assert_eq!(group, [&[0x12, 29], &common[..]].concat());
        let myself = account().write(Receiver::Myself, b"hi");
        assert!(myself.windows(6).any(|part| part == b"\x2a\x04anna"), "{myself:x?}");
    }

    #[test]
    fn ids_have_at_most_the_forty_characters_that_a_server_takes() {
        let ids = [&[255; 8][..], &[255; 4_096]].map(|body| account().id(body));
        assert_eq!(ids.map(|id| id.len()), [23, 34]);
    }

    #[test]
    fn what_is_of_another_run_or_no_message_is_nothing_to_judge() {
        let (here, there) = (account(), Account { run: "18bcfe56801".into(), ..account() });
        let said = here.write(Receiver::Myself, b"hello");
        assert_eq!(here.read(&said).as_deref(), Some(&b"hello"[..]));
        assert_eq!(there.read(&said), None);
        let signal = [&[8, 2], &said[..]].concat();
        assert_eq!((here.read(&signal), here.read(b"\xff")), (None, None));
    }

    #[test]
    fn a_login_is_that_of_a_desktop_with_a_uuid() {
        let expected = [b"\x08\x03\x12\x04load\x2a\x06load-1".as_slice(), b"\x32\x0bcomet-bench"];
        assert_eq!(account().login(), expected.concat());
    }
}
