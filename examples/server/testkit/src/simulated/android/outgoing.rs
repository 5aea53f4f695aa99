//! Messages of a phone that have no answer yet.

use std::time::Instant;

use comet_testkit::frame::{SEND, frame};
use comet_testkit::protobuf::{field, number_field};

use super::super::{Body, Messenger as _, Output};
use super::{AGAIN, Android, Purpose};
use crate::http::Answer;

/// Frames sent for a message.
const FRAMES: u32 = 5;
/// Attempts without a socket.
const POSTS: u32 = 3;

/// A message without an answer.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: Vec<u8>,
    /// Seqs of its frames on the present connection.
    seqs: Vec<u32>,
    frames: u32,
    posts: u32,
    /// Time of the next attempt; `None` while a call is under way.
    again: Option<Instant>,
}

impl Outgoing {
    pub(super) fn new(body: Vec<u8>) -> Self {
        Self { body, seqs: Vec::new(), frames: 0, posts: 0, again: None }
    }
}

impl Android {
    /// The message of which this is a frame's seq.
    pub(super) fn outgoing_of(&self, seq: u32) -> Option<String> {
        let of = self.outgoing.iter().find(|(_, outgoing)| outgoing.seqs.contains(&seq));
        of.map(|(msg_id, _)| msg_id.clone())
    }

    /// Forgets the seqs of a connection that has ended.
    pub(super) fn forget_seqs(&mut self) {
        self.outgoing.values_mut().for_each(|outgoing| outgoing.seqs.clear());
    }

    /// Sends a message, by the socket if it is open; gives it up after so many attempts.
    pub(super) fn post(&mut self, msg_id: &str, now: Instant) {
        let is_open = self.is_open();
        let outgoing = self.outgoing.get_mut(msg_id).expect("a message without an answer");
        if is_open && outgoing.frames < FRAMES {
            let seq = self.line.count();
            outgoing.frames += 1;
            outgoing.seqs.push(seq);
            outgoing.again = Some(now + AGAIN);
            let frame = frame(SEND, seq, &outgoing.body);
            self.outputs.push_back(Output::Send(frame));
        } else if !is_open && outgoing.posts < POSTS {
            outgoing.posts += 1;
            outgoing.again = None;
            let proto =
                [number_field(1, 1), number_field(2, u64::from(SEND)), field(5, &outgoing.body)];
            let form = Body::Form("message", proto.concat());
            self.call(Purpose::Push(msg_id.to_owned()), "/record/push2", form, now);
        } else {
            self.outgoing.remove(msg_id);
            self.book.failed(msg_id);
        }
    }

    /// Sends again what is due.
    pub(super) fn post_again(&mut self, now: Instant) {
        let due = self
            .outgoing
            .iter()
            .filter(|(_, outgoing)| outgoing.again.is_some_and(|again| now >= again));
        let due: Vec<_> = due.map(|(msg_id, _)| msg_id.clone()).collect();
        due.iter().for_each(|msg_id| self.post(msg_id, now));
    }

    /// The answer to a message that was posted.
    pub(super) fn pushed(&mut self, msg_id: &str, answer: Option<&Answer>, now: Instant) {
        let data = answer.and_then(|answer| {
            let (result, data) = answer.envelope();
            (result == 0).then_some(data)
        });
        if let Some(data) = data {
            self.outgoing.remove(msg_id);
            // A generic map of JSON has doubles.
            let log_id = data["logId"].as_f64().expect("an id") as i64;
            let time = data["datetime"].as_f64().expect("a time") as u64;
            self.book.answered(msg_id, log_id, time);
        } else if let Some(outgoing) = self.outgoing.get_mut(msg_id) {
            outgoing.again = Some(now + AGAIN);
        }
    }
}
