//! Frames on their way to one connection's queue, in the wire format of its peer.
//!
//! Not here: who gets what and when (`endpoints`), and how queues reach sockets (`flushing`).

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::comet::message::fitting;
use comet_protocol::comet::{
    self, AwayReason, Code, Failure, Gap as GapFrame, GapReason, GoingAway, Ping, Refused, Seq,
    ServerFrame, limits,
};
use comet_protocol::ws::handshake;
use comet_protocol::ws::{self, CloseCode, Opcode};
use comet_protocol::{Dialect, Framing, Outbound};

use super::connection::{Connection, Transport};
use super::write_queue::{Keeper, WriteQueue};
use crate::Closed;
use crate::delivery::{Answer, Class, Delivery, Gap, Held, Item, Kind};
use crate::time::Time;

/// The queue of one connection, open for frames. What is put in leaves when the turn ends.
#[derive(Debug)]
pub(in crate::shard) struct Outgoing<'a> {
    pub(super) dialect: Option<Dialect>,
    pub(super) transport: &'a mut Transport,
    pub(super) close_sent: &'a mut bool,
    pub(super) out: &'a mut WriteQueue,
    /// Bytes queued in this turn, large bodies by reference not counted.
    pub(super) queued: &'a mut usize,
}

impl Outgoing<'_> {
    /// A frame that all dialects have, with a small body. Nothing where the dialect lacks it.
    pub(in crate::shard) fn reply(&mut self, what: Outbound, body: &[u8]) {
        let framing = self.transport.framing();
        let Some(head) = self.dialect.and_then(|it| it.head(what, framing, body.len())) else {
            return;
        };
        let head = head.as_slice();
        if framing == Framing::Messages {
            self.out.push(&ws::header(Opcode::Binary, head.len() + body.len()));
        }
        self.out.push(head);
        self.out.push(body);
        *self.queued += body.len();
    }

    /// A delivery or a gap under a number, none for what has no number. `takes_latest` says that
    /// the peer understands latest deliveries.
    pub(in crate::shard) fn item(&mut self, seq: Seq, item: &Rc<Held>, takes_latest: bool) {
        match &item.item {
            Item::Delivery(delivery) => {
                let Some(dialect) = self.dialect else { return };
                let framing = self.transport.framing();
                let class = match delivery.class {
                    Class::Latest if !takes_latest => Class::BestEffort,
                    class => class,
                };
                let out = &mut *self.out;
                let mut write = |bytes: &[u8]| out.push(bytes);
                write_delivery_head(dialect, framing, class, seq.get(), delivery, &mut write);
                self.out.push_shared(&delivery.body, || Keeper::Held(Rc::clone(item)));
                *self.queued += delivery.body.len();
            }
            Item::Gap(gap) => self.gap(seq, gap),
        }
    }

    /// Word of deliveries that are missing; `seq` is their number, or none.
    pub(in crate::shard) fn gap(&mut self, seq: Seq, gap: &Gap) {
        let room = gap.room.as_deref().unwrap_or_default();
        let room = if room.len() > limits::ROOM { "" } else { room };
        let gap = GapFrame {
            from: 0,
            count: gap.count,
            reason: gap.reason.into(),
            room: room.to_owned(),
            position: gap.position,
        };
        self.frame(&ServerFrame::Gap { to: seq, gap });
    }

    /// Word that deliveries which the peer once acknowledged, and now does not have, are not kept
    /// any more.
    pub(in crate::shard) fn forgotten(&mut self, first: Seq, last: Seq) {
        if last.is_none() {
            return;
        }
        let count = (last.count_from(first) as u64).saturating_add(1);
        let reason = GapReason::Expired.into();
        let gap = GapFrame { from: first.get(), count, reason, ..GapFrame::default() };
        self.frame(&ServerFrame::Gap { to: last, gap });
    }

    /// The answer to a message of a comet peer.
    pub(in crate::shard) fn answer(&mut self, seq: Seq, answer: Answer) {
        self.frame(&match answer {
            Answer::Reply(body) => ServerFrame::SendReply { ack: seq, body },
            Answer::Refused(refusal) => {
                let refusal = comet::Refusal {
                    code: refusal.code,
                    text: String::new(),
                    retryable: refusal.retryable,
                };
                ServerFrame::Refusal { ack: seq, refusal }
            }
        });
    }

    /// A ping, if the peer has one to answer.
    pub(in crate::shard) fn ping(&mut self, now: Time) {
        if self.dialect == Some(Dialect::Comet) {
            let stamp = now.as_micros().to_be_bytes();
            self.frame(&ServerFrame::Ping(Ping { stamp, round_trip_us: None }));
        } else {
            self.control(Opcode::Ping, &[]);
        }
    }

    /// Refusal of a session to a comet peer, with the time after which coming back may help.
    pub(in crate::shard) fn refused(
        &mut self,
        ack: u32,
        code: Code,
        return_after: Option<Duration>,
        body: &[u8],
    ) {
        let refused = Refused {
            code: code.get(),
            text: String::new(),
            retryable: return_after.is_some(),
            return_after_ms: millis(return_after.unwrap_or_default()),
            body: Bytes::copy_from_slice(if body.len() > limits::OPAQUE_BODY { &[] } else { body }),
        };
        self.frame(&ServerFrame::Refused { ack, refused });
    }

    /// The last frames on a connection: why it ends, as far as its dialect can say it.
    pub(in crate::shard) fn close_reason(&mut self, closed: &Closed) {
        if let (Some(Dialect::Comet), false, Some((code, retryable))) =
            (self.dialect, *self.close_sent, closed.failure())
        {
            let failure = Failure {
                code: code.get(),
                text: fitting(&closed.to_string()).to_owned(),
                retryable,
                return_after_ms: 0,
            };
            self.frame(&ServerFrame::Error(failure));
        }
        self.close(closed.ws_code());
    }

    /// Word to a comet peer that the gateway goes away, and when to come back.
    pub(in crate::shard) fn going_away(&mut self, return_after: Duration, ticket: Bytes) {
        let away = GoingAway {
            reason: AwayReason::Restart.into(),
            return_after_ms: millis(return_after),
            may_resume: false,
            ticket,
        };
        self.frame(&ServerFrame::GoingAway(away));
    }

    /// Any frame of the comet dialect.
    pub(in crate::shard) fn frame(&mut self, frame: &ServerFrame) {
        let mut bytes = Vec::with_capacity(64);
        frame.write(&mut bytes);
        if self.transport.framing() == Framing::Messages {
            self.out.push(&ws::header(Opcode::Binary, bytes.len()));
        }
        self.out.push(&bytes);
        *self.queued += bytes.len();
    }

    /// A WebSocket control frame.
    pub(in crate::shard) fn control(&mut self, opcode: Opcode, payload: &[u8]) {
        self.out.push(&ws::header(opcode, payload.len()));
        self.out.push(payload);
    }

    /// A close frame on a WebSocket, once; elsewhere nothing.
    pub(in crate::shard) fn close(&mut self, code: Option<CloseCode>) {
        if matches!(self.transport, Transport::WebSocket(_)) && !*self.close_sent {
            *self.close_sent = true;
            let code = code.map(|code| code.get().to_be_bytes());
            self.control(Opcode::Close, code.as_ref().map_or(&[], |code| code));
        }
    }

    /// The answer to an upgrade request; frames follow.
    pub(in crate::shard) fn upgraded(&mut self, key: &str, subprotocol: Option<&str>) {
        let mut response = Vec::with_capacity(160);
        handshake::write_accept(&mut response, key, subprotocol);
        self.bytes(&response);
        *self.transport = Transport::websocket();
    }

    /// Bytes as they are.
    pub(in crate::shard) fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(bytes);
    }

    /// The queue itself, for what a publisher has encoded already.
    pub(in crate::shard) fn encoded(&mut self, write: impl FnOnce(&mut WriteQueue)) {
        let before = self.out.len();
        write(self.out);
        *self.queued += self.out.len() - before;
    }
}

