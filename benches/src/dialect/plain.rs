//! A session of a dialect that has none: it lasts as long as its connection, or comes back anew.
//!
//! ```text
//!   Fresh --> Connecting --transport--> Opening --taken--> Open
//!               ^  |                       |                 |
//!               |  +------------- lost, late, silent --------+
//!               |                          |
//!             Waiting <--with reconnect-- Lost --without--> Over
//! ```

use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{Backoff, Full, Time};

use super::client::{GivenUp, Moment, Want};
use super::talk::{AnyTalk, Talk};
use super::{Event, Identity, Outgoing, Reconnect, To};

#[derive(Debug)]
enum State {
    Fresh,
    Connecting,
    Opening { deadline: Time },
    Open { beat: Option<Time> },
    Lost { why: Box<str> },
    Waiting { until: Time },
    Over,
}

/// A session that is its connection.
#[derive(Debug)]
pub(crate) struct Plain {
    talk: AnyTalk,
    state: State,
    /// Whether anything has come since the last heartbeat that wants an answer.
    is_heard: bool,
    is_left: bool,
    seed: u64,
    backoff: Option<Box<Backoff>>,
}

impl Plain {
    pub(super) const fn new(talk: AnyTalk, seed: u64) -> Self {
        Self { talk, state: State::Fresh, is_heard: true, is_left: false, seed, backoff: None }
    }

    pub(super) fn handle_connected(
        &mut self,
        at: &Moment<'_>,
        out: &mut Outgoing<'_>,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        if !matches!(self.state, State::Connecting) {
            return;
        }
        self.is_heard = true;
        self.state = State::Opening { deadline: at.now + at.habits.opening };
        if self.talk.open(at.me, out) {
            self.open(at);
            tell(Event::Opened { resumed: false, welcome: None });
        }
    }

    /// The server has taken the session. Heartbeats begin at different times, or they would all
    /// come at once for ever.
    fn open(&mut self, at: &Moment<'_>) {
        let first = at.habits.heartbeat.map(|every| at.now + spread(every, self.seed));
        self.state = State::Open { beat: first };
        self.backoff = None;
    }

    pub(super) fn handle_disconnected(&mut self, why: &dyn std::fmt::Display) {
        match self.state {
            State::Connecting | State::Opening { .. } | State::Open { .. } if self.is_left => {
                self.state = State::Over;
            }
            State::Connecting | State::Opening { .. } | State::Open { .. } => {
                self.state = State::Lost { why: why.to_string().into() };
            }
            State::Fresh | State::Lost { .. } | State::Waiting { .. } | State::Over => {}
        }
    }

    pub(super) fn handle_bytes(
        &mut self,
        at: &Moment<'_>,
        bytes: &[u8],
        out: &mut Outgoing<'_>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), GivenUp> {
        self.is_heard = true;
        if matches!(self.state, State::Open { .. }) {
            return Ok(self.talk.read(at.me, bytes, out, tell)?);
        }
        let mut is_taken = false;
        self.talk.read(at.me, bytes, out, &mut |event| {
            is_taken |= matches!(event, Event::Opened { .. });
            tell(event);
        })?;
        if is_taken {
            self.open(at);
        }
        Ok(())
    }

    pub(super) const fn handle_alive(&mut self) {
        self.is_heard = true;
    }

    pub(super) fn handle_timeout(
        &mut self,
        at: &Moment<'_>,
        out: Option<&mut Outgoing<'_>>,
    ) -> Result<(), GivenUp> {
        match &mut self.state {
            State::Opening { deadline } if *deadline <= at.now => Err(GivenUp::NotOpened),
            State::Open { beat: Some(beat) } if *beat <= at.now => {
                if !self.is_heard {
                    return Err(GivenUp::Silent);
                }
                *beat = *beat + at.habits.heartbeat.unwrap_or(Duration::MAX);
                self.is_heard = !out.is_some_and(|out| self.talk.beat(out));
                Ok(())
            }
            State::Waiting { until } if *until <= at.now => {
                self.state = State::Fresh;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Time> {
        match &self.state {
            State::Opening { deadline } => Some(*deadline),
            State::Open { beat } => *beat,
            State::Waiting { until } => Some(*until),
            State::Fresh | State::Connecting | State::Lost { .. } | State::Over => None,
        }
    }

    pub(super) fn send(
        &mut self,
        me: &Identity,
        to: &To,
        body: Bytes,
        out: Option<&mut Outgoing<'_>>,
    ) -> Result<(), Full> {
        match (&self.state, out) {
            (State::Open { .. }, Some(out)) if !self.is_left => {
                self.talk.send(me, to, &body, out);
                Ok(())
            }
            _ => Err(Full(body)),
        }
    }

    pub(super) fn leave(&mut self, out: Option<&mut Outgoing<'_>>) {
        self.is_left = true;
        if let (State::Open { .. }, Some(out)) = (&self.state, out) {
            self.talk.leave(out);
        }
    }

    pub(super) fn poll(
        &mut self,
        at: &Moment<'_>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Option<Want> {
        if self.is_left && !matches!(self.state, State::Over) {
            self.state = State::Over;
            return Some(Want::Disconnect);
        }
        match &mut self.state {
            State::Fresh => {
                self.state = State::Connecting;
                Some(Want::Connect)
            }
            State::Lost { why } => {
                let why = std::mem::take(why);
                match at.habits.reconnect {
                    Some(reconnect) => self.wait(at.now, reconnect, tell),
                    None => {
                        self.state = State::Over;
                        tell(Event::Closed { why: why.into() });
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn wait(&mut self, now: Time, reconnect: Reconnect, tell: &mut impl FnMut(Event<'_>)) {
        let Reconnect { first, most } = reconnect;
        let seed = self.seed;
        let backoff = self.backoff.get_or_insert_with(|| Box::new(Backoff::new(first, most, seed)));
        let until = now + backoff.next_wait();
        self.seed = self.seed.wrapping_add(1);
        self.state = State::Waiting { until };
        tell(Event::Waiting { until });
    }
}

/// Somewhere in the span, by the seed.
fn spread(span: Duration, seed: u64) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_micros(mixed % micros.max(1))
}
