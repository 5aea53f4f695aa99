//! What goes to sessions: who is attached, what each gets now, and what it gets later.
//!
//! Without IO: deliveries leave through an [`Outlet`], pages are asked for and handed in.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use comet::Repeats;
use comet_dtalk::clock;

use super::Shared;
use super::catch_up::{Item, Source, Step, Stretch};
use super::outlet::Outlet;
use super::sessions::Sessions;
use crate::db::Page;
use crate::tag::Tag;

/// A page that a session waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReadRequest<S> {
    pub(crate) session: S,
    pub(crate) uid: Arc<str>,
    pub(crate) stretch: Stretch,
}

/// All attached sessions and what they wait for.
pub(crate) struct Feeds<S> {
    shared: Shared,
    sessions: Sessions<S>,
    requests: VecDeque<ReadRequest<S>>,
    /// Sessions that had no room and are tried again soon.
    behind: Vec<S>,
}

impl<S: Copy + Eq + Hash> Feeds<S> {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, sessions: Sessions::new(), requests: VecDeque::new(), behind: Vec::new() }
    }

    /// Adds a session. A phone first gets what no phone of the user has; another device what was
    /// stored since its user pulled.
    pub(crate) fn attach(
        &mut self,
        session: S,
        uid: Arc<str>,
        phone: bool,
        now: u64,
        outlet: &mut impl Outlet<S>,
    ) {
        for group in self.shared.membership.groups_of(&uid) {
            outlet.join(session, group);
        }
        let upto = self.committed();
        let from = |source, after| Stretch { source, after, upto };
        let stretches = if phone {
            vec![from(Source::Unreceived, 0), from(Source::UnreceivedSignals, 0)]
        } else {
            // What was stored between the pull and now.
            let covered = self.shared.marks.lock().covered(&uid, now);
            let missed = covered.filter(|&covered| covered < upto);
            missed.map(|covered| from(Source::LogWithGroups, covered)).into_iter().collect()
        };
        self.sessions.attach(session, uid, phone, stretches, upto);
        self.step(session, outlet);
    }

    pub(crate) fn park(&mut self, session: S) {
        self.sessions.park(session, self.committed());
    }

    pub(crate) fn resume(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        self.sessions.resume(session);
        self.step(session, outlet);
    }

    /// The gateway gave up deliveries. What is to be sent again comes after all that was pushed
    /// before, and before all that is pushed from now on.
    pub(crate) fn lost(
        &mut self,
        session: S,
        count: usize,
        repair: Option<Stretch>,
        outlet: &mut impl Outlet<S>,
    ) {
        if repair.is_some() {
            self.shared.counters.repaired();
        }
        self.sessions.lost(session, count, repair, self.committed());
        self.step(session, outlet);
    }

    pub(crate) fn detach(&mut self, session: S) {
        self.sessions.detach(session);
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
        let mut next = 0;
        while let Some(&session) = self.sessions.of_user(uid).get(next) {
            next += 1;
            if self.sessions.offer(session, item) {
                self.push(session, item, outlet);
            }
        }
    }

    /// Pushes to a live session. Without room it is live no longer and reads what it missed.
    fn push(&mut self, session: S, item: &Item, outlet: &mut impl Outlet<S>) -> bool {
        let pushed = outlet.push(session, item);
        if pushed {
            self.shared.counters.delivered();
            self.sessions.pushed(session);
        } else {
            self.shared.counters.fell_behind();
            self.sessions.fell_behind(session, item.id, self.committed());
            self.behind.push(session);
        }
        pushed
    }

    /// Lets a session that catches up do what it can do now.
    fn step(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        match self.sessions.step(session, self.committed()) {
            Step::Wait => {}
            Step::Read(stretch) => {
                if let Some(attached) = self.sessions.get(session) {
                    let uid = Arc::clone(&attached.uid);
                    self.requests.push_back(ReadRequest { session, uid, stretch });
                }
            }
            Step::Live(held) => {
                // The first that has no room makes the session read the rest.
                let _all = held.iter().all(|item| self.push(session, item, outlet));
            }
        }
    }

    /// The next page to read, for a session that is still there.
    pub(crate) fn next_read(&mut self) -> Option<ReadRequest<S>> {
        loop {
            let request = self.requests.pop_front()?;
            if self.sessions.get(request.session).is_some() {
                return Some(request);
            }
        }
    }

    /// A page that [`Feeds::next_read`] asked for.
    pub(crate) fn page_read(
        &mut self,
        session: S,
        stretch: Stretch,
        page: Result<Page, sqlx::Error>,
        outlet: &mut impl Outlet<S>,
    ) {
        if self.sessions.get(session).is_none() {
            return;
        }
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                static REPEATS: Repeats = Repeats::new();
                if let Some(more) = REPEATS.admit(clock::unix()) {
                    tracing::error!(%error, "page of the log not read{more}");
                }
                if !outlet.kick(session) {
                    self.sessions.page_sent(session, 0, None, false);
                    self.behind.push(session);
                }
                return;
            }
        };
        let sent = page.items.iter().take_while(|item| outlet.push(session, item)).count();
        self.shared.counters.replayed(sent);
        let through = page.items[..sent].last().map(|item| stretch.place_of(item));
        let complete = sent == page.items.len();
        // Nobody hears of the acks of group messages.
        let is_awaited = |item: &&Item| !matches!(Tag::decode(item.tag), Some(Tag::Group(_)));
        let awaited = page.items[..sent].iter().filter(is_awaited).count();
        self.sessions.page_sent(session, awaited, through, complete && page.exhausted);
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
