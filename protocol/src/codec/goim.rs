//! The codec of the goim dialect.

use bytes::Bytes;

use crate::comet::Seq;
use crate::head::Head;
use crate::ws::{MessageKind, Opcode, header};
use crate::{Dialect, Framing, Layout};

use super::dtalk::crowded;
use super::{
    Abilities, Answer, Ask, AuthRequest, Codec, CodecError, Delivery, Input, Output, Question,
    Refusal, Step, Written, packet,
};

/// Op numbers of the goim dialect.
pub mod op {
    /// Client to server, empty.
    pub const HEARTBEAT: u32 = 2;
    /// Server to client: users online, four bytes.
    pub const HEARTBEAT_REPLY: u32 = 3;
    /// Client to server: a message. The answer has the same op.
    pub const SEND: u32 = 4;
    /// Client to server: JSON.
    pub const AUTH: u32 = 7;
    /// Server to client, empty.
    pub const AUTH_REPLY: u32 = 8;
    /// Server to client: the body is one or more whole packets.
    pub const RAW: u32 = 9;
    /// Client to server: the id of the room that replaces the previous one; empty for none.
    pub const CHANGE_ROOM: u32 = 12;
    /// Client to server: ops of pushes that the client also accepts, comma-separated.
    pub const SUB: u32 = 14;
    /// Client to server: ops of pushes that the client no longer accepts.
    pub const UNSUB: u32 = 16;
    /// The op of pushes: the lowest of those that applications use.
    pub const PUSH: u32 = 1000;
}

pub(super) const ABILITIES: Abilities = Abilities { counts: true, ..Abilities::LEAST };

#[derive(Debug)]
pub(super) struct Goim;

impl Codec for Goim {
    fn dialect(&self) -> Dialect {
        Dialect::Goim
    }

    fn abilities(&self) -> &'static Abilities {
        &ABILITIES
    }

    fn decode<'a>(&self, input: &'a [u8], max_body: usize) -> Result<Step<'a>, CodecError> {
        packet(Layout::Goim, input, max_body, |head, body| Ok::<_, CodecError>(read(head, body)))
    }

    fn encode(&self, output: &Output<'_>, out: &mut Vec<u8>) {
        let mut put = |op, seq, body: &[u8]| Head::new(op, seq, 0).write(Layout::Goim, body, out);
        match *output {
            Output::Accepted { seq, .. } => put(op::AUTH_REPLY, seq, &[]),
            Output::Refused { seq, refusal: Refusal::Said(body), .. } => {
                put(op::AUTH_REPLY, seq, body);
            }
            Output::Refused { seq, refusal: Refusal::Crowded(device), .. } => {
                put(op::AUTH_REPLY, seq, &crowded(device));
            }
            Output::HeartbeatReply { seq, members } => {
                put(op::HEARTBEAT_REPLY, seq, &members.to_be_bytes());
            }
            Output::Reply { seq, op, answer: Answer::Taken(body) } => {
                put(reply_op(op), seq, body);
            }
            _ => {}
        }
    }

    /// A WebSocket message holds packets, which clients expect in the body of a raw one.
    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written {
        const HEAD: usize = Layout::Goim.head_len();
        let len = delivery.body.len();
        if framing == Framing::Messages {
            write(&header(Opcode::Binary, 2 * HEAD + len));
            write(&Head::new(op::RAW, 0, 0).to_bytes(Layout::Goim, HEAD + len)[..HEAD]);
        }
        write(&Head::new(op::PUSH, 0, 0).to_bytes(Layout::Goim, len)[..HEAD]);
        Written::default()
    }
}

fn read(Head { op, seq, .. }: Head, body: &[u8]) -> Input<'_> {
    match op {
        op::AUTH => {
            let ext = Bytes::copy_from_slice(body);
            let (app, token) = (String::new(), String::new());
            Input::Auth(Box::new(AuthRequest { seq, app, token, ext, continuity: None }))
        }
        op::HEARTBEAT => Input::Heartbeat { seq },
        op::SEND => {
            let (kind, answered) = (MessageKind::Binary, Seq::NONE);
            Input::Send { seq, op, kind, answered, body }
        }
        op => match ask(op, body) {
            Some(ask) => Input::Ask(Box::new(Question { seq, op, ask })),
            None => Input::Unknown { op },
        },
    }
}

/// The request of a client about itself; `None` for another op, or if malformed.
fn ask(op: u32, body: &[u8]) -> Option<Ask> {
    let text = str::from_utf8(body).ok()?;
    match op {
        op::CHANGE_ROOM => Some(Ask::Change(text.to_owned())),
        op::SUB => Some(Ask::Watch(text.to_owned())),
        op::UNSUB => Some(Ask::Unwatch(text.to_owned())),
        _ => None,
    }
}

/// Requests about the client itself are answered by the next op, messages by their own.
const fn reply_op(op: u32) -> u32 {
    match op {
        op::CHANGE_ROOM | op::SUB | op::UNSUB => op + 1,
        _ => op,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comet::Class;

    #[test]
    fn a_push_is_wrapped_in_a_raw_packet_on_messages_only() {
        let delivered = |framing| {
            let (class, seq, body) = (Class::BestEffort, Seq::NONE, b"hi".as_slice());
            let delivery = Delivery { class, seq, key: None, room: None, is_text: false, body };
            let mut bytes = Vec::new();
            Goim.delivery(framing, &delivery, &mut |part| bytes.extend_from_slice(part));
            bytes
        };
        let push = [0, 0, 0, 18, 0, 16, 0, 1, 0, 0, 3, 232, 0, 0, 0, 0];
        assert_eq!(delivered(Framing::Stream), push);
        let raw = [0, 0, 0, 34, 0, 16, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0];
        let header = [0x82, 34];
        assert_eq!(delivered(Framing::Messages), [&header[..], &raw, &push].concat());
    }

    #[test]
    fn requests_of_a_client_about_itself_are_asks_and_garbage_is_ignored() {
        let input = |op, body| read(Head::new(op, 3, 0), body);
        let asked = |op, ask| Input::Ask(Box::new(Question { seq: 3, op, ask }));
        assert_eq!(input(12, b"live://1"), asked(12, Ask::Change("live://1".into())));
        assert_eq!(input(14, b"1000,7"), asked(14, Ask::Watch("1000,7".into())));
        assert_eq!(input(16, b""), asked(16, Ask::Unwatch(String::new())));
        assert_eq!(input(12, b"\xff"), Input::Unknown { op: 12 });
    }
}
