//! Deadlines of one connection, as a state machine: takes events with their times, and returns the
//! next deadline.
//!
//! Not here: the socket, the clock, and the timer that ends a connection.

use std::time::Duration;

use tokio::time::Instant;

use super::streams::Streams;
use super::wait::Wait;
use crate::config;

/// Time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Limit for a request's head, from its first byte or, on a new connection, from its accept.
    pub(super) head: Duration,
    /// Limit for a request's body, see [`Wait`].
    pub(super) body: Duration,
    /// Limit between a response and the first byte of the next request.
    pub(super) idle: Duration,
    /// Limit for the peer to read a response, see [`Wait`].
    pub(super) write: Duration,
}

impl Times {
    pub(super) fn of(settings: &config::Http) -> Self {
        Self {
            head: Duration::from_secs(settings.head_seconds),
            body: Duration::from_secs(settings.body_seconds),
            idle: Duration::from_secs(settings.idle_seconds),
            write: Duration::from_secs(settings.write_seconds),
        }
    }
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// No byte of the next request has been received since this time.
    Idle(Instant),
    /// A head has been expected since this time.
    Head(Instant),
    /// A request's body is expected when the handler reads it.
    Body,
    /// The request is complete and being handled.
    Serving,
}

/// The progress of a connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    times: Times,
    phase: Phase,
    body: Wait,
    write: Wait,
    dismissed: bool,
    /// Requests of HTTP/2, from the first one on.
    streams: Option<Box<Streams>>,
}

impl Deadlines {
    /// The state of a newly accepted connection.
    pub(super) fn new(times: Times, now: Instant) -> Self {
        let phase = Phase::Head(now);
        let (body, write) = (Wait::default(), Wait::default());
        Self { times, phase, body, write, dismissed: false, streams: None }
    }

    /// Bytes were read from the socket. On HTTP/2 they may be anything, and change nothing.
    pub(super) fn read(&mut self, now: Instant) {
        if let (Phase::Idle(_), None) = (self.phase, &self.streams) {
            self.phase = Phase::Head(now);
        }
    }

    /// A head is complete, and its request is passed to a handler.
    pub(super) fn request(&mut self, has_body: bool) {
        self.phase = if has_body { Phase::Body } else { Phase::Serving };
        self.body = Wait::default();
        // Time spent on earlier responses does not count for this one, unless they are still
        // waiting.
        if self.write.since.is_none() {
            self.write = Wait::default();
        }
    }

    /// The handler waits for more of the body.
    pub(super) fn body_waits(&mut self, now: Instant) {
        self.body.begin(now);
    }

    /// Part of the body was received.
    pub(super) fn body_came(&mut self, now: Instant, bytes: usize) {
        self.body.end(now, bytes);
    }

    /// The body has been read or dropped.
    pub(super) fn body_ended(&mut self) {
        if self.phase == Phase::Body {
            self.phase = Phase::Serving;
        }
    }

    /// The response has been produced; it may not be written yet.
    pub(super) fn answered(&mut self, now: Instant) {
        self.phase = Phase::Idle(now);
    }

    /// A request of HTTP/2 has arrived; its number.
    pub(super) fn stream(&mut self) -> u64 {
        self.phase = Phase::Serving;
        self.streams.get_or_insert_default().begin()
    }

    /// A part of a response of HTTP/2 was produced, or there is none though the client could take
    /// it.
    pub(super) fn stream_produced(&mut self, id: u64, now: Instant, bytes: Option<usize>) {
        if let Some(streams) = &mut self.streams {
            match bytes {
                Some(bytes) => streams.produced(id, now, bytes),
                None => streams.drained(id, now),
            }
        }
    }

    /// A request of HTTP/2 is done with, and so is what came of it.
    pub(super) fn stream_ended(&mut self, id: u64, now: Instant) {
        if self.streams.as_mut().is_some_and(|streams| streams.end(id)) {
            self.phase = Phase::Idle(now);
        }
    }

    /// Limits of time, for bodies that time themselves.
    pub(super) fn times(&self) -> Times {
        self.times
    }

    /// A write would block.
    pub(super) fn write_waits(&mut self, now: Instant) {
        self.write.begin(now);
    }

    /// The socket accepted bytes.
    pub(super) fn wrote(&mut self, now: Instant, bytes: usize) {
        self.write.end(now, bytes);
    }

    /// The connection is to be closed once idle, to make room for another.
    pub(super) fn dismiss(&mut self) {
        self.dismissed = true;
    }

    /// Whether the connection is dismissed and idle.
    pub(super) fn is_leaving(&self) -> bool {
        self.dismissed && self.idle_since().is_some()
    }

