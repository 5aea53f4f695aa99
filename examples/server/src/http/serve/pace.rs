//! How long one connection may take over what it is doing, as a state machine: told what happens
//! and when, it says by when something more has to happen.
//!
//! Not here: the socket, the clock, and the timer that ends a connection.

use std::time::Duration;

use tokio::time::Instant;

/// Times of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For a whole request head, from its first byte or, on a new connection, from its accept.
    pub(super) head: Duration,
    /// For a request's body, see [`Wait`].
    pub(super) body: Duration,
    /// Between a response and the first byte of the next request.
    pub(super) idle: Duration,
    /// For the peer to take a response, see [`Wait`].
    pub(super) write: Duration,
}

/// Bytes a second that lengthen the time for a body or a response: a peer that is as fast as this
/// may take as long as it needs.
const LEAST_RATE: u64 = 1_024;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nothing of the next request has come since then.
    Idle(Instant),
    /// A head is expected since then.
    Head(Instant),
    /// A request's body is expected, when the handler asks for it.
    Body,
    /// The request is complete, and the server's turn.
    Serving,
}

/// One connection's progress.
#[derive(Debug)]
pub(super) struct Pace {
    times: Times,
    phase: Phase,
    body: Wait,
    write: Wait,
    dismissed: bool,
}

impl Pace {
    /// Of a connection that has just been accepted.
    pub(super) fn new(times: Times, now: Instant) -> Self {
        let phase = Phase::Head(now);
        Self { times, phase, body: Wait::default(), write: Wait::default(), dismissed: false }
    }

    /// Bytes came from the socket.
    pub(super) fn read(&mut self, now: Instant) {
        if let Phase::Idle(_) = self.phase {
            self.phase = Phase::Head(now);
        }
    }

    /// A head is complete, and its request goes to a handler.
    pub(super) fn request(&mut self, has_body: bool) {
        self.phase = if has_body { Phase::Body } else { Phase::Serving };
        self.body = Wait::default();
        // What earlier responses took is not counted for this one, unless they still wait.
        if self.write.since.is_none() {
            self.write = Wait::default();
        }
    }

    /// The handler wants more of the body than has come.
    pub(super) fn body_waits(&mut self, now: Instant) {
        self.body.begin(now);
    }

    /// A part of the body came.
    pub(super) fn body_came(&mut self, now: Instant, bytes: usize) {
        self.body.end(now, bytes);
    }

    /// The body has been read, or is not wanted any more.
    pub(super) fn body_ended(&mut self) {
        if self.phase == Phase::Body {
            self.phase = Phase::Serving;
        }
    }

    /// The response has been produced. It may still be on its way.
    pub(super) fn answered(&mut self, now: Instant) {
        self.phase = Phase::Idle(now);
    }

    /// The socket takes nothing.
    pub(super) fn write_waits(&mut self, now: Instant) {
        self.write.begin(now);
    }

    /// The socket took something.
    pub(super) fn wrote(&mut self, now: Instant, bytes: usize) {
        self.write.end(now, bytes);
    }

    /// Another connection needs the place of this one, as soon as it is idle.
    pub(super) fn dismiss(&mut self) {
        self.dismissed = true;
    }

    /// Whether the connection has been dismissed, and nothing is under way on it.
    pub(super) fn is_leaving(&self) -> bool {
        self.dismissed && self.idle_since().is_some()
    }

    /// Since when the peer could have asked for something and has not.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle(since) | Phase::Head(since) if self.write.since.is_none() => Some(since),
            _ => None,
        }
    }

    /// By when something has to happen, if anything is expected of the peer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if let Some(deadline) = self.write.deadline(self.times.write) {
            return Some(deadline);
        }
        match self.phase {
            Phase::Idle(since) => Some(since + self.times.idle),
            Phase::Head(since) => Some(since + self.times.head),
            Phase::Body => self.body.deadline(self.times.body),
            Phase::Serving => None,
        }
    }
}

/// How long the peer has been waited for, and for how many bytes. Time in which nothing was
/// expected of it does not count.
///
/// No single wait may last as long as the limit, and all together not longer than the limit and the
/// time that the bytes take at [`LEAST_RATE`].
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    since: Option<Instant>,
    spent: Duration,
    bytes: u64,
}

