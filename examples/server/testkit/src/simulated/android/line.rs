//! The phone's side of a connection: its counter, the Auth, frames.

use std::time::{Duration, Instant};

use comet_testkit::frame::{
    AUTH, AUTH_REPLY, DELIVER, DELIVER_ACK, Frame, HEARTBEAT, HEARTBEAT_REPLY, SEND_REPLY, frame,
};

use super::super::book::State;
use super::super::content::{Endpoint, Login, Message, NOTICE, Signal, ack, auth, opened, text_in};
use super::super::{Body, Chat, Output, seal};
use super::{AGAIN, Android, Phase, Purpose};

/// Interval of heartbeats.
const BEAT: Duration = Duration::from_secs(60);
/// Types of devices that are phones.
const PHONES: [u64; 2] = [0, 1];

/// State of a connection.
#[derive(Debug, Default)]
pub(super) struct Line {
    seq: u32,
    next_beat: Option<Instant>,
}

impl Line {
    pub(super) fn count(&mut self) -> u32 {
        self.seq += 1;
        self.seq
    }
}

impl Android {
    pub(super) fn connect(&mut self, attempts: u32) {
        self.phase = Phase::Connecting { attempts };
        self.outputs.push_back(Output::Connect);
    }

    pub(super) fn closed(&mut self, now: Instant) {
        let attempts = match self.phase {
            Phase::SignedOut | Phase::Starting | Phase::Down { .. } => return,
            Phase::Connecting { attempts } => attempts,
            Phase::Authenticating { .. } | Phase::Open => return self.connect(0),
        };
        let pause = match attempts {
            0..10 => 1,
            10..30 => 5,
            30..50 => 15,
            _ => 60,
        };
        self.phase = Phase::Down { attempts, next: now + Duration::from_secs(pause) };
    }

    pub(super) fn authenticate(&mut self, now: Instant) {
        let login = Login {
            device: 0,
            conn_type: self.automatic.into(),
            uuid: self.uuid.clone(),
            device_name: self.model.clone(),
            username: "somebody".to_owned(),
            device_token: String::new(),
        };
        let (token, seq) = (self.token(now), self.line.count());
        self.outputs.push_back(Output::Send(frame(AUTH, seq, auth(&token, &login, false))));
        self.phase = Phase::Authenticating { again: now + AGAIN };
    }

    pub(super) fn beat(&mut self, now: Instant) {
        if self.line.next_beat.is_some_and(|due| now >= due) {
            self.line.next_beat = Some(now + BEAT);
            let seq = self.line.count();
            self.outputs.push_back(Output::Send(frame(HEARTBEAT, seq, b"")));
        }
    }

    pub(super) fn frame(&mut self, frame: &Frame, now: Instant) {
        if frame.ver != 1 {
            self.fault(format!("dropped for its version: {frame:?}"));
            return;
        }
        if frame.ack != 0 {
            self.confirmed(frame);
        }
        match frame.op {
            AUTH_REPLY => self.authenticated(&frame.body, now),
            DELIVER => self.delivered(frame, now),
            HEARTBEAT_REPLY | SEND_REPLY => {}
            _ => self.fault(format!("unknown op: {frame:?}")),
        }
    }

    /// An ack of a message, whatever the frame is.
    fn confirmed(&mut self, frame: &Frame) {
        let Some(msg_id) = self.outgoing_of(frame.ack) else { return };
        if frame.op != SEND_REPLY {
            self.fault(format!("taken for the reply to a message: {frame:?}"));
        }
        let (_, body) = opened(&frame.body);
        let (log_id, time) = ack(&body);
        self.outgoing.remove(&msg_id);
        self.book.answered(&msg_id, log_id, time);
    }

    fn authenticated(&mut self, body: &[u8], now: Instant) {
        if self.phase == Phase::Open {
            // The answer to an Auth that was sent twice.
            return;
        }
        if !body.is_empty() {
            let other = Endpoint::read(body);
            match other.uuid == self.uuid {
                true => self.fault("refused for its own sake"),
                false => self.give_way(other.name),
            }
            return;
        }
        self.automatic = true;
        self.phase = Phase::Open;
        self.sessions += 1;
        self.line.next_beat = Some(now + BEAT);
        self.call(Purpose::Groups, "/group/app/group-list", Body::Empty, now);
    }

    fn delivered(&mut self, delivery: &Frame, now: Instant) {
        let is_processed = match opened(&delivery.body) {
            (0, common) => self.take(Message::read(&common), now),
            (2, signal) => {
                // Acknowledged first: what follows may be the end of the session.
                self.acknowledge(delivery.seq);
                self.learn(Signal::read(&signal), now);
                return;
            }
            (other, _) => {
                self.fault(format!("event type {other}"));
                true
            }
        };
        if is_processed {
            self.acknowledge(delivery.seq);
        }
    }

    fn acknowledge(&mut self, delivery: u32) {
        let seq = self.line.count();
        let ack = Frame { ver: 1, op: DELIVER_ACK, seq, ack: delivery, body: Vec::new() };
        self.outputs.push_back(Output::Send(ack));
    }

    /// Takes a message; `false` if it cannot be opened yet.
    fn take(&mut self, message: Message, now: Instant) -> bool {
        if message.channel == 0 && message.from == message.target {
            return true;
        }
        if message.kind == NOTICE {
            self.book.add(message, String::new(), State::Known);
            return true;
        }
        let plain = match message.chat(&self.person.uid) {
            Chat::User(uid) => {
                let key = seal::key_of(&self.person.uid, &uid);
                seal::open_between_users(&key, &message.content)
            }
            Chat::Group(id) => match self.groups.get(&id).and_then(|group| group.key.as_ref()) {
                Some(key) => seal::open_for_group(key.as_bytes(), &message.content),
                None => {
                    self.learn_group(id, now);
                    return false;
                }
            },
        };
        let text = text_in(&plain.unwrap_or_else(|| message.content.clone()));
        self.book.add(message, text, State::Known);
        true
    }

    fn learn(&mut self, signal: Signal, now: Instant) {
        match signal {
            Signal::Received(ids) => ids.into_iter().for_each(|id| self.book.received(id)),
            Signal::Revoke(id) => self.book.revoke(id),
            Signal::Focus(id, count) => self.book.focus(id, count),
            Signal::EndpointLogin(other) => {
                if PHONES.contains(&other.device) && other.uuid != self.uuid {
                    self.give_way(other.name);
                }
            }
            of_group => self.learn_of_group(of_group, now),
        }
    }
}
