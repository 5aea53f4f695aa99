//! Frames on their way to one connection's queue, in the wire format of its peer.
//!
//! Not here: the choice of recipients (`endpoints`), and writes to sockets (`flushing`).

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::codec::{self, Output};
use comet_protocol::comet::message::fitting;
use comet_protocol::comet::{self, AwayReason, Failure, GapReason, GoingAway, Seq, limits};
use comet_protocol::ws::deflate::Agreement;
use comet_protocol::ws::handshake;
use comet_protocol::ws::{self, CloseCode, Opcode};
use comet_protocol::{Dialect, Framing};

use super::compressor::Compressor;
use super::connection::{Connection, Format, FramingState, Side};
use super::write_queue::{Keeper, WriteQueue};
use crate::Closed;
use crate::config::DeflateConfig;
use crate::delivery::{Answer, Class, Gap, Held, Item, Lane};
use crate::time::Time;

/// Bytes of the scratch buffer that are kept.
const SCRATCH: usize = 16 * 1024;

/// The queue of one connection, open for frames, which leave when the turn ends.
#[derive(Debug)]
pub(in crate::shard) struct Outgoing<'a> {
    dialect: Option<Dialect>,
    framing: &'a mut FramingState,
    side: &'a mut Side,
    out: &'a mut WriteQueue,
    /// Bytes queued in this turn, large bodies by reference not counted.
    queued: &'a mut usize,
    scratch: &'a mut Scratch,
}

/// Buffers of a shard into which frames are encoded; nothing stays in them.
#[derive(Debug)]
pub(in crate::shard) struct Scratch {
    frame: Vec<u8>,
    compressor: Compressor,
}

impl Scratch {
    pub(super) fn new(deflate: &DeflateConfig) -> Self {
        Self { frame: Vec::new(), compressor: Compressor::new(deflate) }
    }

    /// The compressor of deliveries that several connections get.
    pub(in crate::shard) fn compressor(&mut self) -> &mut Compressor {
        &mut self.compressor
    }
}

impl<'a> Outgoing<'a> {
    pub(super) fn of(
        connection: &'a mut Connection,
        (queued, scratch): (&'a mut usize, &'a mut Scratch),
        new: impl FnOnce() -> Box<WriteQueue>,
    ) -> Self {
        let Connection { dialect, framing, state, out, .. } = connection;
        Outgoing {
            dialect: *dialect,
            framing,
            side: &mut state.ours,
            out: out.get_or_insert_with(new),
            queued,
            scratch,
        }
    }

    /// The queue of a lane of the connection.
    pub(super) fn of_lane(
        connection: &'a mut Connection,
        lane: Lane,
        (queued, scratch): (&'a mut usize, &'a mut Scratch),
        new: impl FnOnce() -> Box<WriteQueue>,
    ) -> Self {
        let Connection { dialect, framing, state, extras, .. } = connection;
        Outgoing {
            dialect: *dialect,
            framing,
            side: &mut state.ours,
            out: extras.lanes_or_new().queue_mut(lane).get_or_insert_with(new),
            queued,
            scratch,
        }
    }

    /// A frame, where the dialect has one of the kind.
    pub(in crate::shard) fn put(&mut self, output: &Output<'_>) {
        let Some(dialect) = self.dialect else { return };
        let Scratch { frame, compressor } = &mut *self.scratch;
        frame.clear();
        dialect.codec().encode(output, frame);
        if frame.is_empty() {
            return;
        }
        *self.queued += frame.len();
        let opcode = if dialect.abilities().text { Opcode::Text } else { Opcode::Binary };
        match self.framing.deflate() {
            Some(window) if compressor.takes(frame.len()) => {
                let write = |out: &mut Vec<u8>| ws::write_frame(out, opcode, frame);
                self.out.push(compressor.frame(window, write));
            }
            _ => {
                if self.framing.kind() == Framing::Messages {
                    self.out.push(&ws::header(opcode, frame.len()));
                }
                self.out.push(frame);
            }
        }
        frame.shrink_to(SCRATCH);
    }

    /// A delivery or a gap under a number, none for what has no number. `takes_latest` says that
    /// the peer understands latest deliveries.
    pub(in crate::shard) fn item(&mut self, seq: Seq, item: &Rc<Held>, takes_latest: bool) {
        let delivery = match &item.item {
            Item::Delivery(delivery) => delivery,
            Item::Gap(gap) => return self.gap(seq, gap),
        };
        let Some(dialect) = self.dialect else { return };
        let format = Format::new(dialect, self.framing);
        let class = match delivery.class {
            Class::Latest if !takes_latest => Class::BestEffort,
            class => class,
        };
        *self.queued += delivery.body.len();
        let compressor = &mut self.scratch.compressor;
        if let Some(window) = format.deflate().filter(|_| compressor.takes(delivery.body.len())) {
            let frame = compressor.frame(window, |out| {
                let mut write = |bytes: &[u8]| out.extend_from_slice(bytes);
                let what = (delivery, item.room());
                if !format.write(class, seq, what, &mut write).has_body {
                    out.extend_from_slice(&delivery.body);
                }
            });
            return self.out.push(frame);
        }
        let out = &mut *self.out;
        let mut write = |bytes: &[u8]| out.push(bytes);
        let written = format.write(class, seq, (delivery, item.room()), &mut write);
        if !written.has_body {
            self.out.push_shared(&delivery.body, || Keeper::Held(Rc::clone(item)));
        }
    }

