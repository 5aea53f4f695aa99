//! Messages of a comet peer: each taken exactly once, with an answer that can be repeated.
//!
//! The peer numbers its messages for the session, not for the connection, and repeats those without
//! an answer. [`Upstream`] tells repeats from new ones, keeps answers until the peer confirms that
//! it has them, and returns them in the order of the numbers.

use std::collections::VecDeque;

use comet_protocol::comet::Seq;

use super::Answer;

/// Outcome of a numbered message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// New: to be given to the router.
    New,
    /// Taken before; its answer, if already told.
    Repeat(Option<Answer>),
    /// It skips numbers.
    OutOfSequence,
    /// The number of unanswered messages is at its limit.
    WindowFull,
}

/// Messages of one session that are open, or whose answers the peer may still request.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Number of the first record, or of the next message if there is none.
    first: Seq,
    records: VecDeque<Option<Answer>>,
    /// Number of records, from the first, whose answers this connection was told.
    told: usize,
    /// Bytes of the replies' bodies.
    bytes: usize,
}

impl Upstream {
    /// An empty record that starts at number `first`.
    pub(crate) const fn new(first: Seq) -> Self {
        Self { first, records: VecDeque::new(), told: 0, bytes: 0 }
    }

    /// Last number up to which every message has been taken.
    pub(crate) fn accepted(&self) -> Seq {
        self.number(self.records.len()).prev()
    }

    /// Whether every message has an answer.
    pub(crate) fn is_settled(&self) -> bool {
        self.records.iter().all(Option::is_some)
    }

    /// Takes a message; `answered` confirms the answers up to that number.
    pub(crate) fn take(&mut self, seq: Seq, answered: Seq, window: u16) -> Taken {
        self.prune(answered);
        if let Some(at) = self.index(seq) {
            let told = at < self.told;
            let answer = self.records.get(at).filter(|_| told).cloned().flatten();
            return Taken::Repeat(answer);
        }
        if !seq.is_after(self.accepted()) {
            return Taken::Repeat(None);
        }
        if seq != self.number(self.records.len()) {
            return Taken::OutOfSequence;
        }
        if self.records.len() >= usize::from(window) {
            return Taken::WindowFull;
        }
        self.records.push_back(None);
        Taken::New
    }

    /// Records the router's answer; false if the message was answered before, or long ago.
    pub(crate) fn settle(&mut self, seq: Seq, answer: Answer) -> bool {
        let record = self.index(seq).and_then(|at| self.records.get_mut(at));
        match record {
            Some(record) if record.is_none() => {
                self.bytes += answer.body_len();
                *record = Some(answer);
                true
            }
            _ => false,
        }
    }

    /// The next answer to be told, with the number of its message; call until `None`.
    pub(crate) fn poll_answer(&mut self) -> Option<(Seq, Answer)> {
        let answer = self.records.get(self.told)?.clone()?;
        let seq = self.number(self.told);
        self.told += 1;
        Some((seq, answer))
    }

    /// Continues on another connection, whose peer has the answers of everything before `first`.
    /// Afterwards drain [`poll_answer`](Self::poll_answer).
    pub(crate) fn resume(&mut self, first: Seq) {
        self.prune(first.prev());
        self.told = 0;
    }

    /// Frees the buffer if it is empty.
    pub(crate) fn release(&mut self) {
        if self.records.is_empty() {
            self.records = VecDeque::new();
        }
    }

