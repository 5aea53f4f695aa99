//! The store of a run: letters stored for each user, and the progress of each session.
//!
//! It behaves like the store of the bundled server. Events are handled later, in order. To a
//! session that misses nothing it pushes a stored letter at once; to any other, pages from the
//! first missing letter on, no faster than the client acknowledges, with newer letters after them.
//! A gap with a replay position and a pass makes it start over from there.
//!
//! Not here: other handling of messages (`backend`).

use std::collections::{BTreeMap, HashSet, VecDeque};

use comet::{Gateway, Pass, Receipt, SessionId};

use super::feed::{Feed, Lost};
use crate::body::Body;
use crate::history::{
    ClientId, Event, Lane, Log, MessageId, Push, PushClass, PushId, Session, Taken, Target,
};
use crate::mapping;
use crate::plan::letters::{Mistake, StoreSettings};
use crate::random::Random;

const MILLIS: u64 = 1_000;

/// A letter in the log of its user.
#[derive(Clone, Copy, Debug)]
struct Letter {
    name: MessageId,
    len: usize,
    /// Acknowledged by a phone of the user.
    is_received: bool,
}

/// A letter to store, and the receipt to answer.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) letter: MessageId,
    pub(super) sender: ClientId,
    pub(super) user: u32,
    pub(super) receipt: Option<(Session, Receipt)>,
}

/// A message that can be answered now.
pub(super) type Answerable = (Session, MessageId, Receipt);

/// A session to be served.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) gateway: (u32, Gateway),
    pub(super) id: SessionId,
    pub(super) user: u32,
    pub(super) is_phone: bool,
}

/// An event for the store.
#[derive(Debug)]
pub(super) enum Job {
    Store(Draft),
    Attach(Session, Box<Recipient>),
    Acked(Session, PushId),
    Lost(Session, u64, Option<(PushId, Pass)>),
    Park(Session),
    Resume(Session),
    Detach(Session),
}

#[derive(Debug)]
struct Served {
    name: Session,
    recipient: Recipient,
    feed: Feed,
}

/// A page being read; discarded if the pass has changed.
#[derive(Clone, Copy, Debug)]
struct PageRead {
    session: Session,
    pass: Pass,
}

/// All letters, and all served sessions.
#[derive(Debug)]
pub(super) struct Store {
    log: Log,
    random: Random,
    settings: StoreSettings,
    letters: Vec<Vec<Letter>>,
    stored: HashSet<MessageId>,
    served: Vec<Served>,
    /// The user and the index of the letter that each push carries.
    carried: BTreeMap<PushId, (u32, usize)>,
    jobs: VecDeque<(u64, Job)>,
    pages: Vec<(u64, PageRead)>,
    /// Sessions whose push was rejected, and the times of their retries.
    retries: Vec<(u64, Session)>,
    is_healed: bool,
}

impl Store {
    pub(super) fn new(log: Log, random: Random, settings: StoreSettings) -> Self {
        Self {
            log,
            random,
            settings,
            letters: (0..settings.users).map(|_| Vec::new()).collect(),
            stored: HashSet::new(),
            served: Vec::new(),
            carried: BTreeMap::new(),
            jobs: VecDeque::new(),
            pages: Vec::new(),
            retries: Vec::new(),
            is_healed: false,
        }
    }

    /// From now on handles every event at once.
    pub(super) fn heal(&mut self) {
        self.is_healed = true;
        self.jobs.iter_mut().for_each(|(due, _)| *due = 0);
        self.pages.iter_mut().for_each(|(due, _)| *due = 0);
    }

    /// Drops pending events and served sessions.
    pub(super) fn clear(&mut self) {
        self.jobs.clear();
        self.served.clear();
    }

    /// A random recipient.
    pub(super) fn random_user(&mut self) -> u32 {
        u32::try_from(self.random.below(self.settings.users.into())).unwrap_or(0)
    }

