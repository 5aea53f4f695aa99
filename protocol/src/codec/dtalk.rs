//! The codec of the dtalk dialect.

use crate::comet::Seq;
use crate::head::Head;
use crate::ws::{MessageKind, Opcode, apply_mask, header};
use crate::{AuthMsg, AuthRefusal, Dialect, Framing, Layout};

use super::{
    Abilities, Acks, Answer, AuthRequest, Codec, CodecError, Delivery, Input, Output, Refusal,
    Step, Written, packet,
};

/// Op numbers of the dtalk dialect, generation 1.
pub mod op {
    /// Client to server: `AuthMsg`.
    pub const AUTH: u32 = 1;
    /// Server to client: empty when accepted.
    pub const AUTH_REPLY: u32 = 2;
    /// Client to server, empty.
    pub const HEARTBEAT: u32 = 3;
    /// Server to client: a four-byte count, always 0.
    pub const HEARTBEAT_REPLY: u32 = 4;
    /// Client to server, empty: the client closes.
    pub const DISCONNECT: u32 = 5;
    /// Client to server: a message.
    pub const SEND: u32 = 7;
    /// Server to client: the answer to a message; `ack` and `seq` are the message's `seq`.
    pub const SEND_REPLY: u32 = 8;
    /// Server to client: a delivery; `seq` from 1 per connection.
    pub const DELIVER: u32 = 9;
    /// Client to server, empty: `ack` is the delivery's `seq`.
    pub const DELIVER_ACK: u32 = 10;
}

pub(super) const ABILITIES: Abilities = Abilities { acks: Acks::Single, ..Abilities::LEAST };

/// Body of a heartbeat reply: the count is always 0.
const HEARTBEAT_BODY: [u8; 4] = [0; 4];
/// Offset of the seq in a head.
const SEQ_AT: usize = 12;
/// Length of an ack: a head without a body.
const ACK: usize = Layout::Dtalk.head_len();
/// Start of the WebSocket frame of an ack: final and binary, masked and of this length (RFC 6455
/// section 5.2). Its mask follows.
const ACK_FRAME: [u8; 2] = [0x82, 0x80 | 20];

#[derive(Debug)]
pub(super) struct Dtalk;

impl Codec for Dtalk {
    fn dialect(&self) -> Dialect {
        Dialect::Dtalk
    }

    fn abilities(&self) -> &'static Abilities {
        &ABILITIES
    }

    fn decode<'a>(&self, input: &'a [u8], max_body: usize) -> Result<Step<'a>, CodecError> {
        packet(Layout::Dtalk, input, max_body, read)
    }

    /// `ack` is 0 except in a send reply: one client takes any other value for its own ack.
    fn encode(&self, output: &Output<'_>, out: &mut Vec<u8>) {
        let mut put = |op, seq, ack, body: &[u8]| {
            Head::new(op, seq, ack).write(Layout::Dtalk, body, out);
        };
        match *output {
            Output::Accepted { seq, .. } => put(op::AUTH_REPLY, seq, 0, &[]),
            Output::Refused { seq, refusal: Refusal::Said(body), .. } => {
                put(op::AUTH_REPLY, seq, 0, body);
            }
            Output::Refused { seq, refusal: Refusal::Crowded(device), .. } => {
                put(op::AUTH_REPLY, seq, 0, &crowded(device));
            }
            Output::HeartbeatReply { seq, .. } => {
                put(op::HEARTBEAT_REPLY, seq, 0, &HEARTBEAT_BODY);
            }
            Output::Reply { seq, answer: Answer::Taken(body), .. } => {
                put(op::SEND_REPLY, seq, seq, body);
            }
            _ => {}
        }
    }

    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written {
        let len = delivery.body.len();
        let head = Head::new(op::DELIVER, delivery.seq.get(), 0).to_bytes(Layout::Dtalk, len);
        let mut before = 0;
        if framing == Framing::Messages {
            let header = header(Opcode::Binary, head.len() + len);
            before = header.len();
            write(&header);
        }
        write(&head);
        Written { seq_at: Some(before + SEQ_AT), has_body: false }
    }

    fn ack_at(&self, framing: Framing, input: &[u8]) -> Option<(u32, usize)> {
        match framing {
            Framing::Stream => Some((read_ack(input.first_chunk()?)?, ACK)),
            Framing::Messages => {
                let ([first, second, mask @ ..], payload) = input.split_first_chunk::<6>()?;
                if [*first, *second] != ACK_FRAME {
                    return None;
                }
                let mut packet = *payload.first_chunk()?;
                apply_mask(*mask, &mut packet);
                Some((read_ack(&packet)?, 6 + ACK))
            }
        }
    }
}

fn read(Head { op, seq, ack, .. }: Head, body: &[u8]) -> Result<Input<'_>, CodecError> {
    Ok(match op {
        op::AUTH => {
            let AuthMsg { app_id: app, token, ext } =
                AuthMsg::parse(body).map_err(|_| CodecError::Auth)?;
            Input::Auth(Box::new(AuthRequest { seq, app, token, ext, continuity: None }))
        }
        op::HEARTBEAT => Input::Heartbeat { seq },
        op::DISCONNECT => Input::Leave,
        op::DELIVER_ACK => Input::Ack { seq: ack },
        op::SEND => {
            let (kind, answered) = (MessageKind::Binary, Seq::NONE);
            Input::Send { seq, op, kind, answered, body }
        }
        op => Input::Unknown { op },
    })
}

/// The body that names the device that stays.
pub(super) fn crowded(device: Option<&str>) -> Vec<u8> {
    device.map(AuthRefusal::by).unwrap_or_default().to_vec()
}

fn read_ack(packet: &[u8; ACK]) -> Option<u32> {
    match crate::head::split(Layout::Dtalk, packet, 0) {
        Ok(crate::head::Split::Packet { head, .. }) if head.op == op::DELIVER_ACK => Some(head.ack),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_that_only_a_server_sends_are_unknown_from_a_client() {
        for op in [0, 2, 4, 6, 8, 9, 11, 12, 13, 14, 15, 16, 99, u32::MAX] {
            assert_eq!(read(Head::new(op, 1, 1), b""), Ok(Input::Unknown { op }));
        }
    }

    #[test]
    fn an_ack_is_read_from_the_ack_field() {
        assert_eq!(read(Head::new(op::DELIVER_ACK, 4, 7), b""), Ok(Input::Ack { seq: 7 }));
    }

    #[test]
    fn only_a_send_reply_has_an_ack() {
        let mut out = Vec::new();
        let answer = Answer::Taken(b"");
        Dtalk.encode(&Output::Reply { seq: 3, op: op::SEND, answer }, &mut out);
        Dtalk.encode(&Output::HeartbeatReply { seq: 4, members: 9 }, &mut out);
        let expected = [
            [0, 0, 0, 20, 0, 20, 0, 1, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 3].as_slice(),
            &[0, 0, 0, 24, 0, 20, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(out, expected.concat());
    }
}