    /// Bytes of the kept answers and their entries.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.records.capacity() * size_of::<Option<Answer>>()
    }

    /// Drops confirmed answers, but none that the peer was not told.
    fn prune(&mut self, answered: Seq) {
        let told = self.records.iter().take_while(|record| record.is_some()).count();
        let mut drop = 0;
        while drop < told && !self.number(drop).is_after(answered) {
            drop += 1;
        }
        self.first = self.number(drop);
        let dropped = self.records.drain(..drop).flatten();
        self.bytes -= dropped.map(|answer| answer.body_len()).sum::<usize>();
        self.told = self.told.saturating_sub(drop);
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        Some(seq.count_from(self.first)).filter(|at| *at < self.records.len())
    }

    fn number(&self, at: usize) -> Seq {
        self.first.counted(at)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Refusal;

    fn reply(text: &'static str) -> Answer {
        Answer::Reply(Bytes::from_static(text.as_bytes()))
    }

    fn take(upstream: &mut Upstream, seq: u32, answered: u32) -> Taken {
        upstream.take(Seq::new(seq), Seq::new(answered), 3)
    }

    #[test]
    fn a_message_is_new_once_and_its_answer_is_told_again() {
        let mut upstream = Upstream::new(Seq::FIRST);
        assert_eq!(take(&mut upstream, 1, 0), Taken::New);
        assert_eq!(take(&mut upstream, 1, 0), Taken::Repeat(None));
        assert!(upstream.settle(Seq::new(1), reply("a")));
        assert!(!upstream.settle(Seq::new(1), reply("b")));
        assert_eq!(upstream.poll_answer(), Some((Seq::new(1), reply("a"))));
        assert_eq!(take(&mut upstream, 1, 0), Taken::Repeat(Some(reply("a"))));
        assert_eq!(take(&mut upstream, 2, 1), Taken::New);
        assert_eq!(take(&mut upstream, 1, 1), Taken::Repeat(None), "the peer said it has it");
        assert_eq!(upstream.accepted(), Seq::new(2));
    }

    #[test]
    fn answers_leave_in_the_order_of_the_numbers() {
        let mut upstream = Upstream::new(Seq::FIRST);
        (1..=2).for_each(|seq| assert_eq!(take(&mut upstream, seq, 0), Taken::New));
        assert!(upstream.settle(Seq::new(2), Answer::Refused(Refusal::new(7))));
        assert_eq!(upstream.poll_answer(), None);
        assert!(upstream.settle(Seq::new(1), reply("a")));
        assert_eq!(upstream.poll_answer(), Some((Seq::new(1), reply("a"))));
        let refused = Answer::Refused(Refusal::new(7));
        assert_eq!(upstream.poll_answer(), Some((Seq::new(2), refused)));
        assert_eq!(upstream.poll_answer(), None);
    }

    #[test]
    fn a_skipped_number_and_a_full_window_are_told_apart() {
        let mut upstream = Upstream::new(Seq::FIRST);
        assert_eq!(take(&mut upstream, 2, 0), Taken::OutOfSequence);
        (1..=3).for_each(|seq| assert_eq!(take(&mut upstream, seq, 0), Taken::New));
        assert_eq!(take(&mut upstream, 4, 0), Taken::WindowFull);
        assert_eq!(take(&mut upstream, 5, 0), Taken::OutOfSequence);
        assert!(upstream.settle(Seq::new(1), reply("a")));
        assert_eq!(take(&mut upstream, 4, 1), Taken::New);
    }

    #[test]
    fn a_new_connection_is_told_again_what_the_peer_has_not() {
        let mut upstream = Upstream::new(Seq::FIRST);
        (1..=3).for_each(|seq| assert_eq!(take(&mut upstream, seq, 0), Taken::New));
        for seq in 1..=2 {
            assert!(upstream.settle(Seq::new(seq), reply("a")));
            assert!(upstream.poll_answer().is_some());
        }
        upstream.resume(Seq::new(2));
        assert_eq!(upstream.accepted(), Seq::new(3));
        assert_eq!(upstream.poll_answer(), Some((Seq::new(2), reply("a"))));
        assert_eq!(upstream.poll_answer(), None);
        assert!(upstream.settle(Seq::new(3), reply("c")));
        assert_eq!(upstream.poll_answer(), Some((Seq::new(3), reply("c"))));
    }

    #[test]
    fn what_has_no_answer_is_not_forgotten_whatever_the_peer_says() {
        let mut upstream = Upstream::new(Seq::FIRST);
        assert_eq!(take(&mut upstream, 1, 900), Taken::New);
        assert_eq!(take(&mut upstream, 2, 900), Taken::New);
        assert!(!upstream.is_settled());
        assert!(upstream.settle(Seq::new(1), reply("a")));
    }

    #[test]
    fn numbers_go_round_the_circle() {
        let mut upstream = Upstream::new(Seq::new(u32::MAX));
        assert_eq!(upstream.accepted(), Seq::new(u32::MAX - 1));
        for seq in [u32::MAX, 1, 2] {
            assert_eq!(take(&mut upstream, seq, u32::MAX - 1), Taken::New);
            assert!(upstream.settle(Seq::new(seq), reply("x")));
        }
        let told = std::iter::from_fn(|| upstream.poll_answer()).map(|(seq, _)| seq.get());
        assert_eq!(told.collect::<Vec<_>>(), [u32::MAX, 1, 2]);
        assert_eq!(take(&mut upstream, 3, 1), Taken::New);
        assert_eq!(upstream.accepted(), Seq::new(3));
    }
}
