//! A dtalk client with the behaviour of deployed ones: it acks each delivery, drops duplicates
//! within a connection, and reconnects with its device.

use std::collections::VecDeque;

use bytes::Bytes;
use comet_protocol::{AuthMsg, Decoder, Frame, Head, Layout, op};

use super::Wish;
use crate::body::Body;
use crate::history::{Answer, Attempt, Log, Loss, MessageId, What};
use crate::names;
use crate::plan::ClientIdentity;
use crate::random::Random;

const MILLIS: u64 = 1_000;
/// Time without output before a heartbeat, and time without input before it gives up.
const HEARTBEAT: u64 = 2_000 * MILLIS;
const PATIENCE: u64 = 6_000 * MILLIS;
/// Time without a reply after which a message is sent again.
const RETRY: u64 = 3_000 * MILLIS;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waiting { until: u64 },
    Dialing,
    Asked { deadline: u64 },
    Open,
    Left,
}

#[derive(Debug)]
struct Question {
    message: MessageId,
    body: Bytes,
    /// Its number on this connection, if sent on it.
    seq: Option<u32>,
    due: u64,
}

/// A session of the dtalk dialect.
#[derive(Debug)]
pub(crate) struct DtalkClient {
    identity: ClientIdentity,
    state: State,
    attempt: Attempt,
    log: Log,
    random: Random,
    decoder: Decoder,
    /// The last number sent, and the last number seen.
    sent: u32,
    seen: u32,
    said: u64,
    heard: u64,
    questions: VecDeque<Question>,
    out: Vec<u8>,
    wishes: Vec<Wish>,
}

impl DtalkClient {
    pub(crate) fn new(now: u64, identity: ClientIdentity, log: Log, random: Random) -> Self {
        Self {
            identity,
            state: State::Waiting { until: now },
            attempt: Attempt::default(),
            log,
            random,
            decoder: Decoder::new(Layout::Dtalk, 1 << 20),
            sent: 0,
            seen: 0,
            said: now,
            heard: now,
            questions: VecDeque::new(),
            out: Vec::new(),
            wishes: Vec::new(),
        }
    }

    pub(super) const fn dialed(&mut self, attempt: Attempt) {
        self.attempt = attempt;
    }

    pub(super) fn handle_connected(&mut self, now: u64) {
        if self.state != State::Dialing {
            return;
        }
        self.state = State::Asked { deadline: now + PATIENCE };
        self.decoder = Decoder::new(Layout::Dtalk, 1 << 20);
        (self.sent, self.seen) = (0, 0);
        let auth = AuthMsg {
            app_id: names::APP.into(),
            token: names::token(self.identity.user),
            ext: names::ext(self.attempt, self.identity.device),
        };
        self.write(now, op::AUTH, 0, &auth.to_vec());
    }

    pub(super) fn handle_disconnected(&mut self, now: u64) {
        self.log.note(What::Lost { attempt: self.attempt });
        self.wait(now);
    }

