//! One session over many connections: connecting, writing and giving up.
//!
//! ```text
//!   Waiting --time--> Connecting --connected--> Authenticating --welcome--> Open
//!      ^                  |                           |                      |
//!      +------lost, deadline, error, going away-------+----------------------+
//!
//!   any --leave, refused for good, error for good--> Over
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::backoff::Backoff;
use super::connection::{Connection, Ending};
use super::deliveries::Deliveries;
use super::event::{Closed, Event, Link};
use super::heartbeat::{Heartbeat, Silence};
use super::outbox::{Full, Outbox};
use super::successor::Successor;
use super::unnumbered::Counts;
use super::{Config, Time};
use crate::Frame;
use crate::comet::{Auth, ClientFrame, Ping, Seq};

/// State of a session.
#[derive(Debug)]
pub(super) enum State {
    Waiting { until: Time },
    Connecting,
    Authenticating { deadline: Time },
    Open,
    Over,
}

/// The client's side of a session.
///
/// Memory: bounded by [`Config`], plus the events not yet polled, at most as many as the last input
/// held frames plus the early deliveries kept.
#[derive(Debug)]
pub struct ClientSession {
    pub(super) config: Config,
    pub(super) state: State,
    pub(super) connection: Connection,
    /// The connection that is to take over from it.
    pub(super) successor: Option<Box<Successor>>,
    /// The newest number of a connection.
    newest: Link,
    pub(super) backoff: Backoff,
    pub(super) ticket: Bytes,
    pub(super) deliveries: Deliveries,
    pub(super) unnumbered: Counts,
    pub(super) outbox: Outbox,
    pub(super) heartbeat: Heartbeat,
    pub(super) events: VecDeque<Event>,
    leaves: bool,
    pub(super) now: Time,
}

impl ClientSession {
    /// A session that requests its first connection; the seed spreads the waits of many clients.
    #[must_use]
    pub fn new(now: Time, config: Config, seed: u64) -> Self {
        let mut session = Self {
            state: State::Connecting,
            connection: Connection::none(),
            successor: None,
            newest: Link(0),
            backoff: Backoff::new(config.backoff, config.max_backoff, seed),
            ticket: Bytes::new(),
            deliveries: Deliveries::new(config.ack_every),
            unnumbered: Counts::default(),
            outbox: Outbox::new(config.outbox, config.outbox_bytes, config.retry),
            heartbeat: Heartbeat::new(config.heartbeat, now, Duration::ZERO),
            events: VecDeque::new(),
            leaves: false,
            config,
            now,
        };
        session.connect();
        session
    }

    /// Replaces the credentials, from the next connection on.
    pub fn set_auth(&mut self, auth: Auth) {
        self.config.auth = auth;
    }

    /// Takes a message, to be sent now or once connected; its answer carries the number.
    ///
    /// # Errors
    ///
    /// [`Full`] when the outbox is full, and when the session has ended.
    pub fn send(&mut self, now: Time, body: impl Into<Bytes>) -> Result<Seq, Full> {
        self.now = now;
        let body = body.into();
        if self.leaves || matches!(self.state, State::Over) {
            return Err(Full(body));
        }
        self.outbox.push(body)
    }

    /// Ends the session for good.
    pub fn leave(&mut self, now: Time) {
        self.now = now;
        self.leaves = true;
        match self.state {
            State::Over => {}
            State::Open => self.connection.end_session(Closed::Left),
            _ => self.end(Closed::Left),
        }
    }

    /// The requested connection is established.
    pub fn handle_connected(&mut self, now: Time, link: Link) {
        self.now = now;
        if link == self.connection.link() && matches!(self.state, State::Connecting) {
            let max_body = usize::try_from(self.config.max_body).unwrap_or(usize::MAX);
            self.connection.open(max_body);
            self.state = State::Authenticating { deadline: now + self.config.handshake_timeout };
        }
        self.connect_successor(now, link);
    }

    /// The connection is lost, or could not be established.
    pub fn handle_disconnected(&mut self, now: Time, link: Link) {
        self.now = now;
        if self.successor_of(link).is_some() {
            self.successor = None;
        } else if link == self.connection.link() {
            match (&self.state, self.connection.take_ending()) {
                (State::Waiting { .. } | State::Over, _) => {}
                (_, Some(Ending::Over(closed))) => self.end(closed),
                (_, Some(Ending::Return { after })) => self.wait(after),
                (_, None) => self.wait(Duration::ZERO),
            }
        }
    }

    /// Handles bytes from the connection, split anywhere.
    pub fn handle_bytes(&mut self, now: Time, link: Link, bytes: &[u8]) {
        self.now = now;
        if self.successor_of(link).is_some() {
            return self.read_successor(now, link, bytes);
        }
        if !self.is_connected(link) {
            return;
        }
        self.connection.push(bytes);
        while self.is_connected(link) {
            match self.connection.next_frame() {
                Ok(Some(frame)) => self.handle_frame(now, link, frame),
                Ok(None) => return,
                Err(_broken) => self.give_up(Duration::ZERO),
            }
        }
    }

    /// Handles a whole frame from the connection.
    pub fn handle_frame(&mut self, now: Time, link: Link, frame: Frame) {
        self.now = now;
        if self.successor_of(link).is_some() {
            self.judge_successor(now, link, frame);
        } else if self.is_connected(link) {
            self.heartbeat.handle_read(now);
            self.read(now, frame);
        }
    }

