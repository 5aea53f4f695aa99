//! Deliveries to sessions: the attached sessions, their live deliveries and their catch-up.
//!
//! Without IO: deliveries leave through an [`Outlet`], pages are requested and handed in.

mod unread;

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use comet::Pass;

use super::job::Client;
use super::joining::Joining;
use super::outlet::Outlet;
use super::receipts::Receipts;
use super::sessions::Sessions;
use super::shared::Shared;
use super::stream::Stream;
use crate::catch_up::{Item, LogRange, Sent, Source, Step};
use crate::db::Page;
use crate::tag::Tag;

/// Step, in bytes, by which deliveries held for sessions that catch up are charged.
const HELD_STEP: usize = 64 * 1024;

/// Page requested for a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReadRequest<S> {
    pub(crate) session: S,
    pub(crate) uid: Arc<str>,
    pub(crate) range: LogRange,
    /// Pass in which the page is to be pushed; it is discarded if the session is in another.
    pub(crate) pass: Option<Pass>,
}

/// All attached sessions and their requested pages.
pub(crate) struct Feeds<S> {
    shared: Shared,
    sessions: Sessions<S>,
    joining: Joining<S>,
    requests: VecDeque<ReadRequest<S>>,
    /// Sessions without room, to be retried soon.
    behind: Vec<S>,
    /// Sessions whose page could not be read, to be retried with the next tick.
    unread: Vec<S>,
    /// Bytes charged at the outlet.
    charged: usize,
    /// Entries of groups that phones have.
    pub(super) receipts: Receipts,
}