    /// Queues an event, after all earlier ones.
    pub(super) fn enqueue(&mut self, job: Job) {
        let last = self.jobs.back().map_or(0, |(due, _)| *due);
        let due = self.later().max(last);
        self.jobs.push_back((due, job));
    }

    fn later(&mut self) -> u64 {
        let delay = if self.is_healed { 0 } else { self.random.below(self.settings.delay + 1) };
        self.log.now() + delay
    }

    /// Time of the next action.
    pub(super) fn next(&self) -> Option<u64> {
        let job = self.jobs.front().map(|(due, _)| *due);
        let page = self.pages.iter().map(|(due, _)| *due).min();
        let retries = self.retries.iter().map(|(due, _)| *due).min();
        [job, page, retries].into_iter().flatten().min()
    }

    /// Performs the actions that are due. `pushes` counts the pushes of the entire run.
    pub(super) fn run_due(&mut self, now: u64, pushes: &mut u32) -> Vec<Answerable> {
        let mut answerable = Vec::new();
        while let Some((_, job)) = self.jobs.pop_front_if(|(due, _)| *due <= now) {
            answerable.extend(self.handle(job, pushes));
        }
        while let Some(at) = self.pages.iter().position(|(due, _)| *due <= now) {
            let (_, page) = self.pages.swap_remove(at);
            self.push_page(page, pushes);
        }
        while let Some(at) = self.retries.iter().position(|(due, _)| *due <= now) {
            let (_, session) = self.retries.swap_remove(at);
            self.step(session);
        }
        answerable
    }

    fn handle(&mut self, job: Job, pushes: &mut u32) -> Option<Answerable> {
        let session = match job {
            Job::Store(draft) => return self.store(draft, pushes),
            Job::Attach(session, recipient) => {
                self.attach(session, *recipient);
                session
            }
            Job::Acked(session, push) => {
                self.acked(session, push);
                session
            }
            Job::Lost(session, count, replay) => {
                self.lost(session, count, replay);
                session
            }
            Job::Park(session) => {
                self.with(session, Feed::park);
                session
            }
            Job::Resume(session) => {
                self.with(session, Feed::resume);
                session
            }
            Job::Detach(session) => {
                self.served.retain(|at| at.name != session);
                return None;
            }
        };
        self.step(session);
        None
    }

    /// Stores a letter once; a repeated message is only answered again.
    fn store(&mut self, draft: Draft, pushes: &mut u32) -> Option<Answerable> {
        let Draft { letter, sender, user, receipt } = draft;
        if self.stored.insert(letter) {
            self.log.record(Event::Stored { letter, sender, user });
            let len = 5 + self.random.index(self.settings.longest);
            let letters = &mut self.letters[user as usize];
            letters.push(Letter { name: letter, len, is_received: false });
            self.push_new(user, pushes);
        }
        receipt.map(|(session, receipt)| (session, letter, receipt))
    }

    /// Pushes the last letter of a user to all live sessions.
    fn push_new(&mut self, user: u32, pushes: &mut u32) {
        let row = self.letters[user as usize].len() - 1;
        let is_overtaking = self.settings.mistake == Some(Mistake::Overtaking);
        for at in 0..self.served.len() {
            let Served { name, recipient, feed } = &mut self.served[at];
            if recipient.user != user || !feed.is_live() && (feed.is_away() || !is_overtaking) {
                continue;
            }
            let name = *name;
            let is_taken = self.push(at, row, pushes);
            self.served[at].feed.pushed(row, is_taken);
            if !is_taken {
                self.retry_later(name);
            }
        }
    }

    fn attach(&mut self, name: Session, recipient: Recipient) {
        let stored = self.letters[recipient.user as usize].len();
        let phone = recipient.is_phone;
        self.log.record(Event::Served { session: name, phone });
        let feed = Feed::new(if phone { 0 } else { stored }, stored, self.settings.page);
        self.served.push(Served { name, recipient, feed });
    }

