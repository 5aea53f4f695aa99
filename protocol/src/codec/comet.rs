//! The codec of the comet dialect.

use crate::comet::message::capability;
use crate::comet::{
    self, Class, ClientFrame, FrameError, Ping, Refused, SEQ_AT, Seq, ServerFrame, deliver_head,
    limits,
};
use crate::head::Head;
use crate::ws::{MessageKind, Opcode, header};
use crate::{Dialect, Framing, Layout};
use bytes::Bytes;
use std::time::Duration;

use super::{
    Abilities, Acks, Answer, AuthRequest, Beside, Codec, CodecError, Continuity, Delivery, Input,
    Output, Refusal, Step, Written, packet,
};

pub(super) const ABILITIES: Abilities = Abilities {
    acks: Acks::Cumulative,
    gaps: true,
    tickets: true,
    pings: true,
    reasons: true,
    retries: false,
    strict: true,
    batches: true,
    ..Abilities::LEAST
};

#[derive(Debug)]
pub(super) struct Comet;

impl Codec for Comet {
    fn dialect(&self) -> Dialect {
        Dialect::Comet
    }

    fn abilities(&self) -> &'static Abilities {
        &ABILITIES
    }

    fn decode<'a>(&self, input: &'a [u8], max_body: usize) -> Result<Step<'a>, CodecError> {
        packet(Layout::Dtalk, input, max_body, read)
    }

    fn encode(&self, output: &Output<'_>, out: &mut Vec<u8>) {
        match *output {
            Output::Accepted { seq, welcome, .. } => {
                comet::write_message(comet::op::WELCOME, 0, seq, welcome, out);
            }
            Output::Refused { seq, code, return_after, refusal } => {
                let body = match refusal {
                    Refusal::Said(body) if body.len() <= limits::OPAQUE_BODY => body,
                    _ => &[],
                };
                let refused = Refused {
                    code: code.get(),
                    text: String::new(),
                    retryable: return_after.is_some(),
                    return_after_ms: millis(return_after.unwrap_or_default()),
                    body: Bytes::copy_from_slice(body),
                };
                comet::write_message(comet::op::REFUSED, 0, seq, &refused, out);
            }
            Output::Reply { seq, answer: Answer::Taken(body), .. } => {
                comet::write(comet::op::SEND_REPLY, 0, seq, body, out);
            }
            Output::Reply { seq, answer: Answer::Refused { code, retryable }, .. } => {
                let refusal = comet::Refusal { code, text: String::new(), retryable };
                ServerFrame::Refusal { ack: Seq::new(seq), refusal }.write(out);
            }
            Output::Gap { to, gap } => comet::write_message(comet::op::GAP, to.get(), 0, gap, out),
            Output::Ping { stamp } => {
                ServerFrame::Ping(Ping { stamp, round_trip_us: None }).write(out);
            }
            Output::Pong { stamp } => ServerFrame::Pong { stamp }.write(out),
            Output::GoingAway(away) => {
                comet::write_message(comet::op::GOING_AWAY, 0, 0, away, out);
            }
            Output::Failure(failure) => {
                comet::write_message(comet::op::ERROR, 0, 0, failure, out);
            }
            Output::HeartbeatReply { .. } | Output::Misunderstood { .. } => {}
        }
    }

    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written {
        let key = delivery.key.filter(|_| delivery.class == Class::Latest);
        let (class, prefix) = match (delivery.class, key) {
            (Class::Acked, _) => (Class::Acked, 0),
            (Class::Latest, Some(key)) => (Class::Latest, 1 + key.len()),
            _ => (Class::BestEffort, 0),
        };
        let len = prefix + delivery.body.len();
        let head = deliver_head(class, delivery.seq, len);
        let mut before = 0;
        if framing == Framing::Messages {
            let header = header(Opcode::Binary, head.len() + len);
            before = header.len();
            write(&header);
        }
        write(&head);
        if let Some(key) = key {
            write(&[u8::try_from(key.len()).unwrap_or(u8::MAX)]);
            write(key);
        }
        let seq_at = (class == Class::Acked).then_some(before + SEQ_AT);
        Written { seq_at, has_body: false }
    }
}

fn read(head: Head, body: &[u8]) -> Result<Input<'_>, FrameError> {
    Ok(match ClientFrame::decode(head, body)? {
        ClientFrame::Auth { seq, auth } => {
            let can = |ability| auth.capabilities & ability != 0;
            let continuity = Continuity {
                up_to: Seq::new(auth.last_seq),
                first_send: auth.first_send(),
                max_body: auth.max_body,
                numbers_messages: true,
                takes_latest: can(capability::LATEST),
                keeps_tickets: can(capability::RESUME),
                beside: Beside {
                    lanes: can(capability::LANES),
                    datagrams: can(capability::DATAGRAMS),
                },
                ticket: auth.ticket,
                ranges: auth.ranges,
            };
            let (app, token, ext) = (auth.app_id, auth.token, auth.ext);
            let continuity = Some(continuity);
            Input::Auth(Box::new(AuthRequest { seq, app, token, ext, continuity }))
        }
        ClientFrame::Ack(received) => Input::Received(received),
        ClientFrame::Send { seq, answered, body } => {
            let (seq, kind) = (seq.get(), MessageKind::Binary);
            Input::Send { seq, op: 0, kind, answered, body }
        }
        ClientFrame::Ping(ping) => Input::Ping { stamp: ping.stamp },
        ClientFrame::Pong { stamp } => Input::Pong { stamp },
        ClientFrame::Leave => Input::Leave,
        ClientFrame::Unknown { op } => Input::Unknown { op },
    })
}

/// Duration in milliseconds, as in frames.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
