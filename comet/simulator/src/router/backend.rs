//! The backend of a run, shared by the routers of all gateways: sessions, and pending answers.

use comet::{ConnectReply, Gateway, Identity, Receipt, Refusal, SessionId};

use super::store::{Draft, Job, Recipient, Store};
use crate::body::Body;
use crate::history::{
    Answer, Attempt, ClientId, Event, Lane, Log, MessageId, Push, PushClass, PushId, Session,
    Taken, Target,
};
use crate::mapping;
use crate::names;
use crate::plan::{FaultRates, Plan, letters};
use crate::random::Random;

const MILLIS: u64 = 1_000;

/// A session that has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveSession {
    pub(crate) gateway: u32,
    pub(crate) id: SessionId,
    pub(crate) name: Session,
    pub(crate) user: u32,
}

#[derive(Debug)]
enum PendingAnswer {
    Peer(Attempt, Box<Identity>, ConnectReply),
    Message(Session, MessageId, Receipt, Answer),
}

/// The state that the routers of a run share.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) log: Log,
    live: Vec<LiveSession>,
    random: Random,
    rates: FaultRates,
    rooms: u32,
    sessions: u32,
    pushes: u32,
    /// Pending answers, with their times.
    pending: Vec<(u64, PendingAnswer)>,
    /// Messages refused once, which are accepted the next time.
    refused_once: Vec<MessageId>,
    /// The last position in the record of each room, and of each user.
    records: [Vec<u64>; 2],
    /// Whether pushes carry positions, which must be dense: false where a push may be refused.
    has_records: bool,
    longest_body: usize,
    /// Percentage of unnumbered pushes that ask to be datagrams.
    datagrams: u64,
    /// Present in worlds of letters.
    store: Option<Store>,
    /// Whether the router has stopped refusing and delaying.
    is_healed: bool,
}

impl Backend {
    pub(crate) fn new(log: Log, mut random: Random, plan: &Plan) -> Self {
        let store =
            plan.kind.letters().map(|settings| Store::new(log.clone(), random.fork(), settings));
        Self {
            log,
            store,
            live: Vec::new(),
            random,
            rates: plan.rates,
            rooms: plan.content.rooms,
            sessions: 0,
            pushes: 0,
            pending: Vec::new(),
            refused_once: Vec::new(),
            records: [vec![0; 64], vec![0; 64]],
            has_records: plan.has_records(),
            longest_body: plan.content.longest_body,
            datagrams: plan.content.datagrams,
            is_healed: false,
        }
    }

    /// From now on accepts every peer, and answers everything at once.
    pub(crate) fn heal(&mut self) {
        self.is_healed = true;
        self.pending.iter_mut().for_each(|(due, _)| *due = 0);
        self.store.iter_mut().for_each(Store::heal);
    }

    /// Time of the next pending answer.
    pub(crate) fn next(&self) -> Option<u64> {
        let pending = self.pending.iter().map(|(due, _)| *due);
        pending.chain(self.store.as_ref().and_then(Store::next)).min()
    }

    /// Gives the answers that are due, in arbitrary order.
    pub(crate) fn answer_due(&mut self, now: u64) {
        while let Some(at) = self.pending.iter().position(|(due, _)| *due <= now) {
            match self.pending.swap_remove(at).1 {
                PendingAnswer::Peer(attempt, identity, reply) => {
                    self.accept(attempt, *identity, reply)
                }
                PendingAnswer::Message(session, message, receipt, answer) => {
                    self.settle(session, message, receipt, answer);
                }
            }
        }
        let store = self.store.as_mut();
        let answerable =
            store.map(|store| store.run_due(now, &mut self.pushes)).unwrap_or_default();
        for (session, message, receipt) in answerable {
            self.settle(session, message, receipt, Answer::Taken);
        }
    }