    fn acked(&mut self, session: Session, push: PushId) {
        let Some((user, row)) = self.carried.get(&push).copied() else { return };
        let Some(served) = self.served.iter_mut().find(|at| at.name == session) else { return };
        served.feed.settled(1);
        if served.recipient.is_phone
            && let Some(letter) = self.letters[user as usize].get_mut(row)
        {
            letter.is_received = true;
        }
    }

    fn lost(&mut self, session: Session, count: u64, replay: Option<(PushId, Pass)>) {
        let from = |(push, pass)| self.carried.get(&push).map(|(_, row)| (*row, pass));
        let lost = match replay.and_then(from) {
            Some((row, pass)) => Lost::From(row, pass),
            None => Lost::Count(usize::try_from(count).unwrap_or(usize::MAX)),
        };
        let mistake = self.settings.mistake;
        self.with(session, |feed| match (lost, mistake) {
            (Lost::From(_, pass), Some(Mistake::StalePass)) if feed.is_repairing() => {
                feed.change_pass(pass);
            }
            _ => feed.lost(lost),
        });
    }

    /// Lets a session read its next page, if possible.
    fn step(&mut self, session: Session) {
        let Some(served) = self.served.iter_mut().find(|at| at.name == session) else { return };
        let stored = self.letters[served.recipient.user as usize].len();
        if let Some(pass) = served.feed.step(stored) {
            let due = self.later();
            self.pages.push((due, PageRead { session, pass }));
        }
    }

    fn push_page(&mut self, page: PageRead, pushes: &mut u32) {
        let Some(at) = self.served.iter().position(|at| at.name == page.session) else { return };
        let Served { feed, recipient, .. } = &self.served[at];
        if feed.pass() != page.pass {
            return;
        }
        let letters = self.letters[recipient.user as usize].iter().enumerate().skip(feed.next());
        let since = feed.since();
        let wanted = letters.filter(|(row, letter)| *row >= since || !letter.is_received);
        let rows: Vec<usize> = wanted.map(|(row, _)| row).take(self.settings.page).collect();
        let end = self.letters[recipient.user as usize].len();
        let sent = rows.iter().take_while(|row| self.push(at, **row, pushes)).count();
        let is_full = rows.len() == self.settings.page;
        let next = match rows.get(sent) {
            Some(refused) => *refused,
            None if is_full => rows.last().map_or(end, |last| last + 1),
            None => end,
        };
        self.served[at].feed.page_pushed(sent, next, is_full && sent == rows.len());
        if sent < rows.len() {
            self.retry_later(page.session);
        } else {
            self.step(page.session);
        }
    }

    /// Pushes a letter to a session; returns whether the gateway accepted it.
    fn push(&mut self, at: usize, row: usize, pushes: &mut u32) -> bool {
        let Served { name, recipient, feed } = &self.served[at];
        let letter = self.letters[recipient.user as usize][row];
        let (id, class, lane) = (PushId(*pushes), PushClass::Acked, Lane::Normal);
        let target = Target::Session(*name);
        let push = Push {
            id,
            class,
            lane,
            target,
            position: 0,
            datagram: false,
            letter: Some(letter.name),
        };
        *pushes += 1;
        self.carried.insert(id, (recipient.user, row));
        let delivery = mapping::delivery(push, Body::Push(id).to_bytes(letter.len));
        let (gateway, handle) = &recipient.gateway;
        let is_taken = handle.push(recipient.id, delivery.replayable(feed.pass())).is_ok();
        let taken = if is_taken { Taken::Yes } else { Taken::No };
        self.log.record(Event::Pushed { push, gateway: *gateway, taken });
        is_taken
    }

    fn retry_later(&mut self, session: Session) {
        if self.retries.iter().all(|(_, retries)| *retries != session) {
            let due = self.log.now() + self.random.between(1, 200) * MILLIS;
            self.retries.push((due, session));
        }
    }

    fn with(&mut self, session: Session, change: impl FnOnce(&mut Feed)) {
        if let Some(served) = self.served.iter_mut().find(|at| at.name == session) {
            change(&mut served.feed);
        }
    }
}
