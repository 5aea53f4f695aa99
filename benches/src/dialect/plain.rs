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

use super::any::AnyCodec;
use super::codec::Codec;
use super::owner::{CallContext, ConnectionRequest, GiveUpReason};
use super::{Destination, Event, Identity, Outgoing, Reconnect};

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
    codec: AnyCodec,
    state: State,
    /// Whether anything has come since the last heartbeat that wants an answer.
    is_heard: bool,
    is_left: bool,
    seed: u64,
    backoff: Option<Box<Backoff>>,
}

impl Plain {
    pub(super) const fn new(codec: AnyCodec, seed: u64) -> Self {
        Self { codec, state: State::Fresh, is_heard: true, is_left: false, seed, backoff: None }
    }

    pub(super) fn handle_connected(
        &mut self,
        at: &CallContext<'_>,
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) {
        if !matches!(self.state, State::Connecting) {
            return;
        }
        self.is_heard = true;
        self.state = State::Opening { deadline: at.now + at.timing.opening };
        if self.codec.open(at.me, out) {
            self.open(at);
            emit(Event::Opened { resumed: false, welcome: None });
        }
    }

    /// The server has taken the session. Heartbeats begin at different times, or they would all
    /// come at once for ever.
    fn open(&mut self, at: &CallContext<'_>) {
        let first = at.timing.heartbeat.map(|every| at.now + spread(every, self.seed));
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
        at: &CallContext<'_>,
        bytes: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), GiveUpReason> {
        self.is_heard = true;
        if matches!(self.state, State::Open { .. }) {
            return Ok(self.codec.read(at.me, bytes, out, emit)?);
        }
        let mut is_taken = false;
        self.codec.read(at.me, bytes, out, &mut |event| {
            is_taken |= matches!(event, Event::Opened { .. });
            emit(event);
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
        at: &CallContext<'_>,
        out: Option<&mut Outgoing<'_>>,
    ) -> Result<(), GiveUpReason> {
        match &mut self.state {
            State::Opening { deadline } if *deadline <= at.now => Err(GiveUpReason::NotOpened),
            State::Open { beat: Some(beat) } if *beat <= at.now => {
                if !self.is_heard {
                    return Err(GiveUpReason::Silent);
                }
                *beat = *beat + at.timing.heartbeat.unwrap_or(Duration::MAX);
                self.is_heard = !out.is_some_and(|out| self.codec.heartbeat(out));
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
        to: &Destination,
        body: Bytes,
        out: Option<&mut Outgoing<'_>>,
    ) -> Result<(), Full> {
        match (&self.state, out) {
            (State::Open { .. }, Some(out)) if !self.is_left => {
                self.codec.send(me, to, &body, out);
                Ok(())
            }
            _ => Err(Full(body)),
        }
    }

    pub(super) fn leave(&mut self, out: Option<&mut Outgoing<'_>>) {
        self.is_left = true;
        if let (State::Open { .. }, Some(out)) = (&self.state, out) {
            self.codec.leave(out);
        }
    }

    pub(super) fn poll(
        &mut self,
        at: &CallContext<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Option<ConnectionRequest> {
        if self.is_left && !matches!(self.state, State::Over) {
            self.state = State::Over;
            return Some(ConnectionRequest::Disconnect);
        }
        match &mut self.state {
            State::Fresh => {
                self.state = State::Connecting;
                Some(ConnectionRequest::Connect)
            }
            State::Lost { why } => {
                let why = std::mem::take(why);
                match at.timing.reconnect {
                    Some(reconnect) => self.wait(at.now, reconnect, emit),
                    None => {
                        self.state = State::Over;
                        emit(Event::Closed { why: why.into() });
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn wait(&mut self, now: Time, reconnect: Reconnect, emit: &mut impl FnMut(Event<'_>)) {
        let Reconnect { first, most } = reconnect;
        let seed = self.seed;
        let backoff = self.backoff.get_or_insert_with(|| Box::new(Backoff::new(first, most, seed)));
        let until = now + backoff.next_wait();
        self.seed = self.seed.wrapping_add(1);
        self.state = State::Waiting { until };
        emit(Event::Waiting { until });
    }
}

/// Somewhere in the span, by the seed.
fn spread(span: Duration, seed: u64) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_micros(mixed % micros.max(1))
}

#[cfg(test)]
mod tests {
    use super::super::{ClientTiming, Dialect, PacketFraming};
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const TAKEN: [u8; 20] = [0, 0, 0, 20, 0, 20, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];

    type Emit<'a> = dyn FnMut(Event<'_>) + 'a;

    /// A session of the dtalk dialect on a clock of the test's own.
    struct Stage {
        plain: Plain,
        me: Identity,
        timing: ClientTiming,
        now: Time,
        told: Vec<String>,
        said: Vec<u8>,
    }

    impl Stage {
        fn new(timing: ClientTiming) -> Self {
            let codec = AnyCodec::new(Dialect::Dtalk).expect("not comet");
            let (me, now) = (Identity::new("al", []), Time::from_micros(0));
            let (told, said) = (Vec::new(), Vec::new());
            Self { plain: Plain::new(codec, 7), me, timing, now, told, said }
        }

        fn with<T>(
            &mut self,
            act: impl FnOnce(&mut Plain, &CallContext<'_>, &mut Outgoing<'_>, &mut Emit<'_>) -> T,
        ) -> T {
            self.said.clear();
            let mut packet_framing = PacketFraming::Bare;
            let mut out = Outgoing::new(&mut self.said, &mut packet_framing);
            let at = CallContext { now: self.now, me: &self.me, timing: &self.timing };
            let told = &mut self.told;
            act(&mut self.plain, &at, &mut out, &mut |event| told.push(format!("{event:?}")))
        }

        fn poll(&mut self) -> Option<ConnectionRequest> {
            self.with(|plain, at, _, mut emit| plain.poll(at, &mut emit))
        }

        fn open(&mut self) {
            assert_eq!(self.poll(), Some(ConnectionRequest::Connect));
            self.with(|plain, at, out, mut emit| plain.handle_connected(at, out, &mut emit));
            self.receive(&TAKEN);
        }

        fn receive(&mut self, bytes: &[u8]) {
            let outcome =
                self.with(|plain, at, out, mut emit| plain.handle_bytes(at, bytes, out, &mut emit));
            assert_eq!(outcome, Ok(()));
        }

        fn lose(&mut self) {
            self.plain.handle_disconnected(&"cut");
        }

        /// Goes on to when something is due.
        fn wake(&mut self) -> Result<(), GiveUpReason> {
            self.now = self.plain.poll_timeout().expect("something is due");
            self.with(|plain, at, out, _| plain.handle_timeout(at, Some(out)))
        }
    }

    #[test]
    fn heartbeats_begin_within_one_span_and_go_on_evenly_while_they_are_answered() {
        let mut stage =
            Stage::new(ClientTiming { heartbeat: Some(100 * MS), ..ClientTiming::default() });
        stage.open();
        assert_eq!(stage.wake(), Ok(()));
        let first = stage.now;
        assert!(first < Time::from_micros(100_000), "{first:?}");
        assert_eq!(stage.said[8..16], [0, 0, 0, 3, 0, 0, 0, 2]);
        stage.receive(&[0, 0, 0, 20, 0, 20, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0]);
        assert_eq!(stage.wake(), Ok(()));
        assert_eq!(stage.now, first + 100 * MS);
        assert_eq!(stage.wake(), Err(GiveUpReason::Silent));
        assert_eq!(stage.now, first + 200 * MS);
    }

    #[test]
    fn a_server_has_so_long_to_take_a_session() {
        let mut stage = Stage::new(ClientTiming { opening: 300 * MS, ..ClientTiming::default() });
        assert_eq!(stage.plain.poll_timeout(), None);
        assert_eq!(stage.poll(), Some(ConnectionRequest::Connect));
        stage.with(|plain, at, out, mut emit| plain.handle_connected(at, out, &mut emit));
        assert_eq!(stage.wake(), Err(GiveUpReason::NotOpened));
        assert_eq!(stage.now, Time::from_micros(300_000));
    }

    #[test]
    fn a_lost_session_is_over_or_waits_ever_longer_until_it_has_been_open() {
        let mut stage = Stage::new(ClientTiming::default());
        stage.open();
        stage.lose();
        assert_eq!(stage.poll(), None);
        assert_eq!(stage.told[1..], [r#"Closed { why: "cut" }"#]);
        assert_eq!((stage.plain.poll_timeout(), stage.poll()), (None, None));

        let reconnect = Some(Reconnect { first: 100 * MS, most: 400 * MS });
        let mut stage = Stage::new(ClientTiming { reconnect, ..ClientTiming::default() });
        for most in [100, 200, 400, 400] {
            assert_eq!(stage.poll(), Some(ConnectionRequest::Connect));
            stage.lose();
            let lost = stage.now;
            assert_eq!(stage.poll(), None);
            assert_eq!(stage.wake(), Ok(()));
            let waited = stage.now.since(lost);
            assert!((most * MS / 2..=most * MS).contains(&waited), "{waited:?} of {most} ms");
        }
        stage.open();
        stage.lose();
        assert_eq!(stage.poll(), None);
        let wait = stage.plain.poll_timeout().expect("a wait").since(stage.now);
        assert!(wait <= 100 * MS, "{wait:?} after it was open");
    }

    #[test]
    fn a_session_that_left_says_so_and_is_over_without_a_word_to_its_owner() {
        let mut stage = Stage::new(ClientTiming::default());
        stage.open();
        stage.with(|plain, _, out, _| plain.leave(Some(out)));
        assert_eq!(stage.said[8..12], [0, 0, 0, 5]);
        assert_eq!(stage.poll(), Some(ConnectionRequest::Disconnect));
        stage.lose();
        assert_eq!((stage.poll(), stage.told.len()), (None, 1));
        let late = stage.with(|plain, at, out, _| {
            plain.send(at.me, &Destination::Rooms, Bytes::from_static(b"late"), Some(out))
        });
        assert_eq!(late, Err(Full(Bytes::from_static(b"late"))));
    }
}
