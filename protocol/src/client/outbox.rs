//! Outgoing messages: numbered, within the window, kept until answered.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::Time;
use crate::Layout;
use crate::comet::{ClientFrame, Seq};

/// The outbox is full; the message is returned.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many messages without an answer")]
pub struct Full(pub Bytes);

#[derive(Debug)]
struct Message {
    body: Bytes,
    answered: bool,
}

/// Sender of a session's messages. Their numbers outlive connections and sessions.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Oldest first, without holes, beginning with `first`.
    messages: VecDeque<Message>,
    first: Seq,
    next: Seq,
    bytes: usize,
    max: usize,
    max_bytes: usize,
    /// Number of messages not to be sent on this connection: already sent, or taken by the server.
    given: usize,
    window: usize,
    retry: Duration,
    wait: Duration,
    retry_at: Option<Time>,
}

impl Outbox {
    pub(super) const fn new(max: usize, max_bytes: usize, retry: Duration) -> Self {
        Self {
            messages: VecDeque::new(),
            first: Seq::FIRST,
            next: Seq::FIRST,
            bytes: 0,
            max,
            max_bytes,
            given: 0,
            window: 0,
            retry,
            wait: retry,
            retry_at: None,
        }
    }

    /// Takes a message and assigns its number.
    pub(super) fn push(&mut self, body: Bytes) -> Result<Seq, Full> {
        let is_over =
            !self.messages.is_empty() && self.bytes.saturating_add(body.len()) > self.max_bytes;
        if self.messages.len() >= self.max || is_over {
            return Err(Full(body));
        }
        let seq = self.next;
        self.next = seq.next();
        self.bytes += body.len();
        self.messages.push_back(Message { body, answered: false });
        Ok(seq)
    }

    /// First number without an answer.
    pub(super) const fn first(&self) -> Seq {
        self.first
    }

    /// Notes an open connection, on which the server has taken all messages up to `accepted`.
    pub(super) fn handle_open(&mut self, now: Time, accepted: Seq, window: usize) {
        self.window = window.max(1);
        self.given = 0;
        let mut seq = self.first;
        while self.given < self.messages.len() && !seq.is_after(accepted) {
            self.given += 1;
            seq = seq.next();
        }
        self.restart(now);
    }

    /// Handles an answer. Returns whether the message was waiting for it.
    pub(super) fn handle_answer(&mut self, now: Time, seq: Seq) -> bool {
        let waiting = self.position(seq).and_then(|at| self.messages.get_mut(at));
        let Some(message) = waiting.filter(|message| !message.answered) else { return false };
        message.answered = true;
        let answered = self.messages.iter().take_while(|message| message.answered).count();
        for message in self.messages.drain(..answered) {
            self.bytes -= message.body.len();
            self.first = self.first.next();
        }
        self.given = self.given.saturating_sub(answered);
        if answered > 0 {
            self.restart(now);
        }
        true
    }

    /// Appends the next message that may be sent, unless `out` would become longer than `most`;
    /// returns whether there was one.
    pub(super) fn poll_transmit(&mut self, now: Time, most: usize, out: &mut Vec<u8>) -> bool {
        let repeats = self.retry_at.is_some_and(|due| due <= now);
        let at = if repeats { 0 } else { self.given };
        let Some(message) = self.messages.get(at).filter(|_| repeats || at < self.window) else {
            return false;
        };
        let len = Layout::Dtalk.head_len() + message.body.len();
        if !out.is_empty() && out.len() + len > most {
            return false;
        }
        if repeats {
            self.wait = self.wait.saturating_mul(2);
            self.retry_at = Some(now + self.wait);
            self.write(self.first, 0, out);
            return true;
        }
        self.write(self.number(self.given), self.given, out);
        self.given += 1;
        if self.retry_at.is_none() {
            self.restart(now);
        }
        true
    }

    pub(super) const fn retry_at(&self) -> Option<Time> {
        self.retry_at
    }

    fn write(&self, seq: Seq, at: usize, out: &mut Vec<u8>) {
        let Some(message) = self.messages.get(at) else { return };
        ClientFrame::Send { seq, answered: self.first.prev(), body: &message.body }.write(out);
    }

    fn restart(&mut self, now: Time) {
        self.wait = self.retry;
        self.retry_at = (self.given > 0).then(|| now + self.wait);
    }

    /// Index of a message.
    fn position(&self, seq: Seq) -> Option<usize> {
        if self.first.is_after(seq) {
            return None;
        }
        let places = seq.since(self.first);
        // The place of 0 between the last number and the first is not assigned.
        let places = if seq.get() < self.first.get() { places - 1 } else { places };
        usize::try_from(places).ok().filter(|at| *at < self.messages.len())
    }

