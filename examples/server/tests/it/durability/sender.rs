//! Senders, and their record of messages and answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use comet_dtalk::message::{Common, CommonAck, Login, Reference, Source, SourceUser};
use comet_server_testkit::client::{Client, Next, Transport};
use comet_server_testkit::message::{ack_in, body_of, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Addresses;
use comet_testkit::clock::PATIENCE;
use comet_testkit::frame::{SEND, SEND_REPLY, frame};
use rand::RngExt;
use rand::rngs::StdRng;

use super::feed::Feed;
use super::{PER_SECOND, SENDERS};

/// Interval between messages of one sender.
const PACE: Duration = Duration::from_micros((1_000_000 * SENDERS / PER_SECOND) as u64);
/// Number of answered messages repeated after a restart.
const REPEATED: usize = 20;

/// A message, as recorded by its sender.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) common: Common,
    pub(super) answer: Option<CommonAck>,
}

/// A sender, with all messages it has sent.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) person: Person,
    pub(super) posted: Vec<Posted>,
    device: Option<Login>,
    transport: Transport,
    targets: Vec<String>,
    rng: StdRng,
}

impl Sender {
    pub(super) fn new(index: usize, targets: Vec<String>, rng: StdRng) -> Self {
        let name = format!("sender {index}");
        let device = match index % 4 {
            0 => None,
            1 => Some(browser(&name)),
            _ => Some(phone(&name)),
        };
        let transport = Transport::ALL[index % Transport::ALL.len()];
        let person = Person::new(&name);
        Self { person, posted: Vec::new(), device, transport, targets, rng }
    }

    /// Repeats unanswered messages, and some answered ones; then sends until the server is gone.
    /// Returns the messages delivered back meanwhile.
    pub(super) fn talk(&mut self, addresses: &Addresses, answered: &AtomicUsize) -> Vec<Common> {
        let mut conversation = self.connect(addresses);
        let repeats = self.due_again();
        let mut open = conversation.send(&self.posted, repeats).is_ok();
        let (began, before) = (Instant::now(), self.posted.len());
        while open {
            let due = before + (began.elapsed().as_micros() / PACE.as_micros()) as usize;
            let first = self.posted.len();
            while self.posted.len() < due {
                let common = self.compose();
                self.posted.push(Posted { common, answer: None });
            }
            let sent = conversation.send(&self.posted, first..self.posted.len());
            let next_due = began + PACE * (due - before + 1) as u32;
            let count = sent.and_then(|()| conversation.listen(&mut self.posted, next_due));
            answered.fetch_add(count.as_ref().copied().unwrap_or(0), Ordering::Relaxed);
            open = count.is_ok();
        }
        conversation.echoes()
    }

    /// Repeats unanswered messages until all are answered.
    pub(super) fn settle(&mut self, addresses: &Addresses) -> Vec<Common> {
        let mut conversation = self.connect(addresses);
        let repeats = self.due_again();
        let mut result = conversation.send(&self.posted, repeats).map(|()| 0);
        while result.is_ok() && !conversation.asked.is_empty() {
            result = conversation.listen(&mut self.posted, Instant::now() + PACE);
        }
        assert!(result.is_ok(), "nobody kills the server now");
        conversation.echoes()
    }

    /// Number of unanswered messages.
    pub(super) fn unanswered(&self) -> usize {
        self.posted.iter().filter(|posted| posted.answer.is_none()).count()
    }

    fn connect(&self, addresses: &Addresses) -> Conversation {
        let device = self.device.as_ref();
        let client = Client::signed_in(self.transport, addresses, &self.person, device);
        let answers = self.posted.iter().filter_map(|posted| posted.answer);
        let known = answers.map(|answer| answer.log_id).max().unwrap_or(0);
        let feed = Feed::new(client);
        Conversation { feed, asked: VecDeque::new(), heard: Instant::now(), known }
    }

    /// Some answered messages, then all unanswered ones, in order.
    fn due_again(&mut self) -> Vec<usize> {
        let answered = |&index: &usize| self.posted[index].answer.is_some();
        let (some, all): (Vec<_>, Vec<_>) = (0..self.posted.len()).partition(answered);
        let some: Vec<_> = match some.len() {
            0 => Vec::new(),
            len => (0..REPEATED).map(|_| some[self.rng.random_range(0..len)]).collect(),
        };
        [some, all].concat()
    }

    fn compose(&mut self) -> Common {
        let index = self.posted.len();
        let target = &self.targets[self.rng.random_range(0..self.targets.len())];
        let len = match self.rng.random_range(0..1_000) {
            0 => 15_000,
            1..10 => 8_000,
            _ => self.rng.random_range(1..300),
        };
        let mut msg = vec![0; len];
        self.rng.fill(&mut msg[..]);
        let mut common = to_user(target, &index.to_string(), msg);
        if index % 10 == 3 {
            let from = Some(SourceUser { id: "77".into(), name: "a group".into() });
            common.source = Some(Source { channel_type: 1, from, target: None });
            common.reference = Some(Reference { topic: 1, r#ref: index as i64 });
        }
        common
    }
}

/// A connection of a sender.
struct Conversation {
    feed: Feed,
    /// Seqs of frames without a reply, with their messages.
    asked: VecDeque<(u32, usize)>,
    /// Time of the last reply.
    heard: Instant,
    /// The last id known before.
    known: i64,
}

/// The server is gone.
#[derive(Debug)]
struct Gone;

impl Conversation {
    fn send(
        &mut self,
        posted: &[Posted],
        which: impl IntoIterator<Item = usize>,
    ) -> Result<(), Gone> {
        let mut frames = Vec::new();
        for index in which {
            let seq = self.feed.client.next_seq();
            frames.push(frame(SEND, seq, body_of(&posted[index].common)));
            self.asked.push_back((seq, index));
        }
        self.feed.client.try_send_all(&frames).map_err(|_| Gone)
    }

    /// Handles frames until the deadline; returns the number of messages answered for the first
    /// time. Replies come in the order of the messages, and repeated messages get the same answer
    /// again.
    fn listen(&mut self, posted: &mut [Posted], until: Instant) -> Result<usize, Gone> {
        let mut answered = 0;
        loop {
            match self.feed.next(until) {
                Next::Frame(reply) => {
                    assert_eq!((reply.op, reply.seq), (SEND_REPLY, reply.ack), "{reply:?}");
                    let (seq, index) = self.asked.pop_front().expect("a question");
                    assert_eq!(reply.ack, seq, "replies in order");
                    let answer = ack_in(&reply.body);
                    match posted[index].answer.replace(answer) {
                        Some(first) => assert_eq!(answer, first, "the same answer"),
                        None => answered += 1,
                    }
                    self.heard = Instant::now();
                }
                Next::Ended(_) => return Err(Gone),
                Next::Nothing => break,
            }
        }
        let waiting = !self.asked.is_empty() && self.heard.elapsed() > PATIENCE;
        assert!(!waiting, "{} messages are not answered", self.asked.len());
        Ok(answered)
    }

    /// The sender's own messages delivered back. Messages answered before this connection are not
    /// among them, even if repeated.
    fn echoes(self) -> Vec<Common> {
        let messages = self.feed.messages;
        assert!(messages.iter().all(|common| common.log_id > self.known), "delivered again");
        messages
    }
}