    /// Word of deliveries that are missing; `seq` is their number, or none.
    pub(in crate::shard) fn gap(&mut self, seq: Seq, gap: &Gap) {
        if !self.abilities().gaps {
            return;
        }
        let room = gap.room.as_deref().unwrap_or_default();
        let room = if room.len() > limits::ROOM { "" } else { room };
        let gap = comet::Gap {
            from: 0,
            count: gap.count,
            reason: gap.reason.into(),
            room: room.to_owned(),
            position: gap.position,
        };
        self.put(&Output::Gap { to: seq, gap: &gap });
    }

    /// Word that deliveries which the peer once acknowledged, and now does not have, are not kept
    /// any more.
    pub(in crate::shard) fn forgotten(&mut self, first: Seq, last: Seq) {
        if last.is_none() {
            return;
        }
        let count = (last.count_from(first) as u64).saturating_add(1);
        let reason = GapReason::Expired.into();
        let gap = comet::Gap { from: first.get(), count, reason, ..comet::Gap::default() };
        self.put(&Output::Gap { to: last, gap: &gap });
    }

    /// The answer to a message.
    pub(in crate::shard) fn answer(&mut self, seq: u32, op: u32, answer: &Answer) {
        let answer = match answer {
            Answer::Reply(body) => codec::Answer::Taken(body),
            Answer::Refused(refusal) => {
                codec::Answer::Refused { code: refusal.code, retryable: refusal.retryable }
            }
        };
        self.put(&Output::Reply { seq, op, answer });
    }

    /// A ping, of the dialect or else of WebSocket.
    pub(in crate::shard) fn ping(&mut self, now: Time) {
        if self.abilities().pings {
            self.put(&Output::Ping { stamp: now.as_micros().to_be_bytes() });
        } else {
            self.control(Opcode::Ping, &[]);
        }
    }

    /// The last frames on a connection: why it ends, as far as its dialect can say it.
    pub(in crate::shard) fn close_reason(&mut self, closed: &Closed) {
        if let (true, false, Some((code, retryable))) =
            (self.abilities().reasons, *self.side != Side::Open, closed.failure())
        {
            let failure = Failure {
                code: code.get(),
                text: fitting(&closed.to_string()).to_owned(),
                retryable,
                return_after_ms: 0,
            };
            self.put(&Output::Failure(&failure));
        }
        self.close(closed.ws_code());
    }

    /// Word that the gateway goes away, and when to come back.
    pub(in crate::shard) fn going_away(&mut self, return_after: Duration, ticket: Bytes) {
        self.put(&Output::GoingAway(&GoingAway {
            reason: AwayReason::Restart.into(),
            return_after_ms: millis(return_after),
            may_resume: false,
            ticket,
        }));
    }

    /// A WebSocket control frame.
    pub(in crate::shard) fn control(&mut self, opcode: Opcode, payload: &[u8]) {
        self.out.push(&ws::header(opcode, payload.len()));
        self.out.push(payload);
    }

    /// A close frame on a WebSocket, once; elsewhere nothing.
    pub(in crate::shard) fn close(&mut self, code: Option<CloseCode>) {
        if matches!(self.framing, FramingState::WebSocket(_)) && *self.side == Side::Open {
            *self.side = Side::Ending;
            let code = code.map(|code| code.get().to_be_bytes());
            self.control(Opcode::Close, code.as_ref().map_or(&[], |code| code));
        }
    }

    /// The answer to an upgrade request; frames follow.
    pub(in crate::shard) fn upgraded(
        &mut self,
        key: &str,
        subprotocol: Option<&str>,
        deflate: Option<Agreement>,
    ) {
        let mut response = Vec::with_capacity(160);
        handshake::write_accept_with(&mut response, key, subprotocol, deflate.as_ref());
        self.bytes(&response);
        *self.framing = FramingState::websocket(deflate);
    }

    /// Bytes as they are.
    pub(in crate::shard) fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(bytes);
    }

    /// The queue itself, for frames that a publisher has encoded already.
    pub(in crate::shard) fn encoded(&mut self, write: impl FnOnce(&mut WriteQueue)) {
        let before = self.out.len();
        write(self.out);
        *self.queued += self.out.len() - before;
    }

    fn abilities(&self) -> &'static codec::Abilities {
        self.dialect.unwrap_or(Dialect::Raw).abilities()
    }
}

/// Durations as frames carry them.
pub(in crate::shard) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
