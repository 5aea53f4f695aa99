//! Attached sessions, and the progress of each. Owned by the writer alone.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use comet::Pass;

use super::job::Client;
use super::stream::Stream;
use crate::catch_up::{CatchUp, Item, LogRange, Sent, Source, Step};
use crate::tag::Tag;

/// Maximum number of new deliveries held for all sessions together while they catch up; about 100
/// bytes each and a reference to a shared body.
const HELD_TOTAL: usize = 65_536;

/// State of a session in the writer.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) uid: Arc<str>,
    pub(crate) phone: bool,
    /// Pass in which deliveries to it are pushed; `None` if its client pulls missed messages.
    pub(crate) pass: Option<Pass>,
    stream: Stream,
    /// `None` once the session is live.
    catch_up: Option<CatchUp>,
    /// Unacknowledged deliveries sent while it was live.
    unacked: usize,
    /// Ids of entries of groups among all unacknowledged deliveries that were pushed. Those that it
    /// got from rooms are not known here.
    entries: HashSet<i64>,
    /// Whether it has no connection for now: new deliveries wait here, not in the gateway's memory.
    away: bool,
    acked_lately: bool,
    /// Whether its client acknowledges: clients of some dialects never do, and are not waited for.
    has_acks: bool,
}

impl Attached {
    /// Whether an ack of a delivery to be pushed is awaited.
    fn awaits(&mut self, item: &Item) -> bool {
        match Tag::decode(item.tag) {
            _ if item.is_blank() => false,
            Some(Tag::Group(id)) => self.entries.insert(id),
            _ => true,
        }
    }

    /// Starts or restarts catching up: deliveries stored from `first` on come first, and those
    /// later than `committed` wait.
    fn catch_up_from(&mut self, first: Option<Tag>, committed: i64) {
        let ranges = first.map(|first| self.stream.from(first, committed)).unwrap_or_default();
        let unacked = std::mem::take(&mut self.unacked);
        let unacked = if self.has_acks { unacked } else { 0 };
        let before = self.catch_up.take();
        let catch_up = CatchUp::new(ranges, committed).with_unacked(unacked);
        let mut catch_up = catch_up.with_log(self.stream.log());
        let entries = before.iter().flat_map(CatchUp::entries_to_read);
        entries.for_each(|range| catch_up.also(range));
        self.catch_up = Some(catch_up);
    }
}

/// All attached sessions.
#[derive(Debug)]
pub(crate) struct Sessions<S> {
    attached: HashMap<S, Attached>,
    of_user: HashMap<Arc<str>, Vec<S>>,
    held: usize,
    held_bytes: usize,
}

impl<S: Copy + Eq + Hash> Sessions<S> {
    pub(crate) fn new() -> Self {
        Self { attached: HashMap::new(), of_user: HashMap::new(), held: 0, held_bytes: 0 }
    }

    /// Adds a session that starts with the beginning of its stream.
    pub(crate) fn attach(&mut self, session: S, client: &Client, stream: Stream) {
        let uid = Arc::clone(&client.uid);
        let ranges = stream.beginning();
        let catch_up = |ranges| CatchUp::new(ranges, stream.since()).with_log(stream.log());
        let attached = Attached {
            uid: Arc::clone(&uid),
            phone: client.phone,
            pass: (!client.pulls).then_some(Pass::FIRST),
            stream,
            catch_up: (!ranges.is_empty()).then(|| catch_up(ranges)),
            unacked: 0,
            entries: HashSet::new(),
            away: false,
            acked_lately: false,
            has_acks: false,
        };
        if self.attached.insert(session, attached).is_none() {
            self.of_user.entry(uid).or_default().push(session);
        }
    }

    pub(crate) fn detach(&mut self, session: S) {
        let Some(attached) = self.attached.remove(&session) else { return };
        let (held, bytes) = holds(attached.catch_up.as_ref());
        (self.held, self.held_bytes) = (self.held - held, self.held_bytes - bytes);
        if let Some(sessions) = self.of_user.get_mut(&attached.uid) {
            sessions.retain(|&other| other != session);
            if sessions.is_empty() {
                self.of_user.remove(&attached.uid);
            }
        }
    }

    pub(crate) fn get(&self, session: S) -> Option<&Attached> {
        self.attached.get(&session)
    }