    /// Handles the passing of time.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        if self.successor_deadline().is_some_and(|deadline| deadline <= now) {
            self.drop_successor();
        }
        match self.state {
            State::Waiting { until } if until <= now => self.connect(),
            State::Authenticating { deadline } if deadline <= now => self.give_up(Duration::ZERO),
            State::Open => {
                self.events.extend(self.unnumbered.tell(now));
                match self.heartbeat.silence(now) {
                    Silence::Fine => {}
                    Silence::Ping => self.connection.request_ping(),
                    Silence::Lost => self.give_up(Duration::ZERO),
                }
            }
            _ => {}
        }
    }

    /// Whole frames to be written to the connection, in one piece; call until `None`: frames that
    /// do not fit into a piece come with the next.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        let (now, mut out) = (self.now, Vec::new());
        if self.connection.take_auth() {
            self.write_auth(self.connection.link(), &mut out);
        }
        if let Some(stamp) = self.connection.take_pong() {
            ClientFrame::Pong { stamp }.write(&mut out);
        }
        if matches!(self.state, State::Open) {
            self.write_open(now, &mut out);
        }
        self.finish_ending();
        if out.is_empty() {
            return None;
        }
        self.heartbeat.handle_written(now);
        Some(out.into())
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Latest time at which to call [`handle_timeout`](Self::handle_timeout), and then
    /// [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let own = match self.state {
            State::Waiting { until } => Some(until),
            State::Authenticating { deadline } => Some(deadline),
            State::Connecting | State::Over => None,
            State::Open => {
                let missing = self.unnumbered.gap_at();
                let dues = [self.deliveries.ack_at(), self.outbox.retry_at(), missing];
                dues.into_iter().flatten().chain([self.heartbeat.due()]).min()
            }
        };
        [own, self.successor_deadline()].into_iter().flatten().min()
    }

    /// The smoothed round trip, zero until measured.
    #[must_use]
    pub const fn round_trip(&self) -> Duration {
        self.heartbeat.round_trip()
    }

    pub(super) fn is_connected(&self, link: Link) -> bool {
        link == self.connection.link()
            && matches!(self.state, State::Authenticating { .. } | State::Open)
    }

    /// The number of another connection.
    pub(super) const fn next_link(&mut self) -> Link {
        self.newest = Link(self.newest.0.wrapping_add(1));
        self.newest
    }

    fn connect(&mut self) {
        let link = self.next_link();
        self.connection.begin(link);
        self.state = State::Connecting;
        self.events.push_back(Event::Connect(self.connection.link()));
    }

    /// Closes the connection from this side, and reconnects.
    pub(super) fn give_up(&mut self, after: Duration) {
        self.events.push_back(Event::Disconnect(self.connection.link()));
        self.wait(after);
    }

    /// Closes the session, and the connection if there is one.
    pub(super) fn end(&mut self, closed: Closed) {
        if !matches!(self.state, State::Waiting { .. }) {
            self.events.push_back(Event::Disconnect(self.connection.link()));
        }
        self.drop_successor();
        self.connection.close();
        self.events.extend(self.unnumbered.end());
        self.state = State::Over;
        self.events.push_back(Event::Closed(closed));
    }

    /// Waits for the next attempt, unless there is a connection already that may take over.
    fn wait(&mut self, after: Duration) {
        if after.is_zero() && self.promote() {
            return;
        }
        self.drop_successor();
        self.connection.close();
        self.events.extend(self.unnumbered.end());
        let until = self.now + after + self.backoff.next_wait();
        self.state = State::Waiting { until };
        self.events.push_back(Event::Waiting { until });
    }

    pub(super) fn write_auth(&self, link: Link, out: &mut Vec<u8>) {
        let mut auth = self.config.auth.clone();
        auth.first_send = self.outbox.first().get();
        auth.max_body = self.config.max_body;
        if !self.ticket.is_empty() {
            let received = self.deliveries.received();
            auth.ticket = self.ticket.clone();
            auth.last_seq = received.as_received().up_to().get();
            auth.ranges = Bytes::copy_from_slice(received.as_received().as_bytes());
        }
        ClientFrame::Auth { seq: link.0, auth: Box::new(auth) }.write(out);
    }

    fn write_open(&mut self, now: Time, out: &mut Vec<u8>) {
        if let Some(received) = self.deliveries.poll_ack(now) {
            ClientFrame::Ack(received.as_received()).write(out);
        }
        if self.connection.take_ping() {
            let stamp = self.heartbeat.handle_pinged(now);
            let micros = u32::try_from(self.round_trip().as_micros()).unwrap_or(u32::MAX);
            let round_trip_us = Some(micros).filter(|micros| *micros != 0);
            ClientFrame::Ping(Ping { stamp, round_trip_us }).write(out);
        }
        if self.leaves {
            ClientFrame::Leave.write(out);
        } else if !self.connection.is_ending() {
            let most = self.connection.max_transmit();
            while self.outbox.poll_transmit(now, most, out) {}
        }
    }

    /// Ends the connection once its last output has been taken.
    fn finish_ending(&mut self) {
        match self.connection.take_ending() {
            None => {}
            Some(Ending::Over(closed)) => self.end(closed),
            Some(Ending::Return { after }) => self.give_up(after),
        }
    }
}
