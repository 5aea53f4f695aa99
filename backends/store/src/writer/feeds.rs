//! What goes to sessions: who is attached, what each gets now, and what it gets later.
//!
//! Without IO: deliveries leave through an [`Outlet`], pages are asked for and handed in.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use comet::{Pass, Repeats};
use comet_dtalk::clock;

use super::Shared;

use super::catch_up::{Item, Sent, Step, Stretch};
use super::job::Client;
use super::joining::Joining;
use super::outlet::Outlet;
use super::sessions::Sessions;
use super::stream::Stream;
use crate::db::Page;
use crate::tag::Tag;

/// Step, in bytes, by which deliveries held for sessions that catch up are charged.
const HELD_STEP: usize = 64 * 1024;

/// A page that a session waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReadRequest<S> {
    pub(crate) session: S,
    pub(crate) uid: Arc<str>,
    pub(crate) stretch: Stretch,
    /// In which the page is to be pushed; of no use in another.
    pub(crate) pass: Option<Pass>,
}

/// All attached sessions and what they wait for.
pub(crate) struct Feeds<S> {
    shared: Shared,
    sessions: Sessions<S>,
    joining: Joining<S>,
    requests: VecDeque<ReadRequest<S>>,
    /// Sessions that had no room and are tried again soon.
    behind: Vec<S>,
    /// Bytes that the outlet knows to be held.
    charged: usize,
}

