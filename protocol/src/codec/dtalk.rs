//! The codec of the dtalk dialect.

use crate::comet::Seq;
use crate::dialect::{HEARTBEAT_BODY, op};
use crate::head::Head;
use crate::ws::{MessageKind, Opcode, apply_mask, header};
use crate::{AuthMsg, AuthRefusal, Dialect, Framing, Layout};

use super::{
    Abilities, Acks, Answer, AuthRequest, Codec, CodecError, Delivery, Input, Output, Refusal,
    Step, Written, packet,
};

pub(super) const ABILITIES: Abilities = Abilities { acks: Acks::Single, ..Abilities::LEAST };

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
