//! The codec of the text dialect: JSON objects in text messages, for minimal clients.
//!
//! The member `t` of each object is its type; the README of this crate lists them. Unknown members
//! are ignored. An object that cannot be understood is answered by an error, and does not close the
//! connection.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::comet::{Code, Received, Seq};
use crate::ws::{MessageKind, Opcode, header};
use crate::{Dialect, Framing};

use super::{
    Abilities, Acks, Answer, Ask, AuthRequest, Codec, CodecError, Continuity, Delivery, Input,
    Output, Question, Refusal, SeqForm, Step, Written,
};

pub(super) const ABILITIES: Abilities = Abilities {
    acks: Acks::Cumulative,
    gaps: true,
    reasons: true,
    retries: false,
    whole_messages: true,
    text: true,
    seq: SeqForm::Decimal,
    ..Abilities::LEAST
};

/// Op of a question that carries an id. One without is not answered if granted.
const WITH_ID: u32 = 1;

#[derive(Debug)]
pub(super) struct Text;

impl Codec for Text {
    fn dialect(&self) -> Dialect {
        Dialect::Text
    }

    fn abilities(&self) -> &'static Abilities {
        &ABILITIES
    }

    fn decode<'a>(&self, input: &'a [u8], _: usize) -> Result<Step<'a>, CodecError> {
        let len = input.len();
        Ok(Step::Frame { input: read(input), len })
    }

    fn encode(&self, output: &Output<'_>, out: &mut Vec<u8>) {
        if let Some(object) = object(output) {
            // Writing to memory does not fail.
            let _ = serde_json::to_writer(out, &object);
        }
    }

    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written {
        const HEAD: &[u8] = br#"{"t":"deliver","seq":"#;
        let mut bytes = Vec::with_capacity(HEAD.len() + 40 + 2 * delivery.body.len());
        bytes.extend_from_slice(HEAD);
        bytes.extend_from_slice(&[b' '; SeqForm::DIGITS]);
        SeqForm::Decimal.write(&mut bytes, HEAD.len(), delivery.seq.get());
        let _ = write_rest(&mut bytes, delivery);
        let mut before = 0;
        if framing == Framing::Messages {
            let header = header(Opcode::Text, bytes.len());
            before = header.len();
            write(&header);
        }
        write(&bytes);
        Written { seq_at: Some(before + HEAD.len()), has_body: true }
    }
}

fn write_rest(out: &mut Vec<u8>, delivery: &Delivery<'_>) -> io::Result<()> {
    if let Some(room) = delivery.room {
        out.write_all(br#","room":"#)?;
        serde_json::to_writer(&mut *out, room)?;
    }
    match str::from_utf8(delivery.body) {
        Ok(text) => {
            out.write_all(br#","text":"#)?;
            serde_json::to_writer(&mut *out, text)?;
        }
        Err(_) => write!(out, r#","base64":"{}""#, BASE64.encode(delivery.body))?,
    }
    out.write_all(b"}")
}

/// The object for an output; `None` if the dialect has none.
fn object(output: &Output<'_>) -> Option<Value> {
    Some(match *output {
        Output::Accepted { user, welcome, .. } => {
            json!({ "t": "connected", "user": user, "heartbeat": welcome.heartbeat_ms })
        }
        Output::Refused { code, return_after, refusal, .. } => {
            let text = match refusal {
                Refusal::Said(body) => String::from_utf8_lossy(body).into_owned(),
                Refusal::Crowded(device) => device.unwrap_or("another device").to_owned(),
                Refusal::Silent => String::new(),
            };
            let after = return_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(0));
            bye(code.get(), &text, after)
        }
        Output::Failure(failure) => bye(failure.code, &failure.text, None),
        Output::GoingAway(away) => {
            bye(Code::UNAVAILABLE.get(), "restart", Some(away.return_after_ms.into()))
        }
        Output::HeartbeatReply { .. } => json!({ "t": "pong" }),
        Output::Reply { seq, op: WITH_ID, answer: Answer::Taken(body) } => {
            let mut ok = json!({ "t": "ok", "id": seq });
            if !body.is_empty() {
                match str::from_utf8(body) {
                    Ok(text) => ok["text"] = text.into(),
                    Err(_) => ok["base64"] = BASE64.encode(body).into(),
                }
            }
            ok
        }
        Output::Reply { seq, op, answer: Answer::Refused { code, retryable } } => {
            let mut error = json!({ "t": "error", "code": code, "text": "refused" });
            if op == WITH_ID {
                error["id"] = seq.into();
            }
            if retryable {
                error["retry"] = true.into();
            }
            error
        }
        Output::Gap { to, gap } => {
            let from = if gap.from == 0 { to.get() } else { gap.from };
            let mut object =
                json!({ "t": "gap", "from": from, "to": to.get(), "count": gap.count });
            if !gap.room.is_empty() {
                object["room"] = gap.room.as_str().into();
            }
            if gap.position != 0 {
                object["position"] = gap.position.into();
            }
            object
        }
        Output::Misunderstood { id, problem } => {
            let mut error = json!({ "t": "error", "code": Code::PROTOCOL.get(), "text": problem });
            if let Some(id) = id {
                error["id"] = id.into();
            }
            error
        }
        Output::Reply { .. } | Output::Ping { .. } | Output::Pong { .. } => return None,
    })
}

fn bye(code: i32, text: &str, after: Option<u64>) -> Value {
    let mut bye = json!({ "t": "bye", "code": code, "text": text });
    if let Some(after) = after {
        bye["after"] = after.into();
    }
    bye
}

fn read(input: &[u8]) -> Input<'static> {
    let object = match serde_json::from_slice(input) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return misunderstood(None, "not an object"),
        Err(_) => return misunderstood(None, "not JSON"),
    };
    let id = object.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    input_of(&object, id).unwrap_or_else(|problem| misunderstood(id, problem))
}