    /// Drops all pending answers.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.store.iter_mut().for_each(Store::clear);
    }

    /// Passes an event to the store, if any.
    pub(super) fn notify_store(&mut self, job: Job) {
        if let Some(store) = &mut self.store {
            store.enqueue(job);
        }
    }

    /// A message to a user from a sender without a session.
    pub(crate) fn receive_external(&mut self, letter: MessageId, sender: ClientId) {
        if let Some(store) = &mut self.store {
            let user = store.random_user();
            store.enqueue(Job::Store(Draft { letter, sender, user, receipt: None }));
        }
    }

    /// The rooms of a user; two users share some.
    pub(super) fn rooms_of(&self, user: u32) -> impl Iterator<Item = u32> + use<> {
        (0..self.rooms).filter(move |room| *room == 0 || (user + room).is_multiple_of(2))
    }

    /// The sessions of a gateway.
    pub(crate) fn sessions_on(&self, gateway: u32) -> Vec<LiveSession> {
        self.live.iter().filter(|at| at.gateway == gateway).copied().collect()
    }

    pub(super) fn name(&self, gateway: u32, id: SessionId) -> Option<Session> {
        self.live.iter().find(|at| (at.gateway, at.id) == (gateway, id)).map(|at| at.name)
    }

    pub(super) fn decide(&mut self, attempt: Attempt, identity: Identity, reply: ConnectReply) {
        if !self.is_healed && self.random.percent(self.rates.refused_peers) {
            self.log.record(Event::Decided { attempt, accepted: false });
            return reply.refuse("no");
        }
        if !self.is_healed && self.random.percent(self.rates.late_decisions) {
            let due = self.log.now() + self.random.below(2_000) * MILLIS;
            return self
                .pending
                .push((due, PendingAnswer::Peer(attempt, Box::new(identity), reply)));
        }
        self.accept(attempt, identity, reply);
    }

    fn accept(&self, attempt: Attempt, identity: Identity, reply: ConnectReply) {
        self.log.record(Event::Decided { attempt, accepted: true });
        reply.accept(identity);
    }

    pub(super) fn connected(
        &mut self,
        gateway: &Gateway,
        (number, id): (u32, SessionId),
        attempt: Attempt,
        (user, device): (u32, u32),
    ) {
        let name = Session(self.sessions);
        self.sessions += 1;
        self.live.push(LiveSession { gateway: number, id, name, user });
        self.log.record(Event::Connected { session: name, attempt, gateway: number });
        for room in self.rooms_of(user) {
            self.log.record(Event::Joined { session: name, room });
        }
        let is_phone = letters::is_phone(device);
        let recipient = Recipient { gateway: (number, gateway.clone()), id, user, is_phone };
        self.notify_store(Job::Attach(name, Box::new(recipient)));
        if self.store.is_none() && self.random.percent(30) {
            self.push((number, gateway), Target::Session(name));
        }
    }

    pub(super) fn ended(&mut self, gateway: u32, id: SessionId, reason: &'static str) {
        let Some(session) = self.name(gateway, id) else { return };
        self.live.retain(|at| at.name != session);
        self.log.record(Event::Ended { session, reason });
        self.notify_store(Job::Detach(session));
    }

    pub(super) fn acked(&mut self, gateway: u32, id: SessionId, push: PushId) {
        let Some(session) = self.name(gateway, id) else { return };
        self.log.record(Event::Acked { session, push });
        self.notify_store(Job::Acked(session, push));
    }

    pub(super) fn receive(
        &mut self,
        gateway: &Gateway,
        (session, sender): (Session, ClientId),
        message: MessageId,
        receipt: Receipt,
    ) {
        if let Some(store) = &mut self.store {
            let (user, receipt) = (store.random_user(), Some((session, receipt)));
            return store.enqueue(Job::Store(Draft { letter: message, sender, user, receipt }));
        }
        self.answer(session, message, receipt);
        if self.random.percent(20)
            && let Some(at) = self.live.iter().find(|at| at.name == session).copied()
        {
            self.push((at.gateway, gateway), Target::User(at.user));
        }
    }

    /// Answers a message, at once or later.
    fn answer(&mut self, session: Session, message: MessageId, receipt: Receipt) {
        let is_refused = !self.is_healed
            && self.random.percent(self.rates.refused_messages)
            && !self.refused_once.contains(&message);
        let answer = if is_refused { Answer::Refused } else { Answer::Taken };
        if is_refused {
            self.refused_once.push(message);
        }
        if !self.is_healed && self.random.percent(40) {
            let due = self.log.now() + self.random.below(3_000) * MILLIS;
            self.pending.push((due, PendingAnswer::Message(session, message, receipt, answer)));
        } else {
            self.settle(session, message, receipt, answer);
        }
    }

    fn settle(&mut self, session: Session, message: MessageId, receipt: Receipt, answer: Answer) {
        self.log.record(Event::Settled { session, message, answer });
        match answer {
            Answer::Taken => {
                let len = 5 + self.random.index(40);
                receipt.ack(Body::Reply(message, answer).to_bytes(len));
            }
            Answer::Refused if self.random.percent(50) => receipt.refuse(Refusal::new(-7)),
            // Dropped without an answer.
            Answer::Refused => drop(receipt),
        }
    }

    /// Pushes with a random class and lane.
    pub(crate) fn push(&mut self, (number, gateway): (u32, &Gateway), target: Target) {
        let class = match self.random.below(10) {
            0..=6 => PushClass::Acked,
            7 | 8 => PushClass::BestEffort,
            _ => PushClass::Latest(u8::try_from(self.random.below(3)).unwrap_or(0)),
        };
        let lane = self.random.choose(&[Lane::Normal, Lane::Normal, Lane::Signal, Lane::Bulk]);
        let position = match target {
            _ if class != PushClass::Acked || !self.has_records => 0,
            Target::Room(room) => self.position(0, room),
            Target::User(user) => self.position(1, user),
            Target::Session(_) | Target::All => 0,
        };
        let letter = None;
        // Worlds without datagrams draw nothing for them.
        let datagram =
            self.datagrams > 0 && class != PushClass::Acked && self.random.percent(self.datagrams);
        let id = PushId(self.pushes);
        let push = Push { id, class, lane, target, position, datagram, letter };
        self.pushes += 1;
        let len = 5 + self.random.index(self.longest_body);
        let delivery = mapping::delivery(push, Body::Push(push.id).to_bytes(len));
        let outcome = match target {
            Target::Session(name) => {
                let Some(session) = self.live.iter().find(|at| at.name == name) else { return };
                gateway.push(session.id, delivery)
            }
            Target::User(user) => {
                gateway.push(comet::Target::user(names::APP, &names::token(user)), delivery)
            }
            Target::Room(room) => gateway.publish(&names::room(room), delivery),
            Target::All => gateway.broadcast(delivery),
        };
        let taken = if outcome.is_ok() { Taken::Yes } else { Taken::No };
        self.log.record(Event::Pushed { push, gateway: number, taken });
    }

    fn position(&mut self, record: usize, at: u32) -> u64 {
        let Some(last) = self.records[record].get_mut(at as usize) else { return 0 };
        *last += 1;
        *last
    }
}
