//! The comet client: the session of the protocol crate, and an application that records its events.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{self, ClientSession, Closed, Config, Link, Time};
use comet_protocol::comet as wire;
use comet_protocol::comet::message::capability;

use super::Request;
use crate::body::Body;
use crate::history::{Answer, Attempt, Event, Log, Loss, MessageId, MissingGap, PushId};
use crate::mapping;
use crate::names;
use crate::plan::{ClientIdentity, ClientSettings};

/// A session of the comet dialect.
#[derive(Debug)]
pub(crate) struct CometClient {
    session: ClientSession,
    auth: wire::Auth,
    identity: ClientIdentity,
    link: Link,
    attempt: Attempt,
    log: Log,
    /// Unanswered messages, by number on the wire.
    unanswered: BTreeMap<u32, MessageId>,
    is_open: bool,
}

impl CometClient {
    pub(crate) fn new(
        now: u64,
        identity: ClientIdentity,
        settings: ClientSettings,
        log: Log,
        seed: u64,
    ) -> Self {
        let mut config = Config {
            outbox: settings.outbox,
            early: settings.early,
            ack_every: settings.ack_every,
            ack_delay: settings.ack_delay,
            max_body: settings.max_body,
            handshake_timeout: Duration::from_secs(4),
            retry: Duration::from_secs(3),
            heartbeat: Duration::from_secs(6),
            backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(2),
            ..Config::default()
        };
        config.auth.app_id = names::APP.into();
        config.auth.token = names::token(identity.user);
        if settings.beside {
            config.auth.capabilities |= capability::LANES | capability::DATAGRAMS;
        }
        let auth = config.auth.clone();
        let session = ClientSession::new(Time::from_micros(now), config, seed);
        let (link, attempt, unanswered) = (Link::default(), Attempt::default(), BTreeMap::new());
        Self { session, auth, identity, link, attempt, log, unanswered, is_open: false }
    }

    pub(super) const fn dialed(&mut self, attempt: Attempt) {
        self.attempt = attempt;
    }

    pub(super) fn handle_connected(&mut self, now: u64) {
        self.auth.ext = names::ext(self.attempt, self.identity.device);
        self.session.set_auth(self.auth.clone());
        self.session.handle_connected(Time::from_micros(now), self.link);
    }

    pub(super) fn handle_disconnected(&mut self, now: u64) {
        self.log.record(Event::Lost { attempt: self.attempt });
        self.is_open = false;
        self.session.handle_disconnected(Time::from_micros(now), self.link);
    }

    pub(super) fn handle_bytes(&mut self, now: u64, bytes: &[u8]) {
        self.session.handle_bytes(Time::from_micros(now), self.link, bytes);
    }

    pub(super) fn handle_lane(&mut self, now: u64, lane: u8, bytes: &[u8]) {
        self.session.handle_lane(Time::from_micros(now), self.link, lane, bytes);
    }

    pub(super) fn handle_datagram(&mut self, now: u64, bytes: &[u8]) {
        self.session.handle_datagram(Time::from_micros(now), self.link, bytes);
    }

    pub(super) fn handle_timeout(&mut self, now: u64) {
        self.session.handle_timeout(Time::from_micros(now));
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.session.poll_timeout().map(Time::as_micros)
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.session.poll_transmit()
    }

    pub(super) fn send(&mut self, now: u64, message: MessageId, len: usize) -> bool {
        let body = Body::Message(message).to_bytes(len);
        let Ok(seq) = self.session.send(Time::from_micros(now), body) else { return false };
        self.log.record(Event::Sent { client: self.identity.client, message });
        self.unanswered.insert(seq.get(), message);
        true
    }

    pub(super) fn standing(&self) -> Option<Attempt> {
        self.is_open.then_some(self.attempt)
    }

    pub(super) fn has_unanswered(&self) -> bool {
        !self.unanswered.is_empty()
    }

    pub(super) fn leave(&mut self, now: u64) {
        self.session.leave(Time::from_micros(now));
    }

    pub(super) fn poll_requests(&mut self, requests: &mut Vec<Request>) {
        while let Some(event) = self.session.poll_event() {
            match event {
                client::Event::Connect(link) => {
                    self.link = link;
                    requests.push(Request::Dial);
                }
                client::Event::Disconnect(_) => {
                    self.is_open = false;
                    requests.push(Request::HangUp);
                }
                client::Event::Opened { resumed, welcome } => {
                    self.open(resumed, &welcome, requests)
                }
                client::Event::Closed(closed) => self.close(&closed, requests),
                event => self.see(event),
            }
        }
    }

    fn open(&mut self, resumed: bool, welcome: &wire::Welcome, requests: &mut Vec<Request>) {
        self.is_open = true;
        let loss = Loss::from(welcome.loss());
        self.log.record(Event::Opened { attempt: self.attempt, resumed, loss });
        if !welcome.ticket.is_empty() {
            requests.push(Request::KeepTicket(welcome.ticket.clone()));
        }
    }

    fn close(&mut self, closed: &Closed, requests: &mut Vec<Request>) {
        self.is_open = false;
        let code = match closed {
            Closed::Refused(refused) => refused.code,
            Closed::Failed(failure) => failure.code,
            _ => 0,
        };
        let (client, attempt) = (self.identity.client, self.attempt);
        self.log.record(Event::Over { client, attempt, code });
        requests.push(Request::End);
    }

    fn see(&mut self, event: client::Event) {
        let attempt = self.attempt;
        match event {
            client::Event::Delivery { seq, body } => self.delivered(&body, seq.get()),
            client::Event::BestEffort { body } => self.delivered(&body, 0),
            client::Event::Latest { body, .. } => self.delivered(&body, 0),
            client::Event::Gap { from, to, gap } => {
                let gap = missing(from.get(), to.get(), &gap);
                self.log.record(Event::SawGap { attempt, gap });
            }
            client::Event::Replied { seq, body } => match Body::parse(&body) {
                Some(Body::Reply(message, answer)) => self.answer(seq.get(), message, answer),
                _ => self.record_invalid("a reply that nobody gave"),
            },
            client::Event::Refused { seq, .. } => {
                let message = self.unanswered.get(&seq.get()).copied().unwrap_or_default();
                self.answer(seq.get(), message, Answer::Refused);
            }
            _ => {}
        }
    }

    fn delivered(&self, body: &[u8], seq: u32) {
        match Body::parse(body) {
            Some(Body::Push(push)) => self.saw(push, seq),
            _ => self.record_invalid("a delivery that nobody pushed"),
        }
    }

    fn saw(&self, push: PushId, seq: u32) {
        self.log.record(Event::Saw { attempt: self.attempt, push, seq });
    }

    fn answer(&mut self, seq: u32, message: MessageId, answer: Answer) {
        if self.unanswered.remove(&seq) != Some(message) {
            return self.record_invalid("an answer to something else");
        }
        let (client, attempt) = (self.identity.client, self.attempt);
        self.log.record(Event::Answered { client, attempt, message, answer });
    }

    fn record_invalid(&self, what: &'static str) {
        self.log.record(Event::InvalidInput { attempt: self.attempt, what });
    }
}

/// A gap as returned from `from` on: the part before that was seen.
fn missing(from: u32, to: u32, gap: &wire::Gap) -> MissingGap {
    let first = gap.first(wire::Seq::new(to));
    let seen = u64::from(wire::Seq::new(from).since(first));
    let count = gap.count.saturating_sub(if to == 0 { 0 } else { seen });
    let (room, position) = (names::parse_room(&gap.room), gap.position);
    MissingGap { from, to, count, room, position, reason: mapping::reason(gap.reason()) }
}