const fn misunderstood(id: Option<u32>, problem: &'static str) -> Input<'static> {
    Input::Misunderstood { id, problem }
}

fn input_of(object: &Map<String, Value>, id: Option<u32>) -> Result<Input<'static>, &'static str> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    if object.contains_key("id") && id.is_none() {
        return Err("id is a number below 2^32");
    }
    let ask = |ask| {
        let (seq, op) = (id.unwrap_or_default(), if id.is_some() { WITH_ID } else { 0 });
        Ok(Input::Ask(Box::new(Question { seq, op, ask })))
    };
    match text("t").ok_or("no t")? {
        "connect" => {
            let token = text("token").ok_or("no token")?.to_owned();
            let app = text("app").unwrap_or_default().to_owned();
            let ext = text("ext").unwrap_or_default().to_owned().into();
            let continuity = Some(Continuity::none());
            Ok(Input::Auth(Box::new(AuthRequest { seq: 0, app, token, ext, continuity })))
        }
        "join" => ask(Ask::Join(text("room").ok_or("no room")?.to_owned())),
        "leave" => ask(Ask::Leave(text("room").ok_or("no room")?.to_owned())),
        "publish" => {
            id.ok_or("no id")?;
            let (kind, body) = body(object)?;
            ask(match object.get("room") {
                None | Some(Value::Null) => Ask::Take { kind, body },
                Some(room) => {
                    let room = room.as_str().ok_or("room is a string")?.to_owned();
                    Ask::Publish { room, kind, body }
                }
            })
        }
        "ack" => {
            let seq = object.get("seq").and_then(Value::as_u64);
            let seq = seq.and_then(|seq| u32::try_from(seq).ok()).ok_or("no seq")?;
            Ok(Input::Received(Received::up_to_only(Seq::new(seq))))
        }
        "ping" => Ok(Input::Heartbeat { seq: 0 }),
        _ => Err("unknown t"),
    }
}