    pub(crate) fn of_user(&self, uid: &str) -> &[S] {
        self.of_user.get(uid).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn len(&self) -> usize {
        self.attached.len()
    }

    /// Whether `item` is to be pushed to the session now. If not, it is held or will be read.
    pub(crate) fn offer(&mut self, session: S, item: &Item) -> bool {
        let Some(attached) = self.attached.get_mut(&session) else { return false };
        let Some(catch_up) = &mut attached.catch_up else { return true };
        let (held, bytes) = holds(Some(catch_up));
        if self.held < HELD_TOTAL {
            catch_up.hold(item);
        } else {
            catch_up.spill();
        }
        self.held = self.held - held + catch_up.held();
        self.held_bytes = self.held_bytes - bytes + catch_up.held_bytes();
        false
    }

    /// Drops the held deliveries of the session, to be read later.
    pub(crate) fn spill(&mut self, session: S) {
        let attached = self.attached.get_mut(&session);
        let Some(catch_up) = attached.and_then(|it| it.catch_up.as_mut()) else { return };
        let (held, bytes) = holds(Some(catch_up));
        (self.held, self.held_bytes) = (self.held - held, self.held_bytes - bytes);
        catch_up.spill();
    }

    /// Bytes held for all sessions together. A body held for several counts for each.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Records a delivery pushed to a live session.
    pub(crate) fn pushed(&mut self, session: S, item: &Item) {
        if let Some(attached) = self.attached.get_mut(&session) {
            attached.unacked += usize::from(attached.awaits(item));
        }
    }

    /// Whether an ack of a delivery of a page is awaited.
    pub(crate) fn awaits(&mut self, session: S, item: &Item) -> bool {
        self.attached.get_mut(&session).is_some_and(|attached| attached.awaits(item))
    }

    /// Pass in which deliveries to the session are pushed.
    pub(crate) fn pass(&self, session: S) -> Option<Pass> {
        self.get(session)?.pass
    }

    /// Records that the session had no room for this item; it catches up from there.
    pub(crate) fn fell_behind(&mut self, session: S, item: &Item, committed: i64) {
        if let Some(attached) = self.attached.get_mut(&session) {
            attached.catch_up_from(Tag::decode(item.tag), committed);
        }
    }

    /// Records that the session is in the rooms of its groups from now on.
    pub(crate) fn joined(&mut self, session: S, committed: i64) {
        if let Some(attached) = self.attached.get_mut(&session) {
            attached.stream.joined(committed);
        }
    }

    /// Records a lost connection: until it is resumed the session gets nothing, and then
    /// everything.
    pub(crate) fn park(&mut self, session: S, committed: i64) {
        let Some(attached) = self.attached.get_mut(&session) else { return };
        // Only sessions of clients that acknowledge are kept, and informed of gaps.
        (attached.away, attached.has_acks) = (true, true);
        if attached.catch_up.is_none() {
            attached.catch_up_from(None, committed);
        }
    }

    /// Records a new connection; the session may have a step to do.
    pub(crate) fn resume(&mut self, session: S) {
        if let Some(attached) = self.attached.get_mut(&session) {
            attached.away = false;
        }
    }

    /// Records deliveries given up by the gateway; if they are to be replayed, the session
    /// continues with the first of them.
    pub(crate) fn lost(
        &mut self,
        session: S,
        count: usize,
        replay: Option<(Tag, Pass)>,
        committed: i64,
    ) {
        let Some(attached) = self.attached.get_mut(&session) else { return };
        attached.has_acks = true;
        if let Some((first, pass)) = replay {
            let (held, bytes) = holds(attached.catch_up.as_ref());
            (self.held, self.held_bytes) = (self.held - held, self.held_bytes - bytes);
            attached.pass = Some(pass);
            // The gateway has sent everything before it, at most its number of deliveries in
            // flight.
            attached.unacked = 0;
            attached.entries.clear();
            return attached.catch_up_from(Some(first), committed);
        }
        match &mut attached.catch_up {
            Some(catch_up) => catch_up.settled(count),
            None => attached.unacked = attached.unacked.saturating_sub(count),
        }
    }

    /// Has the session read entries of a group that were lost on their way from its room.
    pub(crate) fn read_entries(&mut self, session: S, source: Source, committed: i64) {
        let Some(attached) = self.attached.get_mut(&session) else { return };
        attached.has_acks = true;
        if attached.catch_up.is_none() {
            attached.catch_up_from(None, committed);
        }
        let range = LogRange { source, after: attached.stream.in_rooms_since(), upto: committed };
        if let Some(catch_up) = &mut attached.catch_up {
            catch_up.also(range);
        }
    }

    /// Next step for the session. After [`Step::Live`] it is live.
    pub(crate) fn step(&mut self, session: S, committed: i64) -> Step {
        let Some(attached) = self.attached.get_mut(&session) else { return Step::Wait };
        let Some(catch_up) = &mut attached.catch_up else { return Step::Wait };
        if attached.away {
            return Step::Wait;
        }
        let (held, bytes) = holds(Some(catch_up));
        let step = catch_up.step(committed);
        if let Step::Live(_) = &step {
            (self.held, self.held_bytes) = (self.held - held, self.held_bytes - bytes);
            attached.unacked = catch_up.unacked();
            attached.catch_up = None;
        }
        step
    }

    /// Records rows of a page sent, see [`CatchUp::page_sent`].
    pub(crate) fn page_sent(
        &mut self,
        session: S,
        awaited: usize,
        through: Option<i64>,
        sent: Sent,
    ) {
        if let Some(attached) = self.attached.get_mut(&session)
            && let Some(catch_up) = &mut attached.catch_up
        {
            catch_up.page_sent(awaited, through, sent);
        }
    }

    /// Records an acknowledged delivery. Returns whether that may allow a step.
    pub(crate) fn acked(&mut self, session: S, tag: Tag) -> bool {
        let Some(attached) = self.attached.get_mut(&session) else { return false };
        attached.acked_lately = true;
        attached.has_acks = true;
        if let Tag::Group(id) = tag
            && !attached.entries.remove(&id)
        {
            return false;
        }
        let Some(catch_up) = &mut attached.catch_up else {
            attached.unacked = attached.unacked.saturating_sub(1);
            return false;
        };
        catch_up.settled(1);
        true
    }

    /// Sessions that catch up and acknowledged nothing since the last call. Their acks are not
    /// waited for any longer.
    pub(crate) fn silent(&mut self) -> Vec<S> {
        let mut silent = Vec::new();
        for (&session, attached) in &mut self.attached {
            let acked = std::mem::take(&mut attached.acked_lately);
            if let Some(catch_up) = &mut attached.catch_up
                && !acked
                && !attached.away
            {
                catch_up.stop_waiting_for_acks();
                attached.entries.clear();
                silent.push(session);
            }
        }
        silent
    }
}

/// Number and bytes of the deliveries held for a session while it catches up.
fn holds(catch_up: Option<&CatchUp>) -> (usize, usize) {
    catch_up.map_or((0, 0), |catch_up| (catch_up.held(), catch_up.held_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: i64) -> Item {
        Item { id, position: id, body: "x".into(), tag: Tag::Message(id).encode() }
    }

    fn alice() -> Client {
        Client { uid: "alice".into(), phone: false, pulls: false }
    }

    /// Stream of a session that is live at once.
    fn live(committed: i64) -> Stream {
        Stream::of_device(None, committed)
    }

    /// Stream of a session with a page to read first.
    fn behind(committed: i64) -> Stream {
        Stream::of_device(Some(-1), committed)
    }

    #[test]
    fn a_user_has_the_sessions_that_are_attached() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(0));
        sessions.attach(2, &alice(), live(0));
        sessions.attach(2, &alice(), live(0));
        assert_eq!(sessions.of_user("alice"), [1, 2]);

        sessions.detach(1);
        sessions.detach(1);
        assert_eq!(sessions.of_user("alice"), [2]);
        sessions.detach(2);
        assert!(sessions.of_user("alice").is_empty());
        assert!(sessions.of_user.is_empty());
    }