    /// Number of the message at an index.
    fn number(&self, at: usize) -> Seq {
        let places = u32::try_from(at).unwrap_or(u32::MAX);
        let seq = self.first.plus(places);
        if seq.get() < self.first.get() { seq.plus(1) } else { seq }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(0);

    fn outbox(bodies: usize) -> Outbox {
        let mut outbox = Outbox::new(4, 100, Duration::from_secs(1));
        for _ in 0..bodies {
            outbox.push("x".into()).unwrap();
        }
        outbox
    }

    fn sent(outbox: &mut Outbox, now: Time) -> Vec<(u32, u32)> {
        let mut out = Vec::new();
        while outbox.poll_transmit(now, 1_000, &mut out) {}
        let frames = crate::frames_of(Layout::Dtalk, &out, 100).unwrap();
        frames.iter().map(|frame| (frame.head.seq, frame.head.ack)).collect()
    }

    #[test]
    fn no_more_is_kept_than_the_bounds_allow() {
        let mut full = outbox(4);
        assert_eq!(full.push("y".into()), Err(Full("y".into())));
        let mut heavy = outbox(0);
        assert_eq!(heavy.push(vec![0; 200].into()), Ok(Seq::FIRST), "one is always taken");
        assert!(heavy.push(Bytes::new()).is_err());
    }

    #[test]
    fn no_more_is_sent_than_the_window_allows() {
        let mut outbox = outbox(4);
        assert_eq!(sent(&mut outbox, NOW), []);
        outbox.handle_open(NOW, Seq::NONE, 2);
        assert_eq!(sent(&mut outbox, NOW), [(1, 0), (2, 0)]);
        assert!(outbox.handle_answer(NOW, Seq::new(1)));
        assert!(!outbox.handle_answer(NOW, Seq::new(1)), "a repeated answer");
        assert_eq!(sent(&mut outbox, NOW), [(3, 1)]);
    }

    #[test]
    fn messages_go_together_up_to_a_length_and_a_longer_one_alone() {
        let mut outbox = outbox(3);
        outbox.handle_open(NOW, Seq::NONE, 8);
        let mut transmit = |most| {
            let mut out = Vec::new();
            while outbox.poll_transmit(NOW, most, &mut out) {}
            out.len()
        };
        assert_eq!([transmit(42), transmit(20), transmit(42)], [42, 21, 0]);
    }

    #[test]
    fn a_new_connection_gets_what_the_server_has_not() {
        let mut outbox = outbox(3);
        outbox.handle_open(NOW, Seq::NONE, 8);
        assert_eq!(sent(&mut outbox, NOW).len(), 3);
        outbox.handle_open(NOW, Seq::new(2), 8);
        assert_eq!(sent(&mut outbox, NOW), [(3, 0)]);
    }

    #[test]
    fn the_oldest_is_sent_again_after_ever_longer_waits() {
        let mut outbox = outbox(2);
        outbox.handle_open(NOW, Seq::NONE, 8);
        assert_eq!(sent(&mut outbox, NOW).len(), 2);
        let at = |secs: u64| Time::from_micros(secs * 1_000_000);
        assert_eq!(outbox.retry_at(), Some(at(1)));
        assert_eq!(sent(&mut outbox, at(1)), [(1, 0)]);
        assert_eq!(outbox.retry_at(), Some(at(3)));
        assert!(outbox.handle_answer(at(2), Seq::new(1)));
        assert_eq!(outbox.retry_at(), Some(at(3)), "the next one waits anew");
        assert!(outbox.handle_answer(at(2), Seq::new(2)));
        assert_eq!(outbox.retry_at(), None);
    }

    #[test]
    fn numbers_go_round_the_circle() {
        let mut outbox = outbox(0);
        (outbox.first, outbox.next) = (Seq::new(u32::MAX), Seq::new(u32::MAX));
        (0..3).for_each(|_| assert!(outbox.push("x".into()).is_ok()));
        outbox.handle_open(NOW, Seq::new(u32::MAX - 1), 8);
        assert_eq!(sent(&mut outbox, NOW), [u32::MAX, 1, 2].map(|seq| (seq, u32::MAX - 1)));
        assert!(outbox.handle_answer(NOW, Seq::new(1)));
        assert!(outbox.handle_answer(NOW, Seq::new(u32::MAX)));
        assert_eq!(outbox.first(), Seq::new(2));
    }
}
