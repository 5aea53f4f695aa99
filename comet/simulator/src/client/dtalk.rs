//! A dtalk client with the behaviour of deployed ones: it acks each delivery, drops duplicates
//! within a connection, and reconnects with its device.

use std::collections::VecDeque;

use bytes::Bytes;
use comet_protocol::{AuthMsg, Decoder, Frame, Head, Layout, op};

use super::Request;
use crate::body::Body;
use crate::history::{Answer, Attempt, Event, Log, Loss, MessageId};
use crate::names;
use crate::plan::ClientIdentity;
use crate::random::Random;

const MILLIS: u64 = 1_000;
/// Time without output before a heartbeat, and time without input before it gives up.
const HEARTBEAT: u64 = 2_000 * MILLIS;
const TIMEOUT: u64 = 6_000 * MILLIS;
/// Time without a reply after which a message is sent again.
const RETRY: u64 = 3_000 * MILLIS;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    BackingOff { until: u64 },
    Dialing,
    Authenticating { deadline: u64 },
    Open,
    Left,
}

#[derive(Debug)]
struct SentMessage {
    id: MessageId,
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
    last_sent: u32,
    last_seen: u32,
    last_output: u64,
    last_input: u64,
    unanswered: VecDeque<SentMessage>,
    out: Vec<u8>,
    requests: Vec<Request>,
}

impl DtalkClient {
    pub(crate) fn new(now: u64, identity: ClientIdentity, log: Log, random: Random) -> Self {
        Self {
            identity,
            state: State::BackingOff { until: now },
            attempt: Attempt::default(),
            log,
            random,
            decoder: Decoder::new(Layout::Dtalk, 1 << 20),
            last_sent: 0,
            last_seen: 0,
            last_output: now,
            last_input: now,
            unanswered: VecDeque::new(),
            out: Vec::new(),
            requests: Vec::new(),
        }
    }

    pub(super) const fn dialed(&mut self, attempt: Attempt) {
        self.attempt = attempt;
    }

    pub(super) fn handle_connected(&mut self, now: u64) {
        if self.state != State::Dialing {
            return;
        }
        self.state = State::Authenticating { deadline: now + TIMEOUT };
        self.decoder = Decoder::new(Layout::Dtalk, 1 << 20);
        (self.last_sent, self.last_seen) = (0, 0);
        let auth = AuthMsg {
            app_id: names::APP.into(),
            token: names::token(self.identity.user),
            ext: names::ext(self.attempt, self.identity.device),
        };
        self.write(now, op::AUTH, 0, &auth.to_vec());
    }

    pub(super) fn handle_disconnected(&mut self, now: u64) {
        self.log.record(Event::Lost { attempt: self.attempt });
        self.wait(now);
    }