impl Wait {
    fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Instant, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.spent += now.saturating_duration_since(since);
        }
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    fn deadline(&self, limit: Duration) -> Option<Instant> {
        let since = self.since?;
        let earned = Duration::from_millis(self.bytes.saturating_mul(1_000) / LEAST_RATE);
        let left = limit.saturating_add(earned).saturating_sub(self.spent);
        Some(since + left.min(limit))
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

    /// Plays one byte each second until the deadline has passed: after how many seconds.
    fn trickled(mut pace: Pace, from: Instant, mut byte: impl FnMut(&mut Pace, Instant)) -> u32 {
        for second in 1..1_000 {
            let now = from + SECOND * second;
            if pace.deadline().is_some_and(|at| at <= now) {
                return second;
            }
            byte(&mut pace, now);
        }
        panic!("never cut");
    }

    #[test]
    fn a_new_connection_has_the_time_of_a_head() {
        let start = Instant::now();
        let pace = Pace::new(TIMES, start);
        assert_eq!(pace.deadline(), Some(start + TIMES.head));
        assert_eq!(pace.idle_since(), Some(start));
        assert_eq!(trickled(pace, start, Pace::read), 10, "bytes do not lengthen it");
    }

    #[test]
    fn between_requests_it_may_be_idle_and_then_has_the_time_of_a_head_again() {
        let start = Instant::now();
        let mut pace = Pace::new(TIMES, start);
        pace.request(false);
        assert_eq!((pace.deadline(), pace.idle_since()), (None, None), "the server's turn");
        let answered = start + SECOND;
        pace.answered(answered);
        assert_eq!(pace.deadline(), Some(answered + TIMES.idle));
        assert_eq!(pace.idle_since(), Some(answered));
        let again = answered + SECOND * 50;
        pace.read(again);
        assert_eq!(pace.deadline(), Some(again + TIMES.head));
        assert_eq!(trickled(pace, again, Pace::read), 10);
    }

    #[test]
    fn a_body_is_waited_for_only_while_the_handler_wants_it() {
        let start = Instant::now();
        let mut pace = Pace::new(TIMES, start);
        pace.request(true);
        assert_eq!(pace.deadline(), None);
        let asked = start + SECOND * 100;
        pace.body_waits(asked);
        assert_eq!(pace.deadline(), Some(asked + TIMES.body));
        pace.body_came(asked + SECOND, 100);
        assert_eq!(pace.deadline(), None);
        pace.body_ended();
        pace.body_waits(asked + SECOND);
        assert_eq!(pace.deadline(), None);
    }

    #[test]
    fn a_byte_a_second_is_cut_and_a_slow_line_is_not() {
        let start = Instant::now();
        let mut pace = Pace::new(TIMES, start);
        pace.request(true);
        pace.body_waits(start);
        let part = |pace: &mut Pace, now, bytes| {
            pace.body_came(now, bytes);
            pace.body_waits(now);
        };
        assert_eq!(trickled(pace, start, |pace, now| part(pace, now, 1)), 21);

        let mut pace = Pace::new(TIMES, start);
        pace.request(true);
        pace.body_waits(start);
        for second in 1..1_000 {
            let now = start + SECOND * second;
            assert!(pace.deadline().is_some_and(|at| at > now), "at {second} s");
            part(&mut pace, now, 1_024);
        }
        let last = start + SECOND * 999;
        assert_eq!(pace.deadline(), Some(last + TIMES.body), "and stops like any other");
    }

    #[test]
    fn a_reader_that_takes_nothing_or_little_is_cut() {
        let start = Instant::now();
        let mut pace = Pace::new(TIMES, start);
        pace.request(false);
        pace.wrote(start, 100_000);
        assert_eq!(pace.deadline(), None);
        pace.write_waits(start);
        assert_eq!(pace.deadline(), Some(start + TIMES.write));
        // Also when the response has been produced, and another request is there.
        pace.answered(start);
        pace.request(false);
        assert_eq!((pace.deadline(), pace.idle_since()), (Some(start + TIMES.write), None));

        let mut pace = Pace::new(TIMES, start);
        pace.request(false);
        pace.write_waits(start);
        let little = |pace: &mut Pace, now| {
            pace.wrote(now, 1);
            pace.write_waits(now);
        };
        assert_eq!(trickled(pace, start, little), 31);
    }
}