impl<S: Copy + Eq + Hash> Feeds<S> {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared,
            sessions: Sessions::new(),
            joining: Joining::new(),
            requests: VecDeque::new(),
            behind: Vec::new(),
            unread: Vec::new(),
            charged: 0,
            receipts: Receipts::default(),
        }
    }

    /// Adds a session. A phone first gets the deliveries that no phone of the user has
    /// acknowledged; another device those stored since its user pulled.
    pub(crate) fn attach(
        &mut self,
        session: S,
        client: &Client,
        now: u64,
        outlet: &mut impl Outlet<S>,
    ) {
        let stream = if client.phone {
            // What another phone of the user has just acknowledged does not come again.
            self.receipts.make_due();
            Stream::of_phone(self.committed())
        } else {
            // Stored between the pull and now.
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

    /// Records deliveries given up by the gateway: the session continues with the first of them, in
    /// a pass of its own, so that nothing in flight overtakes it.
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

    /// Has the session read entries of a group that it did not get from its room: so many from a
    /// position on. They come after what the room has published since.
    pub(crate) fn lost_entries(
        &mut self,
        session: S,
        group: i64,
        (first, count): (i64, i64),
        outlet: &mut impl Outlet<S>,
    ) {
        let last = first.saturating_add(count - 1);
        if first > 0 && first <= last {
            self.shared.counters.repaired();
            let source = Source::Entries { group, first, last };
            self.sessions.read_entries(session, source, self.committed());
            self.step(session, outlet);
        }
    }

    pub(crate) fn detach(&mut self, session: S) {
        self.receipts.make_due();
        self.sessions.detach(session);
        self.joining.remove(session);
    }

    /// Records an acknowledged delivery. Returns the user if the session is a phone, and it was no
    /// entry of a group.
    pub(crate) fn acked(
        &mut self,
        session: S,
        tag: Tag,
        outlet: &mut impl Outlet<S>,
    ) -> Option<Arc<str>> {
        if self.sessions.acked(session, tag) {
            self.step(session, outlet);
        }
        let attached = self.sessions.get(session).filter(|attached| attached.phone)?;
        if let Tag::Group(id) = tag {
            self.receipts.note(&attached.uid, id);
            return None;
        }
        Some(Arc::clone(&attached.uid))
    }

    /// Delivers a new item to all sessions of a user.
    pub(crate) fn deliver_to(&mut self, uid: &str, item: &Item, outlet: &mut impl Outlet<S>) {
        let mut live = Vec::new();
        let mut next = 0;
        while let Some(&session) = self.sessions.of_user(uid).get(next) {
            next += 1;
            if self.offer(session, item, outlet) {
                live.push(session);
            }
        }
        // Pushed together, so that shared state is kept once; nearly always in one pass.
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

    /// Delivers a new item to the members of a group.
    pub(crate) fn publish(&mut self, group: i64, item: &Item, outlet: &mut impl Outlet<S>) {
        outlet.publish(group, item);
        let item = &item.outside_of_its_room();
        let mut next = 0;
        while let Some(&session) = self.joining.of_group(group).get(next) {
            next += 1;
            // The session catches up, so the item is for later.
            let _is_live = self.offer(session, item, outlet);
        }
    }

    /// Users get what is published to the group from now on.
    pub(crate) fn join_users(&mut self, group: i64, users: &[String], outlet: &mut impl Outlet<S>) {
        for &session in users.iter().flat_map(|uid| self.sessions.of_user(uid)) {
            if self.joining.contains(session) {
                self.joining.add_group(session, group);
            } else {
                outlet.join(session, group);
            }
        }
    }

    /// Users get what was published to the group so far.
    pub(crate) fn leave_users(
        &mut self,
        group: i64,
        users: &[String],
        outlet: &mut impl Outlet<S>,
    ) {
        for &session in users.iter().flat_map(|uid| self.sessions.of_user(uid)) {
            if self.joining.contains(session) {
                self.joining.remove_group(session, group);
            } else {
                outlet.leave(session, group);
            }
        }
    }

    /// Nobody gets anything more of the group.
    pub(crate) fn dissolve(&mut self, group: i64, outlet: &mut impl Outlet<S>) {
        while let Some(&session) = self.joining.of_group(group).first() {
            self.joining.remove_group(session, group);
        }
        outlet.dissolve(group);
    }

    /// Whether `item` is to be pushed to the session now. If not, it is held if memory allows, or
    /// will be read.
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

    /// Releases the charge of deliveries no longer held.
    pub(crate) fn settle_held(&mut self, outlet: &mut impl Outlet<S>) {
        let need = self.sessions.held_bytes().next_multiple_of(HELD_STEP);
        if need < self.charged && outlet.hold(need) {
            self.charged = need;
        }
    }

    /// Pushes to a live session. Without room it stops being live and reads the missed deliveries.
    fn push(&mut self, session: S, item: &Item, outlet: &mut impl Outlet<S>) -> bool {
        let pushed = outlet.push(session, item, self.sessions.pass(session));
        self.note_push(session, item, pushed);
        pushed
    }

    fn note_push(&mut self, session: S, item: &Item, pushed: bool) {
        if pushed {
            self.shared.counters.delivered();
            self.sessions.pushed(session, item);
        } else {
            self.shared.counters.fell_behind();
            self.sessions.fell_behind(session, item, self.committed());
            self.behind.push(session);
        }
    }

    /// Performs the next step of a session that catches up.
    fn step(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        match self.sessions.step(session, self.committed()) {
            Step::Wait => {}
            Step::Read(range) => {
                if let Some(attached) = self.sessions.get(session) {
                    let uid = Arc::clone(&attached.uid);
                    let pass = attached.pass;
                    self.requests.push_back(ReadRequest { session, uid, range, pass });
                }
            }
            Step::Live(held) => {
                // The first one without room makes the session read the rest.
                if held.iter().all(|item| self.push(session, item, outlet)) {
                    self.join(session, outlet);
                }
            }
        }
    }

    /// Joins a session that has caught up to the rooms of its groups, for live group messages.
    fn join(&mut self, session: S, outlet: &mut impl Outlet<S>) {
        self.sessions.joined(session, self.committed());
        for group in self.joining.remove(session) {
            outlet.join(session, group);
        }
    }

    /// Next page to read, for a session that is still attached.
    pub(crate) fn next_read(&mut self) -> Option<ReadRequest<S>> {
        loop {
            let request = self.requests.pop_front()?;
            if self.is_wanted(&request) {
                return Some(request);
            }
        }
    }

    /// Whether the session is attached and still in the same pass.
    fn is_wanted(&self, request: &ReadRequest<S>) -> bool {
        self.sessions.get(request.session).is_some_and(|it| it.pass == request.pass)
    }

    /// Handles a page requested by [`Feeds::next_read`].
    pub(crate) fn page_read(
        &mut self,
        request: &ReadRequest<S>,
        page: Result<Page, comet_sql::Error>,
        outlet: &mut impl Outlet<S>,
    ) {
        if !self.is_wanted(request) {
            return;
        }
        let session = request.session;
        // The log of a session does not repeat entries of its rooms.
        let is_of_room = matches!(request.range.source, Source::Entries { .. });
        let pass = request.pass.filter(|_| !is_of_room);
        let page = match page {
            Ok(page) => page,
            Err(error) => return self.page_failed(session, &error, outlet),
        };
        let mut push = |item: &&Item| item.is_blank() || outlet.push(session, item, pass);
        let sent = page.items.iter().take_while(&mut push).count();
        let pushed = page.items[..sent].iter().filter(|item| !item.is_blank());
        self.shared.counters.replayed(pushed.count());
        let through = page.items[..sent].last().map(|item| item.id);
        let complete = sent == page.items.len();
        let items = &page.items[..sent];
        self.note_revoked(session, items);
        let awaited = items.iter().filter(|item| self.sessions.awaits(session, item)).count();
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

    /// A phone acknowledges nothing where a message was revoked: it counts as received there.
    fn note_revoked(&mut self, session: S, items: &[Item]) {
        let Some(attached) = self.sessions.get(session).filter(|it| it.phone) else { return };
        for item in items.iter().filter(|item| item.is_blank() && item.tag != 0) {
            self.receipts.note(&attached.uid, item.id);
        }
    }

    /// Whether [`Feeds::retry`] has sessions to retry.
    pub(crate) fn has_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Retries the sessions without room.
    pub(crate) fn retry(&mut self, outlet: &mut impl Outlet<S>) {
        for session in std::mem::take(&mut self.behind) {
            self.step(session, outlet);
        }
    }

    /// Continues sessions that catch up but have acknowledged nothing since the last call.
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
