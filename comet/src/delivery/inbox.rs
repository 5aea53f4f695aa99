//! Messages that a peer sent and the router has not settled; their replies leave in order.
//!
//! A router may settle messages in any order and from any thread. [`Inbox`] numbers them, bounds
//! the number of open ones, and holds back a reply until all before it are settled.

use std::collections::VecDeque;

use super::Answer;

/// An open message: the fields that its reply repeats.
#[derive(Debug)]
struct Open {
    seq: u32,
    op: u32,
    reply: Option<Answer>,
}

/// The unsettled messages of one session, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Number of the oldest open message.
    first: u32,
    #[expect(clippy::box_collection, reason = "most sessions have none open, most of the time")]
    open: Option<Box<VecDeque<Open>>>,
}

impl Inbox {
    /// Whether `limit` messages are open.
    pub(crate) fn is_full(&self, limit: u16) -> bool {
        self.len() >= usize::from(limit)
    }

    /// Whether no message is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a message in, and returns the number under which it is to be settled.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the 16-bit limit")]
    pub(crate) fn open(&mut self, seq: u32, op: u32) -> u32 {
        let number = self.first.wrapping_add(self.len() as u32);
        self.open.get_or_insert_default().push_back(Open { seq, op, reply: None });
        number
    }

    /// Settles a message; false if it is not open or was settled before.
    pub(crate) fn settle(&mut self, number: u32, reply: Answer) -> bool {
        let index = number.wrapping_sub(self.first) as usize;
        match self.open.as_mut().and_then(|open| open.get_mut(index)) {
            Some(open) if open.reply.is_none() => {
                open.reply = Some(reply);
                true
            }
            _ => false,
        }
    }

    /// The next reply that may leave, with the seq and op of its message; call until `None`.
    pub(crate) fn poll_reply(&mut self) -> Option<(u32, u32, Answer)> {
        let open = self.open.as_mut()?.pop_front_if(|open| open.reply.is_some())?;
        self.first = self.first.wrapping_add(1);
        Some((open.seq, open.op, open.reply?))
    }

    /// Continues the numbering at `first`; no message may be open.
    pub(crate) fn begin_at(&mut self, first: u32) {
        self.first = first;
    }

    /// Drops the open messages: the connection that awaited their replies is gone.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the 16-bit limit")]
    pub(crate) fn abandon(&mut self) {
        self.first = self.first.wrapping_add(self.len() as u32);
        self.open = None;
    }

    /// Frees the buffer if no message is open.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.open = None;
        }
    }

    fn len(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.len())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Refusal;

    fn ack(text: &'static str) -> Answer {
        Answer::Reply(Bytes::from_static(text.as_bytes()))
    }

    /// A refusal as an empty body.
    fn replies(inbox: &mut Inbox) -> Vec<(u32, Bytes)> {
        let replies = std::iter::from_fn(|| inbox.poll_reply());
        let body = |reply| if let Answer::Reply(body) = reply { body } else { Bytes::new() };
        replies.map(|(seq, _, reply)| (seq, body(reply))).collect()
    }

    #[test]
    fn replies_leave_in_the_order_of_the_messages() {
        let mut inbox = Inbox::default();
        let numbers: Vec<u32> = [11, 12, 13].map(|seq| inbox.open(seq, 7)).into();
        assert!(inbox.settle(numbers[2], ack("c")));
        assert!(inbox.settle(numbers[1], Answer::Refused(Refusal::new(1))));
        assert_eq!(replies(&mut inbox), []);
        assert!(inbox.settle(numbers[0], ack("a")));
        assert_eq!(replies(&mut inbox), [(11, "a".into()), (12, "".into()), (13, "c".into())]);
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_message_is_settled_once() {
        let mut inbox = Inbox::default();
        let number = inbox.open(1, 7);
        assert!(inbox.settle(number, ack("first")));
        assert!(!inbox.settle(number, ack("second")));
        assert!(!inbox.settle(number.wrapping_add(1), ack("never taken in")));
        assert_eq!(replies(&mut inbox), [(1, "first".into())]);
        assert!(!inbox.settle(number, ack("long gone")));
    }

    #[test]
    fn the_limit_counts_messages_whose_reply_is_held_back() {
        let mut inbox = Inbox::default();
        let first = inbox.open(1, 7);
        let second = inbox.open(2, 7);
        assert!(inbox.settle(second, ack("b")));
        assert!(inbox.poll_reply().is_none());
        assert!(inbox.is_full(2));
        assert!(inbox.settle(first, ack("a")));
        assert_eq!(replies(&mut inbox).len(), 2);
        assert!(!inbox.is_full(2));
    }

    #[test]
    fn an_abandoned_message_is_never_answered() {
        let mut inbox = Inbox::default();
        let old = inbox.open(1, 7);
        inbox.abandon();
        let new = inbox.open(1, 7);
        assert_ne!(old, new);
        assert!(!inbox.settle(old, ack("late")));
        assert!(inbox.settle(new, ack("new")));
        assert_eq!(replies(&mut inbox), [(1, "new".into())]);
    }

    #[test]
    fn numbers_go_on_and_wrap() {
        let mut inbox = Inbox { first: u32::MAX, open: None };
        let (last, first) = (inbox.open(1, 7), inbox.open(2, 7));
        assert_eq!((last, first), (u32::MAX, 0));
        assert!(inbox.settle(first, ack("b")) && inbox.settle(last, ack("a")));
        assert_eq!(replies(&mut inbox), [(1, "a".into()), (2, "b".into())]);
    }
}