    pub(super) fn handle_bytes(&mut self, now: u64, bytes: &[u8]) {
        if !matches!(self.state, State::Authenticating { .. } | State::Open) {
            return;
        }
        self.last_input = now;
        self.decoder.push(bytes);
        while matches!(self.state, State::Authenticating { .. } | State::Open) {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => self.read(now, &frame),
                Ok(None) => return,
                Err(_broken) => {
                    self.record_invalid("bytes that are no frame");
                    self.hang_up(now);
                }
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: u64) {
        match self.state {
            State::BackingOff { until } if until <= now => {
                self.state = State::Dialing;
                self.requests.push(Request::Dial);
            }
            State::Authenticating { deadline } if deadline <= now => self.hang_up(now),
            State::Open if now >= self.last_input + TIMEOUT => self.hang_up(now),
            State::Open => self.send_due(now),
            _ => {}
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        match self.state {
            State::BackingOff { until } => Some(until),
            State::Authenticating { deadline } => Some(deadline),
            State::Dialing | State::Left => None,
            State::Open => {
                let retry = self.unanswered.iter().map(|message| message.due).min();
                let due = (self.last_output + HEARTBEAT).min(self.last_input + TIMEOUT);
                Some(retry.map_or(due, |retry| retry.min(due)))
            }
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        if self.out.is_empty() { None } else { Some(std::mem::take(&mut self.out).into()) }
    }

    pub(super) fn poll_requests(&mut self, requests: &mut Vec<Request>) {
        requests.append(&mut self.requests);
    }

    pub(super) fn send(&mut self, now: u64, message: MessageId, len: usize) -> bool {
        if self.state == State::Left || self.unanswered.len() >= 16 {
            return false;
        }
        self.log.record(Event::Sent { client: self.identity.client, message });
        let body = Body::Message(message).to_bytes(len);
        self.unanswered.push_back(SentMessage { id: message, body, seq: None, due: now });
        if self.state == State::Open {
            self.send_due(now);
        }
        true
    }

    pub(super) fn standing(&self) -> Option<Attempt> {
        (self.state == State::Open).then_some(self.attempt)
    }

    pub(super) fn has_unanswered(&self) -> bool {
        !self.unanswered.is_empty()
    }

    pub(super) fn leave(&mut self, now: u64) {
        if self.state == State::Open {
            self.write(now, op::DISCONNECT, 0, &[]);
            self.requests.push(Request::HangUp);
        } else if matches!(self.state, State::Authenticating { .. } | State::Dialing) {
            self.requests.push(Request::HangUp);
        }
        self.state = State::Left;
        let (client, attempt) = (self.identity.client, self.attempt);
        self.log.record(Event::Over { client, attempt, code: 0 });
        self.requests.push(Request::End);
    }

    fn read(&mut self, now: u64, frame: &Frame) {
        let Head { op, seq, ack, .. } = frame.head;
        match op {
            op::AUTH_REPLY if frame.body.is_empty() => {
                self.state = State::Open;
                let (attempt, loss) = (self.attempt, Loss::None);
                self.log.record(Event::Opened { attempt, resumed: false, loss });
                self.unanswered.iter_mut().for_each(|message| message.due = now);
                self.unanswered.iter_mut().for_each(|message| message.seq = None);
                self.send_due(now);
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
            if seq <= self.last_seen {
                return;
            }
            if seq != self.last_seen + 1 {
                self.record_invalid("a number was left out");
            }
            self.last_seen = seq;
        }
        match Body::parse(body) {
            Some(Body::Push(push)) => {
                self.log.record(Event::Saw { attempt: self.attempt, push, seq });
            }
            _ => self.record_invalid("a delivery that nobody pushed"),
        }
    }

    fn answer(&mut self, seq: u32, body: &[u8]) {
        let at = self.unanswered.iter().position(|message| message.seq == Some(seq));
        let Some(message) = at.and_then(|at| self.unanswered.remove(at)) else { return };
        if Body::parse(body) != Some(Body::Reply(message.id, Answer::Taken)) {
            return self.record_invalid("an answer to something else");
        }
        let (client, attempt) = (self.identity.client, self.attempt);
        let (message, answer) = (message.id, Answer::Taken);
        self.log.record(Event::Answered { client, attempt, message, answer });
    }

    /// Sends due messages, and a heartbeat if there is nothing else to send.
    fn send_due(&mut self, now: u64) {
        let mut unanswered = std::mem::take(&mut self.unanswered);
        for message in unanswered.iter_mut().filter(|message| message.due <= now) {
            // The same frame again, on the same connection.
            let seq = message.seq.unwrap_or(self.last_sent + 1);
            self.last_sent = self.last_sent.max(seq);
            message.seq = Some(seq);
            message.due = now + RETRY;
            let head = Head { ver: 1, op: op::SEND, seq, ack: 0 };
            head.write(Layout::Dtalk, &message.body, &mut self.out);
            self.last_output = now;
        }
        self.unanswered = unanswered;
        if now >= self.last_output + HEARTBEAT {
            self.write(now, op::HEARTBEAT, 0, &[]);
        }
    }

    fn write(&mut self, now: u64, op: u32, ack: u32, body: &[u8]) {
        self.last_sent += 1;
        Head { ver: 1, op, seq: self.last_sent, ack }.write(Layout::Dtalk, body, &mut self.out);
        self.last_output = now;
    }

    fn hang_up(&mut self, now: u64) {
        self.requests.push(Request::HangUp);
        self.wait(now);
    }

    fn wait(&mut self, now: u64) {
        if self.state != State::Left {
            self.out.clear();
            self.state =
                State::BackingOff { until: now + self.random.between(100, 1_500) * MILLIS };
        }
    }

    fn record_invalid(&self, what: &'static str) {
        self.log.record(Event::InvalidInput { attempt: self.attempt, what });
    }
}