    pub(super) fn handle_bytes(&mut self, now: u64, bytes: &[u8]) {
        if !matches!(self.state, State::Asked { .. } | State::Open) {
            return;
        }
        self.heard = now;
        self.decoder.push(bytes);
        while matches!(self.state, State::Asked { .. } | State::Open) {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => self.read(now, &frame),
                Ok(None) => return,
                Err(_broken) => {
                    self.nonsense("bytes that are no frame");
                    self.hang_up(now);
                }
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: u64) {
        match self.state {
            State::Waiting { until } if until <= now => {
                self.state = State::Dialing;
                self.wishes.push(Wish::Dial);
            }
            State::Asked { deadline } if deadline <= now => self.hang_up(now),
            State::Open if now >= self.heard + PATIENCE => self.hang_up(now),
            State::Open => self.say(now),
            _ => {}
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Asked { deadline } => Some(deadline),
            State::Dialing | State::Left => None,
            State::Open => {
                let retry = self.questions.iter().map(|question| question.due).min();
                let due = (self.said + HEARTBEAT).min(self.heard + PATIENCE);
                Some(retry.map_or(due, |retry| retry.min(due)))
            }
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        if self.out.is_empty() { None } else { Some(std::mem::take(&mut self.out).into()) }
    }

    pub(super) fn poll_wishes(&mut self, wishes: &mut Vec<Wish>) {
        wishes.append(&mut self.wishes);
    }

    pub(super) fn send(&mut self, now: u64, message: MessageId, len: usize) -> bool {
        if self.state == State::Left || self.questions.len() >= 16 {
            return false;
        }
        self.log.note(What::Sent { client: self.identity.client, message });
        let body = Body::Message(message).to_bytes(len);
        self.questions.push_back(Question { message, body, seq: None, due: now });
        if self.state == State::Open {
            self.say(now);
        }
        true
    }

    pub(super) fn standing(&self) -> Option<Attempt> {
        (self.state == State::Open).then_some(self.attempt)
    }

    pub(super) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    pub(super) fn leave(&mut self, now: u64) {
        if self.state == State::Open {
            self.write(now, op::DISCONNECT, 0, &[]);
            self.wishes.push(Wish::HangUp);
        } else if matches!(self.state, State::Asked { .. } | State::Dialing) {
            self.wishes.push(Wish::HangUp);
        }
        self.state = State::Left;
        let (client, attempt) = (self.identity.client, self.attempt);
        self.log.note(What::Over { client, attempt, code: 0 });
        self.wishes.push(Wish::Rest);
    }

    fn read(&mut self, now: u64, frame: &Frame) {
        let Head { op, seq, ack, .. } = frame.head;
        match op {
            op::AUTH_REPLY if frame.body.is_empty() => {
                self.state = State::Open;
                let (attempt, loss) = (self.attempt, Loss::None);
                self.log.note(What::Opened { attempt, resumed: false, loss });
                self.questions.iter_mut().for_each(|question| question.due = now);
                self.questions.iter_mut().for_each(|question| question.seq = None);
                self.say(now);
            }
            op::AUTH_REPLY => self.hang_up(now),
            op::DELIVER => self.deliver(now, seq, &frame.body),
            op::SEND_REPLY => self.answer(ack, &frame.body),
            op::DISCONNECT => self.hang_up(now),
            _ => {}
        }
    }

    fn deliver(&mut self, now: u64, seq: u32, body: &[u8]) {
        if seq != 0 {
            self.write(now, op::DELIVER_ACK, seq, &[]);
            if seq <= self.seen {
                return;
            }
            if seq != self.seen + 1 {
                self.nonsense("a number was left out");
            }
            self.seen = seq;
        }
        match Body::parse(body) {
            Some(Body::Push(push)) => {
                self.log.note(What::Saw { attempt: self.attempt, push, seq });
            }
            _ => self.nonsense("a delivery that nobody pushed"),
        }
    }

    fn answer(&mut self, seq: u32, body: &[u8]) {
        let at = self.questions.iter().position(|question| question.seq == Some(seq));
        let Some(question) = at.and_then(|at| self.questions.remove(at)) else { return };
        if Body::parse(body) != Some(Body::Reply(question.message, Answer::Taken)) {
            return self.nonsense("an answer to something else");
        }
        let (client, attempt) = (self.identity.client, self.attempt);
        let (message, answer) = (question.message, Answer::Taken);
        self.log.note(What::Answered { client, attempt, message, answer });
    }

    /// Sends due messages, and a heartbeat if there is nothing else to send.
    fn say(&mut self, now: u64) {
        let mut questions = std::mem::take(&mut self.questions);
        for question in questions.iter_mut().filter(|question| question.due <= now) {
            // The same frame again, on the same connection.
            let seq = question.seq.unwrap_or(self.sent + 1);
            self.sent = self.sent.max(seq);
            question.seq = Some(seq);
            question.due = now + RETRY;
            let head = Head { ver: 1, op: op::SEND, seq, ack: 0 };
            head.write(Layout::Dtalk, &question.body, &mut self.out);
            self.said = now;
        }
        self.questions = questions;
        if now >= self.said + HEARTBEAT {
            self.write(now, op::HEARTBEAT, 0, &[]);
        }
    }

    fn write(&mut self, now: u64, op: u32, ack: u32, body: &[u8]) {
        self.sent += 1;
        Head { ver: 1, op, seq: self.sent, ack }.write(Layout::Dtalk, body, &mut self.out);
        self.said = now;
    }

    fn hang_up(&mut self, now: u64) {
        self.wishes.push(Wish::HangUp);
        self.wait(now);
    }

    fn wait(&mut self, now: u64) {
        if self.state != State::Left {
            self.out.clear();
            self.state = State::Waiting { until: now + self.random.between(100, 1_500) * MILLIS };
        }
    }

    fn nonsense(&self, what: &'static str) {
        self.log.note(What::Nonsense { attempt: self.attempt, what });
    }
}
