//! The desktop's side of a connection: its counter, heartbeats, frames.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use comet_testkit::frame::{
    AUTH, DELIVER, DELIVER_ACK, DISCONNECT, Frame, HEARTBEAT, HEARTBEAT_REPLY, SEND, SEND_REPLY,
    frame,
};

use super::super::Output;
use super::super::content::{Login, Message, Signal, auth, opened};
use super::{BEAT, Desktop, Purpose};

/// Type of a web browser.
const WEB: u64 = 5;

/// State of a connection.
#[derive(Debug, Default)]
pub(super) struct Line {
    seq: u32,
    /// Heartbeats without a reply.
    beats: VecDeque<u32>,
    next_beat: Option<Instant>,
    /// Messages without a reply, by seq.
    asked: BTreeMap<u32, String>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn auth(token: &str, uuid: &str, automatic: bool) -> Frame {
        let login = Login {
            device: WEB,
            conn_type: automatic.into(),
            uuid: uuid.to_owned(),
            device_name: uuid.to_owned(),
            username: String::new(),
            device_token: String::new(),
        };
        frame(AUTH, 0, auth(token, &login, true))
    }

    pub(super) fn open(&mut self, now: Instant) {
        self.next_beat = Some(now + BEAT);
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_beat.is_some_and(|due| now >= due)
    }

    /// A heartbeat; `None` if the one before has no reply.
    pub(super) fn beat(&mut self, now: Instant) -> Option<Frame> {
        if !self.beats.is_empty() {
            return None;
        }
        self.next_beat = Some(now + BEAT);
        let seq = self.count();
        self.beats.push_back(seq);
        Some(frame(HEARTBEAT, seq, b""))
    }

    pub(super) fn message(&mut self, body: Vec<u8>, msg_id: &str) -> Frame {
        let seq = self.count();
        self.asked.insert(seq, msg_id.to_owned());
        frame(SEND, seq, body)
    }

    pub(super) fn goodbye(&mut self) -> Output<Purpose> {
        Output::Send(frame(DISCONNECT, self.count(), b""))
    }

    fn count(&mut self) -> u32 {
        self.seq += 1;
        self.seq
    }
}

impl Desktop {
    pub(super) fn frame(&mut self, frame: &Frame, now: Instant) {
        match frame.op {
            HEARTBEAT_REPLY => {
                let beats = &mut self.line.beats;
                let at = beats.iter().position(|seq| *seq == frame.seq);
                beats.remove(at.unwrap_or_else(|| beats.len().saturating_sub(1)));
            }
            SEND_REPLY => match self.line.asked.remove(&frame.ack) {
                Some(msg_id) => {
                    let (log_id, time) = lenient_ack(&frame.body);
                    self.book.answered(&msg_id, log_id, time);
                }
                None => self.fault(format!("a reply to nothing: {frame:?}")),
            },
            DELIVER => {
                match opened(&frame.body) {
                    (0 | 1, common) => self.take(Message::read(&common), now),
                    (2, signal) => {
                        if let Signal::Revoke(log_id) = Signal::read(&signal) {
                            self.book.revoke(log_id);
                        }
                    }
                    (other, _) => self.fault(format!("event type {other}")),
                }
                let seq = self.line.count();
                let ack = Frame { ver: 1, op: DELIVER_ACK, seq, ack: frame.seq, body: Vec::new() };
                self.outputs.push_back(Output::Send(ack));
            }
            _ => self.fault(format!("unknown type: {frame:?}")),
        }
    }
}

/// Decodes a `Proto` as the `CommonAck` inside it, as a decoder does that looks at the numbers of
/// fields, and at the wire types of those alone that it skips.
fn lenient_ack(body: &[u8]) -> (i64, u64) {
    let (mut log_id, mut time) = (0, 0);
    let mut rest = body;
    while !rest.is_empty() {
        let key = varint(&mut rest);
        match key >> 3 {
            2 => log_id = varint(&mut rest).cast_signed(),
            8 => time = varint(&mut rest),
            _ => {
                assert_eq!(key & 7, 0, "a decoder that fails at {body:?}");
                varint(&mut rest);
            }
        }
    }
    (log_id, time)
}

fn varint(rest: &mut &[u8]) -> u64 {
    let end = rest.iter().position(|byte| byte & 0x80 == 0).expect("a varint");
    let (bytes, after) = rest.split_at(end + 1);
    *rest = after;
    bytes.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

#[cfg(test)]
mod tests {
    use comet_testkit::protobuf::hex;

    use super::lenient_ack;

    /// The vector of the specification (2.9).
    #[test]
    fn the_id_inside_replaces_the_length_before_it() {
        let body = hex("0801 120f 10cb89a9b0cf9a29 40e8d795ffbc31");
        assert_eq!(lenient_ack(&body), (181_234_567_890_123, 1_700_000_001_000));
    }

    #[test]
    fn whatever_has_the_number_of_the_id_and_comes_later_is_taken_for_it() {
        let body = hex("0801 120f 10cb89a9b0cf9a29 40e8d795ffbc31 1005");
        assert_eq!(lenient_ack(&body).0, 5);
    }
}
