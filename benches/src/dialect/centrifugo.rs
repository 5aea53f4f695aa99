//! Centrifugo's JSON protocol: numbered commands and replies, one a line, with bodies as base64 in
//! strings.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::address::{channels, each_channel};
use super::codec::Codec;
use super::{Destination, DialectError, Event, Identity, Outgoing, text};

/// A conversation of Centrifugo's.
#[derive(Debug, Default)]
pub(super) struct Centrifugo {
    /// The number of the last command.
    id: u32,
    /// The number of the last command of the opening.
    opening: u32,
    /// Commands of the opening without an answer.
    pending: u32,
}

/// A reply of the server.
#[derive(Deserialize)]
struct ServerReply<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    error: Option<Failure<'a>>,
    #[serde(borrow)]
    push: Option<Push<'a>>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    code: u32,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow, rename = "pub")]
    publication: Option<Publication<'a>>,
    /// The server takes a room from the session.
    unsubscribe: Option<IgnoredAny>,
    disconnect: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Publication<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// A ping, and its answer.
const PING: &[u8] = b"{}";

impl Codec for Centrifugo {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        *self = Self { id: 1, ..Self::default() };
        let mut connect = json!({ "name": "comet-bench" });
        if let Some(token) = &me.token {
            connect["token"] = json!(token);
        }
        let mut words = json!({ "id": 1, "connect": connect }).to_string();
        for channel in channels(me) {
            self.id += 1;
            let subscribe = json!({ "id": self.id, "subscribe": { "channel": channel } });
            words.push('\n');
            words.push_str(&subscribe.to_string());
        }
        (self.opening, self.pending) = (self.id, self.id);
        out.message(&[words.as_bytes()]);
        false
    }

    fn read(
        &mut self,
        _: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        for line in input.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            if line == PING {
                out.message(&[PING]);
                continue;
            }
            let reply: ServerReply<'_> = serde_json::from_slice(line)
                .map_err(|_| DialectError::Unreadable { what: "a reply", len: line.len() })?;
            self.handle(reply, emit)?;
        }
        Ok(())
    }

    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        text::encode(body, |data| {
            each_channel(me, to, |channel| {
                self.id = self.id.wrapping_add(1);
                let id = self.id;
                let head = format!(r#"{{"id":{id},"publish":{{"channel":"{channel}","data":""#);
                out.message(&[head.as_bytes(), data, br#""}}"#]);
            });
        });
    }

    /// The server pings, and closes connections that do not answer.
    fn heartbeat(&mut self, _: &mut Outgoing<'_>) -> bool {
        false
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        out.close();
    }
}

impl Centrifugo {
    fn handle(
        &mut self,
        reply: ServerReply<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        if let Some(push) = reply.push {
            if push.unsubscribe.is_some() || push.disconnect.is_some() {
                return Err(DialectError::Refused("the server took the session's room".to_owned()));
            }
            return match push.publication {
                Some(Publication { data }) => {
                    text::decode(data.as_bytes(), |body| emit(Event::Delivery { body }))
                }
                None => Ok(()),
            };
        }
        let is_opening = reply.id <= self.opening;
        match reply.error {
            Some(error) if is_opening => {
                return Err(DialectError::Refused(format!("{}: {}", error.code, error.message)));
            }
            Some(error) => {
                emit(Event::Refused { why: format!("{}: {}", error.code, error.message) });
            }
            None if is_opening => {
                self.pending = self.pending.saturating_sub(1);
                if self.pending == 0 {
                    emit(Event::Opened { resumed: false, welcome: None });
                }
            }
            None => emit(Event::Replied),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::codec_harness::CodecHarness;
    use super::*;

    fn open() -> CodecHarness {
        let mut harness = CodecHarness::new(Dialect::Centrifugo, &["red"]);
        harness.open();
        let replies =
            br#"{"id":1,"connect":{"client":"9ac9","version":"6.0","ping":25,"pong":true}}
{"id":2,"subscribe":{}}"#;
        assert_eq!(harness.receive(replies), Ok((vec!["opened".to_owned()], vec![])));
        harness
    }

    #[test]
    fn the_first_message_connects_and_subscribes() {
        let mut harness = CodecHarness::new(Dialect::Centrifugo, &["red"]);
        harness.me.token = Some("jwt".to_owned());
        let words = br#"{"connect":{"name":"comet-bench","token":"jwt"},"id":1}
{"id":2,"subscribe":{"channel":"red"}}"#;
        assert_eq!(harness.open(), (false, words.to_vec()));
        let half = harness.receive(br#"{"id":1,"connect":{}}"#);
        assert_eq!(half, Ok((vec![], vec![])), "not in its room yet");
    }

    #[test]
    fn bodies_travel_as_base64() {
        let mut harness = open();
        let sent = br#"{"id":3,"publish":{"channel":"red","data":"/wBoaQ=="}}"#;
        assert_eq!(harness.send(&Destination::Rooms, b"\xff\x00hi"), sent);
        let pushes = br#"{"push":{"channel":"red","pub":{"data":"\/wBoaQ==","offset":4}}}
{"id":3,"publish":{}}
{"push":{"channel":"red","join":{"info":{"client":"x","user":""}}}}
{"push":{"channel":"red","pub":{"data":"aGk="}}}
"#;
        let told = [r"delivery \xff\x00hi", "replied", "delivery hi"].map(str::to_owned);
        assert_eq!(harness.receive(pushes), Ok((told.to_vec(), vec![])));
    }

    #[test]
    fn an_empty_object_is_answered_by_one() {
        assert_eq!(open().receive(b"{}"), Ok((vec![], b"{}".to_vec())));
        assert!(!open().heartbeat().0);
    }

    #[test]
    fn errors_refuse_the_session_while_it_opens_and_messages_later() {
        let denied = br#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#;
        let refused = DialectError::Refused("103: permission denied".to_owned());
        assert_eq!(open().receive(denied), Err(refused));
        let later = br#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#;
        let told = vec!["refused 103: permission denied".to_owned()];
        assert_eq!(open().receive(later), Ok((told, vec![])));
        let taken = br#"{"push":{"channel":"red","unsubscribe":{"code":2500,"reason":"x"}}}"#;
        let refused = DialectError::Refused("the server took the session's room".to_owned());
        assert_eq!(open().receive(taken), Err(refused));
        let unreadable = |what, len| Err(DialectError::Unreadable { what, len });
        assert_eq!(open().receive(b"{\"id\":"), unreadable("a reply", 6));
        let other = br#"{"push":{"channel":"red","pub":{"data":{"text":"hi"}}}}"#;
        assert_eq!(open().receive(other), unreadable("a reply", other.len()));
        let no_base64 = br#"{"push":{"channel":"red","pub":{"data":"hi!"}}}"#;
        assert_eq!(open().receive(no_base64), unreadable("base64", 3));
    }
}