    #[test]
    fn live_sessions_get_things_at_once_and_others_after_catching_up() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(9));
        sessions.attach(2, &alice(), behind(9));

        assert!(sessions.offer(1, &item(10)));
        assert!(!sessions.offer(2, &item(10)));
        assert!(!sessions.offer(3, &item(10)), "not attached");

        assert!(matches!(sessions.step(2, 10), Step::Read(_)));
        sessions.page_sent(2, 0, None, Sent::Last);
        assert_eq!(sessions.step(2, 10), Step::Live(vec![item(10)]));
        assert!(sessions.offer(2, &item(11)));
        assert_eq!((sessions.held, sessions.held_bytes), (0, 0));
    }

    #[test]
    fn a_session_that_fell_behind_goes_on_from_there() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(9));
        sessions.fell_behind(1, &item(12), 15);

        assert!(!sessions.offer(1, &item(13)));
        let missed = LogRange { source: Source::Log, after: 11, upto: 15 };
        assert_eq!(sessions.step(1, 15), Step::Read(missed));
        sessions.page_sent(1, 3, Some(15), Sent::Last);
        assert_eq!(sessions.step(1, 15), Step::Live(vec![]));
    }

    #[test]
    fn a_session_that_is_away_gets_nothing_until_it_is_back() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(9));
        assert!(sessions.offer(1, &item(10)));
        sessions.park(1, 10);

        assert!(!sessions.offer(1, &item(11)));
        assert_eq!(sessions.step(1, 11), Step::Wait);
        assert_eq!(sessions.silent(), [0; 0], "nobody waits for its acks");
        sessions.resume(1);
        assert_eq!(sessions.step(1, 11), Step::Live(vec![item(11)]));
        assert!(sessions.offer(1, &item(12)));
    }

    #[test]
    fn what_is_given_up_is_not_waited_for() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(0));
        for id in 1..=200 {
            assert!(sessions.offer(1, &item(id)));
            sessions.pushed(1, &item(id));
        }
        sessions.lost(1, 191, None, 200);
        sessions.park(1, 200);
        sessions.resume(1);
        assert_eq!(sessions.step(1, 200), Step::Wait, "nine may still come");
        assert!(!sessions.offer(1, &item(201)));
        sessions.lost(1, 1, None, 200);
        assert_eq!(sessions.step(1, 201), Step::Live(vec![item(201)]));
    }

    #[test]
    fn a_session_that_lost_something_lets_go_of_what_it_holds_and_begins_there() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(0));
        sessions.park(1, 0);
        for id in 1..=5 {
            assert!(!sessions.offer(1, &item(id)));
        }
        sessions.resume(1);
        let pass = Pass::FIRST.next();
        sessions.lost(1, 2, Some((Tag::Message(3), pass)), 5);
        assert_eq!((sessions.held, sessions.held_bytes), (0, 0));
        assert_eq!(sessions.pass(1), Some(pass));
        let missed = LogRange { source: Source::Log, after: 2, upto: 5 };
        assert_eq!(sessions.step(1, 5), Step::Read(missed));
        assert!(!sessions.offer(1, &item(6)));
        sessions.page_sent(1, 3, Some(5), Sent::Last);
        assert_eq!(sessions.step(1, 6), Step::Live(vec![item(6)]));
    }

    #[test]
    fn all_sessions_together_hold_a_bounded_number() {
        let mut sessions = Sessions::new();
        let count = HELD_TOTAL / 256 + 1;
        for session in 0..count {
            sessions.attach(session, &alice(), behind(0));
            for id in 1..=256 {
                sessions.offer(session, &item(id));
            }
        }
        assert_eq!(sessions.held, HELD_TOTAL);

        for session in 0..count {
            sessions.detach(session);
        }
        assert_eq!((sessions.held, sessions.held_bytes, sessions.len()), (0, 0, 0));
    }

    #[test]
    fn what_a_session_lets_go_of_is_no_longer_counted_and_is_read_later() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), live(9));
        sessions.park(1, 9);
        assert!(!sessions.offer(1, &item(10)));
        assert_eq!(sessions.held_bytes(), size_of::<Item>() + 1);
        sessions.spill(1);
        assert_eq!((sessions.held, sessions.held_bytes()), (0, 0));
        sessions.resume(1);
        let missed = LogRange { source: Source::Log, after: 9, upto: 10 };
        assert_eq!(sessions.step(1, 10), Step::Read(missed));
    }

    #[test]
    fn only_sessions_that_catch_up_and_say_nothing_are_silent() {
        let mut sessions = Sessions::new();
        sessions.attach(1, &alice(), behind(9));
        sessions.attach(2, &alice(), behind(9));
        sessions.attach(3, &alice(), live(9));

        assert!(sessions.acked(1, Tag::Message(1)));
        assert!(!sessions.acked(3, Tag::Message(1)));
        assert_eq!(sessions.silent(), [2]);
        assert_eq!(sessions.silent().len(), 2);
    }
}
