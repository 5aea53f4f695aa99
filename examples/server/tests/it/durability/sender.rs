//! Senders, and their record of messages and answers.

use std::time::{Duration, Instant};

use comet_dtalk::message::{
    Channel, Common, CommonAck, Device, Login, Reference, Source, SourceUser,
};
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::{to_group, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Addresses;
use rand::RngExt;
use rand::rngs::StdRng;

use super::conversation::{Conversation, Gone};
use super::feed::Feed;
use super::round::Round;
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
    /// Its places in the order of what the sender has sent. There are several if it may have been
    /// refused, and a later message taken: it was sent again then.
    pub(super) places: Vec<usize>,
}

/// A sender, with all messages it has sent.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) person: Person,
    pub(super) posted: Vec<Posted>,
    device: Option<Login>,
    transport: Transport,
    targets: Vec<String>,
    group: i64,
    rng: StdRng,
    /// Places taken so far.
    places: usize,
}

impl Sender {
    pub(super) fn new(
        index: usize,
        person: Person,
        targets: Vec<String>,
        group: i64,
        rng: StdRng,
    ) -> Self {
        let name = format!("sender {index}");
        let device = match index % 4 {
            0 => None,
            1 => Some(browser(&name)),
            _ => Some(phone(&name)),
        };
        let transport = Transport::ALL[index % Transport::ALL.len()];
        Self { person, posted: Vec::new(), device, transport, targets, group, rng, places: 0 }
    }

    /// Repeats unanswered messages, and some answered ones; then sends until the server is gone, or
    /// the round is over and everything is answered. Returns the messages delivered meanwhile.
    pub(super) fn talk(&mut self, addresses: &Addresses, round: &Round) -> Vec<Common> {
        let mut conversation = self.connect(addresses);
        // A session that outlives its connection keeps what was not acknowledged for the next one.
        let known = if round.stays { 0 } else { self.last_answered() };
        let repeats = self.due_again();
        let mut open = conversation.send(&self.posted, repeats);
        let (began, before) = (Instant::now(), self.posted.len());
        while open.is_ok() && !(round.stays && round.is_over() && conversation.is_settled()) {
            let due = before + (began.elapsed().as_micros() / PACE.as_micros()) as usize;
            let first = self.posted.len();
            while self.posted.len() < due && !round.is_over() {
                self.post();
            }
            let next_due = began + PACE * (due - before + 1) as u32;
            open = self.exchange(&mut conversation, round, first, next_due);
        }
        assert!(open.is_err() || round.stays, "it is sent to until it is killed");
        assert!(open.is_ok() || !round.stays, "the server lives on, and a connection has ended");
        self.echoes(conversation, known)
    }

    /// Sends the messages from `first` on, takes answers until `until`, and repeats what was
    /// refused.
    fn exchange(
        &mut self,
        conversation: &mut Conversation,
        round: &Round,
        first: usize,
        until: Instant,
    ) -> Result<(), Gone> {
        conversation.send(&self.posted, first..self.posted.len())?;
        round.count(conversation.listen(&mut self.posted, until)?);
        if !round.stays {
            assert!(conversation.nothing_was_refused(), "everything is answered, in order");
            return Ok(());
        }
        let again = conversation.due_again(&self.posted);
        for &index in &again {
            self.posted[index].places.push(self.places);
            self.places += 1;
        }
        conversation.send(&self.posted, again)
    }

    /// Repeats unanswered messages until all are answered.
    pub(super) fn settle(&mut self, addresses: &Addresses) -> Vec<Common> {
        let mut conversation = self.connect(addresses);
        let repeats = self.due_again();
        let mut result = conversation.send(&self.posted, repeats).map(|()| 0);
        while result.is_ok() && !conversation.is_settled() {
            result = conversation.listen(&mut self.posted, Instant::now() + PACE);
            assert!(conversation.nothing_was_refused(), "nothing is killed now");
        }
        assert!(result.is_ok(), "nobody kills the server now");
        self.echoes(conversation, 0)
    }

    /// Number of unanswered messages.
    pub(super) fn unanswered(&self) -> usize {
        self.posted.iter().filter(|posted| posted.answer.is_none()).count()
    }

    fn connect(&self, addresses: &Addresses) -> Conversation {
        let device = self.device.as_ref();
        let client = Client::signed_in(self.transport, addresses, &self.person, device);
        Conversation::new(Feed::new(client))
    }

    /// The greatest id of the sender's own messages.
    fn last_answered(&self) -> i64 {
        let answers = self.posted.iter().filter_map(|posted| posted.answer);
        answers.map(|answer| answer.log_id).max().unwrap_or(0)
    }

    /// All messages of a connection. Of the sender's own ones none has an id up to `known`, even if
    /// it was sent again: a connection that ended with the server leaves no deliveries for the next
    /// one. On a phone those to the group may: a kill loses up to a second of what phones have,
    /// which costs a repeat.
    fn echoes(&self, conversation: Conversation, known: i64) -> Vec<Common> {
        let messages = conversation.end();
        let device = self.device.as_ref();
        let is_phone = device.is_some_and(|login| login.device == Device::Android as i32);
        let may_repeat =
            |common: &Common| is_phone && common.channel_type == Channel::ToGroup as i32;
        let own = |common: &&Common| common.from == self.person.uid && !may_repeat(common);
        let again = messages.iter().filter(own).find(|common| common.log_id <= known);
        assert!(again.is_none(), "delivered again: {again:?}");
        messages
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

    /// Records a new message.
    fn post(&mut self) {
        let common = self.compose();
        self.posted.push(Posted { common, answer: None, places: vec![self.places] });
        self.places += 1;
    }

    fn compose(&mut self) -> Common {
        let index = self.posted.len();
        let len = match self.rng.random_range(0..1_000) {
            0 => 15_000,
            1..10 => 8_000,
            _ => self.rng.random_range(1..300),
        };
        let mut msg = vec![0; len];
        self.rng.fill(&mut msg[..]);
        let mut common = match self.rng.random_bool(0.5) {
            true => to_group(self.group, &index.to_string(), msg),
            false => {
                let target = &self.targets[self.rng.random_range(0..self.targets.len())];
                to_user(target, &index.to_string(), msg)
            }
        };
        if index % 10 == 3 {
            let from = Some(SourceUser { id: "77".into(), name: "a group".into() });
            common.source = Some(Source { channel_type: 1, from, target: None });
            common.reference = Some(Reference { topic: 1, r#ref: index as i64 });
        }
        common
    }
}