    /// The start of the time in which the peer has sent no request.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle(since) | Phase::Head(since) if self.write.since.is_none() => Some(since),
            _ => None,
        }
    }

    /// The deadline, if anything is expected of the peer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if let Some(deadline) = self.write.deadline(self.times.write) {
            return Some(deadline);
        }
        match self.phase {
            Phase::Idle(since) => Some(since + self.times.idle),
            Phase::Head(since) => Some(since + self.times.head),
            Phase::Body => self.body.deadline(self.times.body),
            Phase::Serving => self.streams.as_ref()?.deadline(self.times.write),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    const TIMES: Times = Times {
        head: Duration::from_secs(10),
        body: Duration::from_secs(20),
        idle: Duration::from_secs(60),
        write: Duration::from_secs(30),
    };

    /// Plays one byte each second until the deadline has passed; returns the number of seconds.
    fn trickled(
        mut deadlines: Deadlines,
        from: Instant,
        mut byte: impl FnMut(&mut Deadlines, Instant),
    ) -> u32 {
        for second in 1..1_000 {
            let now = from + SECOND * second;
            if deadlines.deadline().is_some_and(|at| at <= now) {
                return second;
            }
            byte(&mut deadlines, now);
        }
        panic!("never cut");
    }

    #[test]
    fn a_new_connection_has_the_time_of_a_head() {
        let start = Instant::now();
        let deadlines = Deadlines::new(TIMES, start);
        assert_eq!(deadlines.deadline(), Some(start + TIMES.head));
        assert_eq!(deadlines.idle_since(), Some(start));
        assert_eq!(trickled(deadlines, start, Deadlines::read), 10, "bytes do not lengthen it");
    }

    #[test]
    fn between_requests_it_may_be_idle_and_then_has_the_time_of_a_head_again() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(TIMES, start);
        deadlines.request(false);
        assert_eq!(
            (deadlines.deadline(), deadlines.idle_since()),
            (None, None),
            "the server's turn"
        );
        let answered = start + SECOND;
        deadlines.answered(answered);
        assert_eq!(deadlines.deadline(), Some(answered + TIMES.idle));
        assert_eq!(deadlines.idle_since(), Some(answered));
        let again = answered + SECOND * 50;
        deadlines.read(again);
        assert_eq!(deadlines.deadline(), Some(again + TIMES.head));
        assert_eq!(trickled(deadlines, again, Deadlines::read), 10);
    }

    #[test]
    fn a_body_is_waited_for_only_while_the_handler_wants_it() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(TIMES, start);
        deadlines.request(true);
        assert_eq!(deadlines.deadline(), None);
        let asked = start + SECOND * 100;
        deadlines.body_waits(asked);
        assert_eq!(deadlines.deadline(), Some(asked + TIMES.body));
        deadlines.body_came(asked + SECOND, 100);
        assert_eq!(deadlines.deadline(), None);
        deadlines.body_ended();
        deadlines.body_waits(asked + SECOND);
        assert_eq!(deadlines.deadline(), None);
    }

    #[test]
    fn a_byte_a_second_is_cut_and_a_slow_line_is_not() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(TIMES, start);
        deadlines.request(true);
        deadlines.body_waits(start);
        let part = |deadlines: &mut Deadlines, now, bytes| {
            deadlines.body_came(now, bytes);
            deadlines.body_waits(now);
        };
        assert_eq!(trickled(deadlines, start, |deadlines, now| part(deadlines, now, 1)), 21);

        let mut deadlines = Deadlines::new(TIMES, start);
        deadlines.request(true);
        deadlines.body_waits(start);
        for second in 1..1_000 {
            let now = start + SECOND * second;
            assert!(deadlines.deadline().is_some_and(|at| at > now), "at {second} s");
            part(&mut deadlines, now, 1_024);
        }
        let last = start + SECOND * 999;
        assert_eq!(deadlines.deadline(), Some(last + TIMES.body), "and stops like any other");
    }

    #[test]
    fn requests_of_http2_share_a_connection_that_is_idle_after_the_last() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(TIMES, start);
        let (one, two) = (deadlines.stream(), deadlines.stream());
        deadlines.stream_ended(one, start + SECOND);
        assert_eq!((deadlines.deadline(), deadlines.idle_since()), (None, None));
        deadlines.stream_produced(two, start, Some(10));
        assert_eq!(deadlines.deadline(), Some(start + TIMES.write));
        deadlines.stream_produced(two, start, None);
        let ended = start + SECOND * 2;
        deadlines.stream_ended(two, ended);
        // Answers to pings are no requests.
        deadlines.read(ended + SECOND);
        assert_eq!(deadlines.idle_since(), Some(ended));
        assert_eq!(deadlines.deadline(), Some(ended + TIMES.idle));
    }

    #[test]
    fn a_reader_that_takes_nothing_or_little_is_cut() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(TIMES, start);
        deadlines.request(false);
        deadlines.wrote(start, 100_000);
        assert_eq!(deadlines.deadline(), None);
        deadlines.write_waits(start);
        assert_eq!(deadlines.deadline(), Some(start + TIMES.write));
        // The same applies once the response is produced and another request has arrived.
        deadlines.answered(start);
        deadlines.request(false);
        assert_eq!(
            (deadlines.deadline(), deadlines.idle_since()),
            (Some(start + TIMES.write), None)
        );

        let mut deadlines = Deadlines::new(TIMES, start);
        deadlines.request(false);
        deadlines.write_waits(start);
        let little = |deadlines: &mut Deadlines, now| {
            deadlines.wrote(now, 1);
            deadlines.write_waits(now);
        };
        assert_eq!(trickled(deadlines, start, little), 31);
    }
}
