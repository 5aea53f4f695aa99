//! One connection of a sender.

use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use comet_dtalk::message::Common;
use comet_server_testkit::client::Next;
use comet_server_testkit::message::{ack_in, body_of};
use comet_testkit::clock::PATIENCE;
use comet_testkit::frame::{Frame, SEND, SEND_REPLY, frame};

use super::feed::Feed;
use super::sender::Posted;

/// Silence after which everything unanswered is sent again, if the server lives on.
const RESEND: Duration = Duration::from_millis(1_500);

/// A connection of a sender.
pub(super) struct Conversation {
    pub(super) feed: Feed,
    /// Seqs of frames without a reply, with their messages.
    asked: BTreeMap<u32, usize>,
    /// Messages whose frames will get no reply: later ones have been answered.
    refused: Vec<usize>,
    /// Time of the last reply, or when the wait for one began.
    heard: Instant,
    /// Time of the last new answer.
    progress: Instant,
    /// The seq of the last reply.
    replied: u32,
}

/// The server is gone.
#[derive(Debug)]
pub(super) struct Gone;

impl Conversation {
    pub(super) fn new(feed: Feed) -> Self {
        let (heard, progress) = (Instant::now(), Instant::now());
        let (asked, refused) = (BTreeMap::new(), Vec::new());
        Self { feed, asked, refused, heard, progress, replied: 0 }
    }

    pub(super) fn send(
        &mut self,
        posted: &[Posted],
        which: impl IntoIterator<Item = usize>,
    ) -> Result<(), Gone> {
        let mut frames = Vec::new();
        if self.asked.is_empty() {
            self.heard = Instant::now();
        }
        for index in which {
            let seq = self.feed.client.next_seq();
            frames.push(frame(SEND, seq, body_of(&posted[index].common)));
            self.asked.insert(seq, index);
        }
        self.feed.client.try_send_all(&frames).map_err(|_| Gone)
    }

    /// Handles frames until the deadline; returns the number of messages answered for the first
    /// time. Replies come in the order of the messages, and repeated messages get the same answer
    /// again.
    pub(super) fn listen(&mut self, posted: &mut [Posted], until: Instant) -> Result<usize, Gone> {
        let mut answered = 0;
        loop {
            match self.feed.next(until) {
                Next::Frame(reply) => answered += usize::from(self.take(posted, &reply)),
                Next::Ended(_) => return Err(Gone),
                Next::Nothing => break,
            }
        }
        if answered > 0 || self.asked.is_empty() {
            self.progress = Instant::now();
        }
        let waits = self.asked.len();
        assert!(self.progress.elapsed() < PATIENCE, "{waits} messages are not answered");
        Ok(answered)
    }

    /// Whether every frame has its reply, and none was refused.
    pub(super) fn is_settled(&self) -> bool {
        self.asked.is_empty() && self.refused.is_empty()
    }

    /// Whether no message of this connection was refused so far.
    pub(super) fn nothing_was_refused(&self) -> bool {
        self.refused.is_empty()
    }

    /// Messages to be sent again, in order: those refused, and after a long silence all that were
    /// not answered.
    pub(super) fn due_again(&mut self, posted: &[Posted]) -> Vec<usize> {
        let mut due = mem::take(&mut self.refused);
        if !self.asked.is_empty() && self.heard.elapsed() > RESEND {
            due.extend(mem::take(&mut self.asked).into_values());
            self.heard = Instant::now();
        }
        due.retain(|index| posted[*index].answer.is_none());
        due.sort_unstable();
        due.dedup();
        due
    }

    /// All messages delivered on the connection.
    pub(super) fn end(self) -> Vec<Common> {
        self.feed.messages
    }

    /// Whether a reply is the first answer to its message.
    fn take(&mut self, posted: &mut [Posted], reply: &Frame) -> bool {
        assert_eq!((reply.op, reply.seq), (SEND_REPLY, reply.ack), "{reply:?}");
        assert!(reply.ack > self.replied, "replies in order: {} {}", reply.ack, self.replied);
        self.replied = reply.ack;
        self.heard = Instant::now();
        let later = self.asked.split_off(&reply.ack);
        self.refused.extend(mem::replace(&mut self.asked, later).into_values());
        // Of a frame that was given up after a long silence.
        let Some(index) = self.asked.remove(&reply.ack) else { return false };
        let answer = ack_in(&reply.body);
        match posted[index].answer.replace(answer) {
            Some(first) => assert_eq!(answer, first, "the same answer"),
            None => return true,
        }
        false
    }
}