impl<'a> Outgoing<'a> {
    pub(super) fn of(
        connection: &'a mut Connection,
        queued: &'a mut usize,
        new: impl FnOnce() -> Box<WriteQueue>,
    ) -> Self {
        let Connection { dialect, transport, state, out, .. } = connection;
        Outgoing {
            dialect: *dialect,
            transport,
            close_sent: &mut state.close_sent,
            out: out.get_or_insert_with(new),
            queued,
        }
    }
}

/// Durations as frames carry them.
pub(in crate::shard) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Writes all of a delivery that goes before its body, and returns where the number stands among
/// these bytes, if there is one. `class` is what the peer gets it as, where its dialect says so.
pub(in crate::shard) fn write_delivery_head(
    dialect: Dialect,
    framing: Framing,
    class: Class,
    seq: u32,
    delivery: &Delivery,
    write: &mut dyn FnMut(&[u8]),
) -> Option<usize> {
    if dialect == Dialect::Comet {
        return write_comet_head(framing, class, seq, delivery, write);
    }
    let body_len = delivery.body.len();
    let head = dialect.head(Outbound::Deliver { seq }, framing, body_len)?;
    let mut before = 0;
    if framing == Framing::Messages {
        let opcode = match (dialect, delivery.kind) {
            (Dialect::Raw, Kind::Text) => Opcode::Text,
            _ => Opcode::Binary,
        };
        let header = ws::header(opcode, head.as_slice().len() + body_len);
        before = header.len();
        write(&header);
    }
    write(head.as_slice());
    head.seq_at().map(|at| before + at)
}

fn write_comet_head(
    framing: Framing,
    class: Class,
    seq: u32,
    delivery: &Delivery,
    write: &mut dyn FnMut(&[u8]),
) -> Option<usize> {
    let key = delivery.key.as_deref().filter(|_| class == Class::Latest);
    let (class, prefix) = match (class, key) {
        (Class::Acked, _) => (comet::Class::Acked, 0),
        (Class::Latest, Some(key)) => (comet::Class::Latest, 1 + key.len()),
        _ => (comet::Class::BestEffort, 0),
    };
    let body_len = prefix + delivery.body.len();
    let head = comet::deliver_head(class, Seq::new(seq), body_len);
    let mut before = 0;
    if framing == Framing::Messages {
        let header = ws::header(Opcode::Binary, head.len() + body_len);
        before = header.len();
        write(&header);
    }
    write(&head);
    if let Some(key) = key {
        write(&[u8::try_from(key.len()).unwrap_or(u8::MAX)]);
        write(key);
    }
    (class == comet::Class::Acked).then_some(before + comet::SEQ_AT)
}
