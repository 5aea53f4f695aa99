//! Frames of the comet dialect that are not deliveries: what becomes of the connection and the
//! session, and what is missing.

use std::time::Duration;

use bytes::Bytes;
use comet_protocol::comet::message::fitting;
use comet_protocol::comet::{
    AwayReason, Code, Failure, Gap as GapFrame, GapReason, GoingAway, Ping, Refused, Seq,
    ServerFrame, limits,
};
use comet_protocol::ws::{self, Opcode};
use comet_protocol::{Dialect, Framing};

use super::Shard;
use crate::Closed;
use crate::delivery::{Answer, Gap};

impl Shard {
    /// Whether the connection speaks the comet dialect.
    pub(super) fn speaks_comet(&mut self, slot: u32) -> bool {
        self.connections.get_mut(slot).is_some_and(|it| it.dialect == Some(Dialect::Comet))
    }

    /// Queues a frame of the comet dialect.
    pub(super) fn tell(&mut self, slot: u32, frame: &ServerFrame) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let framing = connection.transport.framing();
        let mut bytes = Vec::with_capacity(64);
        frame.write(&mut bytes);
        let Some(out) = self.connections.queue(slot, self.now) else { return };
        if framing == Framing::Messages {
            out.push(&ws::header(Opcode::Binary, bytes.len()));
        }
        out.push(&bytes);
        self.queued += bytes.len();
    }

    /// Says that deliveries are missing; `seq` is their number, or none.
    pub(super) fn send_gap(&mut self, slot: u32, seq: Seq, gap: &Gap) {
        let room = gap.room.as_deref().unwrap_or_default();
        let room = if room.len() > limits::ROOM { "" } else { room };
        let gap = GapFrame {
            from: 0,
            count: gap.count,
            reason: gap.reason.into(),
            room: room.to_owned(),
            position: gap.position,
        };
        self.tell(slot, &ServerFrame::Gap { to: seq, gap });
    }

    /// Says that what a peer acknowledged, and now does not have, is not kept any more.
    pub(super) fn send_forgotten(&mut self, slot: u32, first: Seq, last: Seq) {
        if last.is_none() {
            return;
        }
        let count = (last.count_from(first) as u64).saturating_add(1);
        let reason = GapReason::Expired.into();
        let gap = GapFrame { from: first.get(), count, reason, ..GapFrame::default() };
        self.tell(slot, &ServerFrame::Gap { to: last, gap });
    }

    /// Answers a message.
    pub(super) fn send_answer(&mut self, slot: u32, seq: Seq, answer: Answer) {
        let frame = match answer {
            Answer::Reply(body) => ServerFrame::SendReply { ack: seq, body },
            Answer::Refused(refusal) => {
                let refusal = comet_protocol::comet::Refusal {
                    code: refusal.code,
                    text: String::new(),
                    retryable: refusal.retryable,
                };
                ServerFrame::Refusal { ack: seq, refusal }
            }
        };
        self.tell(slot, &frame);
    }

    /// Asks the peer for a sign of life, and for the round trip.
    pub(super) fn send_ping(&mut self, slot: u32) {
        let now = self.now;
        if let Some(conversation) = self.conversation_mut(slot) {
            conversation.pinged = Some(now);
        }
        let stamp = now.as_micros().to_be_bytes();
        self.tell(slot, &ServerFrame::Ping(Ping { stamp, round_trip_us: None }));
    }

    /// Says that there is no session, and when to come back if that may help.
    pub(super) fn send_refused(
        &mut self,
        slot: u32,
        code: Code,
        return_after: Option<Duration>,
        body: &[u8],
    ) {
        let Some(member) = self.bucket.get(slot) else { return };
        let (ack, _) = member.session.handshake();
        let refused = Refused {
            code: code.get(),
            text: String::new(),
            retryable: return_after.is_some(),
            return_after_ms: millis(return_after.unwrap_or_default()),
            body: Bytes::copy_from_slice(if body.len() > limits::OPAQUE_BODY { &[] } else { body }),
        };
        self.tell(slot, &ServerFrame::Refused { ack, refused });
    }

    /// The last words on a connection: why it ends, in whatever way its dialect can say it.
    pub(super) fn say_why(&mut self, slot: u32, closed: &Closed) {
        let close_sent = self.connections.get_mut(slot).is_none_or(|it| it.state.close_sent);
        if let (true, false, Some((code, retryable))) =
            (self.speaks_comet(slot), close_sent, closed.failure())
        {
            let failure = Failure {
                code: code.get(),
                text: fitting(&closed.to_string()).to_owned(),
                retryable,
                return_after_ms: 0,
            };
            self.tell(slot, &ServerFrame::Error(failure));
        }
        self.send_close(slot, closed.ws_code());
    }

    /// Says that the gateway goes away, and when to come back.
    pub(super) fn send_going_away(&mut self, slot: u32, return_after: Duration) {
        if !self.speaks_comet(slot) {
            return;
        }
        let ticket = self.ticket_for_later(slot, return_after).unwrap_or_default();
        let away = GoingAway {
            reason: AwayReason::Restart.into(),
            return_after_ms: millis(return_after),
            may_resume: false,
            ticket,
        };
        self.tell(slot, &ServerFrame::GoingAway(away));
    }
}

/// As frames carry durations.
pub(super) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