fn body(object: &Map<String, Value>) -> Result<(MessageKind, Bytes), &'static str> {
    match (object.get("text"), object.get("base64")) {
        (Some(Value::String(text)), None) => Ok((MessageKind::Text, text.clone().into())),
        (None, Some(Value::String(base64))) => {
            let body = BASE64.decode(base64).map_err(|_| "base64 cannot be read")?;
            Ok((MessageKind::Binary, body.into()))
        }
        _ => Err("either text or base64, a string"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::comet::{Class, Gap, Welcome};

    fn encoded(output: &Output<'_>) -> Value {
        let mut bytes = Vec::new();
        Text.encode(output, &mut bytes);
        if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
    }

    fn asked(seq: u32, op: u32, ask: Ask) -> Input<'static> {
        Input::Ask(Box::new(Question { seq, op, ask }))
    }

    #[test]
    fn objects_of_clients_are_inputs() {
        for (json, input) in [
            (r#"{"t":"join","room":"a","id":7,"more":[1]}"#, asked(7, 1, Ask::Join("a".into()))),
            (r#"{"t":"leave","room":"\u00e9"}"#, asked(0, 0, Ask::Leave("é".into()))),
            (
                r#"{"t":"publish","id":4294967295,"room":"a","text":"hi"}"#,
                asked(
                    u32::MAX,
                    1,
                    Ask::Publish { room: "a".into(), kind: MessageKind::Text, body: "hi".into() },
                ),
            ),
            (
                r#"{"t":"publish","id":0,"base64":"/wA="}"#,
                asked(0, 1, Ask::Take { kind: MessageKind::Binary, body: vec![255, 0].into() }),
            ),
            (r#"{"t":"ack","seq":9}"#, Input::Received(Received::up_to_only(Seq::new(9)))),
            (r#"{"t":"ping"}"#, Input::Heartbeat { seq: 0 }),
        ] {
            assert_eq!(read(json.as_bytes()), input, "{json}");
        }
        let Input::Auth(auth) = read(br#"{"t":"connect","token":"x","ext":"lobby"}"#) else {
            panic!("an auth request")
        };
        assert_eq!((&*auth.app, &*auth.token, &auth.ext[..]), ("", "x", &b"lobby"[..]));
    }

    #[test]
    fn anything_else_is_misunderstood_with_its_id_if_it_has_one() {
        for (json, id) in [
            ("", None),
            ("[]", None),
            ("{}", None),
            (r#"{"t":"dance","id":3}"#, Some(3)),
            (r#"{"t":"publish","id":3,"text":"a","base64":""}"#, Some(3)),
            (r#"{"t":"publish","id":3,"base64":"?"}"#, Some(3)),
            (r#"{"t":"publish","text":"a"}"#, None),
            (r#"{"t":"join","room":"a","id":-1}"#, None),
            (r#"{"t":"join","id":1}"#, Some(1)),
            (r#"{"t":"ack"}"#, None),
            (r#"{"t":"connect"}"#, None),
        ] {
            let input = read(json.as_bytes());
            assert!(
                matches!(input, Input::Misunderstood { id: found, .. } if found == id),
                "{json}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read(deep.as_bytes()), Input::Misunderstood { .. }));
    }

    #[test]
    fn outputs_are_objects() {
        let welcome = Welcome { heartbeat_ms: 240_000, ..Welcome::default() };
        assert_eq!(
            encoded(&Output::Accepted { seq: 0, user: "al", welcome: &welcome }),
            json!({ "t": "connected", "user": "al", "heartbeat": 240_000 })
        );
        let (code, return_after) = (Code::OVERLOADED, Some(Duration::from_secs(2)));
        assert_eq!(
            encoded(&Output::Refused { seq: 0, code, return_after, refusal: Refusal::Silent }),
            json!({ "t": "bye", "code": 8, "text": "", "after": 2_000 })
        );
        let reply = |op, answer| encoded(&Output::Reply { seq: 5, op, answer });
        assert_eq!(reply(1, Answer::Taken(b"")), json!({ "t": "ok", "id": 5 }));
        assert_eq!(reply(1, Answer::Taken(b"x")), json!({ "t": "ok", "id": 5, "text": "x" }));
        assert_eq!(reply(0, Answer::Taken(b"")), Value::Null);
        let refused = Answer::Refused { code: 6, retryable: true };
        let error = json!({ "t": "error", "code": 6, "text": "refused", "retry": true });
        assert_eq!(reply(0, refused), error);
        let gap = Gap { count: 3, room: "a".into(), position: 7, ..Gap::default() };
        assert_eq!(
            encoded(&Output::Gap { to: Seq::new(9), gap: &gap }),
            json!({ "t": "gap", "from": 9, "to": 9, "count": 3, "room": "a", "position": 7 })
        );
    }

    #[test]
    fn a_delivery_is_an_object_whose_number_can_be_overwritten() {
        for (body, member) in [
            (&b"say \"hi\""[..], json!({ "text": "say \"hi\"" })),
            (&[255, 0][..], json!({ "base64": "/wA=" })),
        ] {
            let delivery = Delivery {
                class: Class::Acked,
                seq: Seq::NONE,
                key: None,
                room: Some("a"),
                is_text: true,
                body,
            };
            let mut bytes = Vec::new();
            let written = Text.delivery(Framing::Stream, &delivery, &mut |part| {
                bytes.extend_from_slice(part);
            });
            for seq in [0, 12, u32::MAX] {
                SeqForm::Decimal.write(&mut bytes, written.seq_at.unwrap(), seq);
                let mut object: Value = serde_json::from_slice(&bytes).unwrap();
                let mut expected = json!({ "t": "deliver", "seq": seq, "room": "a" });
                for (name, value) in member.as_object().unwrap() {
                    expected[name] = value.clone();
                }
                assert_eq!(object.take(), expected);
            }
        }
    }
}