impl<S: Copy + Eq + Hash> Feeds<S> {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared,
            sessions: Sessions::new(),
            joining: Joining::new(),
            requests: VecDeque::new(),
            behind: Vec::new(),
            charged: 0,
        }
    }

    /// Adds a session. A phone first gets what no phone of the user has; another device what was
    /// stored since its user pulled.
    pub(crate) fn attach(
        &mut self,
        session: S,
        client: &Client,
        now: u64,
        outlet: &mut impl Outlet<S>,
    ) {
        let stream = if client.phone {
            Stream::of_phone(self.committed())
        } else {
            // What was stored between the pull and now.
            let covered = self.shared.marks.lock().covered(&client.uid, now);
            Stream::of_device(covered, self.committed())
        };
        let groups = self.shared.membership.groups_of(&client.uid);
        if stream.has_groups() {
            self.joining.add(session, groups);
        } else {
            groups.into_iter().for_each(|group| outlet.join(session, group));
        }
        self.sessions.attach(session, client, stream);
        self.step(session, outlet);
    }

    pub(crate) fn park(&mut self, session: S) {
        self.sessions.park(session, self.committed());
    }

    pub(crate) fn resume(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        self.sessions.resume(session);
        self.step(session, outlet);
    }

    /// The gateway gave up deliveries: the session goes on with the first of them, in a pass of its
    /// own, so that nothing that is on its way gets ahead of it.
    pub(crate) fn lost(
        &mut self,
        session: S,
        count: usize,
        replay: Option<(Tag, Pass)>,
        outlet: &mut impl Outlet<S>,
    ) {
        if replay.is_some() {
            self.shared.counters.repaired();
        }
        self.sessions.lost(session, count, replay, self.committed());
        self.step(session, outlet);
    }

    pub(crate) fn detach(&mut self, session: S) {
        self.sessions.detach(session);
        self.joining.remove(session);
    }

    /// A session acknowledged a delivery. Returns whose phone that was, if it was a phone.
    pub(crate) fn acked(&mut self, session: S, outlet: &mut impl Outlet<S>) -> Option<Arc<str>> {
        if self.sessions.acked(session) {
            self.step(session, outlet);
        }
        let attached = self.sessions.get(session)?;
        attached.phone.then(|| Arc::clone(&attached.uid))
    }

    /// Delivers something new to all sessions of a user.
    pub(crate) fn deliver_to(&mut self, uid: &str, item: &Item, outlet: &mut impl Outlet<S>) {
        let mut live = Vec::new();
        let mut next = 0;
        while let Some(&session) = self.sessions.of_user(uid).get(next) {
            next += 1;
            if self.offer(session, item, outlet) {
                live.push(session);
            }
        }
        // Together, so that what they keep is kept once; nearly always in one pass.
        while let Some(&first) = live.first() {
            let pass = self.sessions.pass(first);
            let is_in_it = |session: &S| self.sessions.pass(*session) == pass;
            let (now, later): (Vec<S>, Vec<S>) = live.into_iter().partition(is_in_it);
            let mut left_out = outlet.push_many(&now, item, pass).into_iter().peekable();
            for session in now {
                self.note_push(session, item, left_out.next_if_eq(&session).is_none());
            }
            live = later;
        }
    }

    /// Delivers something new to the members of a group.
    pub(crate) fn publish(&mut self, group: i64, item: &Item, outlet: &mut impl Outlet<S>) {
        outlet.publish(group, item);
        let mut next = 0;
        while let Some(&session) = self.joining.of_group(group).get(next) {
            next += 1;
            // It catches up, so that this is for later.
            let _is_live = self.offer(session, item, outlet);
        }
    }

    /// True if `item` is to be pushed to the session now. If not, it is held as far as there is
    /// memory for that, or will be read.
    fn offer(&mut self, session: S, item: &Item, outlet: &mut impl Outlet<S>) -> bool {
        let is_live = self.sessions.offer(session, item);
        if self.sessions.held_bytes() > self.charged {
            let more = self.sessions.held_bytes().next_multiple_of(HELD_STEP);
            if outlet.hold(more) {
                self.charged = more;
            } else {
                self.sessions.spill(session);
            }
        }
        is_live
    }

    /// Gives back the charge of what is no longer held.
    pub(crate) fn settle_held(&mut self, outlet: &mut impl Outlet<S>) {
        let need = self.sessions.held_bytes().next_multiple_of(HELD_STEP);
        if need < self.charged && outlet.hold(need) {
            self.charged = need;
        }
    }

    /// Pushes to a live session. Without room it is live no longer and reads what it missed.
    fn push(&mut self, session: S, item: &Item, outlet: &mut impl Outlet<S>) -> bool {
        let pushed = outlet.push(session, item, self.sessions.pass(session));
        self.note_push(session, item, pushed);
        pushed
    }

    fn note_push(&mut self, session: S, item: &Item, pushed: bool) {
        if pushed {
            self.shared.counters.delivered();
            self.sessions.pushed(session);
        } else {
            self.shared.counters.fell_behind();
            self.sessions.fell_behind(session, item, self.committed());
            self.behind.push(session);
        }
    }

    /// Lets a session that catches up do what it can do now.
    fn step(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        match self.sessions.step(session, self.committed()) {
            Step::Wait => {}
            Step::Read(stretch) => {
                if let Some(attached) = self.sessions.get(session) {
                    let uid = Arc::clone(&attached.uid);
                    let pass = attached.pass;
                    self.requests.push_back(ReadRequest { session, uid, stretch, pass });
                }
            }
            Step::Live(held) => {
                // The first that has no room makes the session read the rest.
                if held.iter().all(|item| self.push(session, item, outlet)) {
                    self.join(session, outlet);
                }
            }
        }
    }

    /// Has a session that has caught up get messages of its groups as they are published.
    fn join(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        self.sessions.joined(session, self.committed());
        for group in self.joining.remove(session) {
            outlet.join(session, group);
        }
    }

    /// The next page to read, for a session that is still there.
    pub(crate) fn next_read(&mut self) -> Option<ReadRequest<S>> {
        loop {
            let request = self.requests.pop_front()?;
            if self.is_wanted(&request) {
                return Some(request);
            }
        }
    }

    /// Whether the session is there and has not begun again elsewhere.
    fn is_wanted(&self, request: &ReadRequest<S>) -> bool {
        self.sessions.get(request.session).is_some_and(|it| it.pass == request.pass)
    }

    /// A page that [`Feeds::next_read`] asked for.
    pub(crate) fn page_read(
        &mut self,
        request: &ReadRequest<S>,
        page: Result<Page, sqlx::Error>,
        outlet: &mut impl Outlet<S>,
    ) {
        if !self.is_wanted(request) {
            return;
        }
        let (session, pass) = (request.session, request.pass);
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                static REPEATS: Repeats = Repeats::new();
                if let Some(more) = REPEATS.admit(clock::unix()) {
                    tracing::error!(%error, "page of the log not read{more}");
                }
                if !outlet.kick(session) {
                    self.sessions.page_sent(session, 0, None, Sent::Part);
                    self.behind.push(session);
                }
                return;
            }
        };
        let sent = page.items.iter().take_while(|item| outlet.push(session, item, pass)).count();
        self.shared.counters.replayed(sent);
        let through = page.items[..sent].last().map(|item| item.id);
        let complete = sent == page.items.len();
        // Nobody hears of the acks of group messages.
        let is_awaited = |item: &&Item| !matches!(Tag::decode(item.tag), Some(Tag::Group(_)));
        let awaited = page.items[..sent].iter().filter(is_awaited).count();
        let end = match (complete, page.exhausted) {
            (true, true) => Sent::Last,
            (true, false) => Sent::Full,
            (false, _) => Sent::Part,
        };
        self.sessions.page_sent(session, awaited, through, end);
        if complete {
            self.step(session, outlet);
        } else {
            self.behind.push(session);
        }
    }

    /// Whether [`Feeds::retry`] has something to do.
    pub(crate) fn has_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Tries the sessions again that had no room.
    pub(crate) fn retry(&mut self, outlet: &mut impl Outlet<S>) {
        for session in std::mem::take(&mut self.behind) {
            self.step(session, outlet);
        }
    }

    /// Goes on with sessions that catch up but have acknowledged nothing since the last call.
    pub(crate) fn nudge(&mut self, outlet: &mut impl Outlet<S>) {
        for session in self.sessions.silent() {
            self.step(session, outlet);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn committed(&self) -> i64 {
        self.shared.committed.load(Ordering::Acquire)
    }
}
