//! Which sessions are attached, and how far each of them is. The writer alone owns this.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::catch_up::{CatchUp, Item, Source, Step, Stretch};

/// New deliveries that all sessions together may hold back while they catch up; about 100 bytes
/// each and a reference to a shared body.
const HELD_TOTAL: usize = 65_536;

/// A session as the writer knows it.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) uid: Arc<str>,
    pub(crate) phone: bool,
    /// `None` once the session is live.
    catch_up: Option<CatchUp>,
    /// Deliveries that went out while it was live, and are not acknowledged.
    unacked: usize,
    /// Without a connection, for now: what is new waits here, and not in the gateway's memory.
    away: bool,
    acked_lately: bool,
    /// Clients of some dialects never acknowledge anything, and are not waited for.
    has_acks: bool,
}

impl Attached {
    /// No longer live, or not yet: `stretches` come first, and what is later than `held_after`
    /// waits.
    fn catch_up_on(&mut self, stretches: Vec<Stretch>, held_after: i64) {
        let unacked = std::mem::take(&mut self.unacked);
        let unacked = if self.has_acks { unacked } else { 0 };
        self.catch_up = Some(CatchUp::new(stretches, held_after).with_unacked(unacked));
    }
}

/// All attached sessions.
#[derive(Debug)]
pub(crate) struct Sessions<S> {
    attached: HashMap<S, Attached>,
    of_user: HashMap<Arc<str>, Vec<S>>,
    held: usize,
}

impl<S: Copy + Eq + Hash> Sessions<S> {
    pub(crate) fn new() -> Self {
        Self { attached: HashMap::new(), of_user: HashMap::new(), held: 0 }
    }

    /// Adds a session that first gets `stretches`, all of which end at `committed`.
    pub(crate) fn attach(
        &mut self,
        session: S,
        uid: Arc<str>,
        phone: bool,
        stretches: Vec<Stretch>,
        committed: i64,
    ) {
        let catch_up = (!stretches.is_empty()).then(|| CatchUp::new(stretches, committed));
        let attached = Attached {
            uid: Arc::clone(&uid),
            phone,
            catch_up,
            unacked: 0,
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
        self.held -= attached.catch_up.as_ref().map_or(0, CatchUp::held);
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
        let before = catch_up.held();
        if self.held < HELD_TOTAL {
            catch_up.hold(item);
        } else {
            catch_up.spill();
        }
        self.held = self.held - before + catch_up.held();
        false
    }

    /// Something went out to a live session.
    pub(crate) fn pushed(&mut self, session: S) {
        if let Some(attached) = self.attached.get_mut(&session) {
            attached.unacked += 1;
        }
    }

    /// The session could not take what has this id, and nothing after it.
    pub(crate) fn fell_behind(&mut self, session: S, id: i64, committed: i64) {
        if let Some(attached) = self.attached.get_mut(&session) {
            let missed = Stretch { source: Source::Log, after: id - 1, upto: committed };
            attached.catch_up_on(vec![missed], committed);
        }
    }

    /// The session lost its connection: until it is back it gets nothing, and then everything.
    pub(crate) fn park(&mut self, session: S, committed: i64) {
        let Some(attached) = self.attached.get_mut(&session) else { return };
        // Only sessions whose clients acknowledge are kept, and told of gaps.
        (attached.away, attached.has_acks) = (true, true);
        if attached.catch_up.is_none() {
            attached.catch_up_on(Vec::new(), committed);
        }
    }

    /// The session has a connection again; it may have a step to do.
    pub(crate) fn resume(&mut self, session: S) {
        if let Some(attached) = self.attached.get_mut(&session) {
            attached.away = false;
        }
    }

    /// The gateway gave up so many deliveries to the session, of which it is to read these.
    pub(crate) fn lost(
        &mut self,
        session: S,
        count: usize,
        repair: Option<Stretch>,
        committed: i64,
    ) {
        let Some(attached) = self.attached.get_mut(&session) else { return };
        attached.has_acks = true;
        match &mut attached.catch_up {
            Some(catch_up) => catch_up.settled(count),
            None => attached.unacked = attached.unacked.saturating_sub(count),
        }
        let Some(stretch) = repair else { return };
        match &mut attached.catch_up {
            Some(catch_up) => catch_up.repair(stretch),
            None => attached.catch_up_on(vec![stretch], committed),
        }
    }

    /// What to do for the session now. After [`Step::Live`] it is live.
    pub(crate) fn step(&mut self, session: S, committed: i64) -> Step {
        let Some(attached) = self.attached.get_mut(&session) else { return Step::Wait };
        let Some(catch_up) = &mut attached.catch_up else { return Step::Wait };
        if attached.away {
            return Step::Wait;
        }
        let step = catch_up.step(committed);
        if let Step::Live(held) = &step {
            self.held -= held.len();
            attached.unacked = catch_up.unacked();
            attached.catch_up = None;
        }
        step
    }

    /// Rows of a page went out, see [`CatchUp::page_sent`].
    pub(crate) fn page_sent(
        &mut self,
        session: S,
        awaited: usize,
        through: Option<i64>,
        exhausted: bool,
    ) {
        if let Some(attached) = self.attached.get_mut(&session)
            && let Some(catch_up) = &mut attached.catch_up
        {
            catch_up.page_sent(awaited, through, exhausted);
        }
    }

    /// A delivery to the session was acknowledged. Whether that may allow a step.
    pub(crate) fn acked(&mut self, session: S) -> bool {
        let Some(attached) = self.attached.get_mut(&session) else { return false };
        attached.acked_lately = true;
        attached.has_acks = true;
        let Some(catch_up) = &mut attached.catch_up else {
            attached.unacked = attached.unacked.saturating_sub(1);
            return false;
        };
        catch_up.settled(1);
        true
    }

    /// The sessions that catch up and acknowledged nothing since the last call. They are not
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
                silent.push(session);
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: i64) -> Item {
        Item { id, position: id, body: "x".into(), tag: 0 }
    }

    fn unreceived(upto: i64) -> Vec<Stretch> {
        vec![Stretch { source: Source::Unreceived, after: 0, upto }]
    }

    #[test]
    fn a_user_has_the_sessions_that_are_attached() {
        let mut sessions = Sessions::new();
        sessions.attach(1, "alice".into(), true, vec![], 0);
        sessions.attach(2, "alice".into(), false, vec![], 0);
        sessions.attach(2, "alice".into(), false, vec![], 0);
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
        sessions.attach(1, "alice".into(), false, vec![], 9);
        sessions.attach(2, "alice".into(), true, unreceived(9), 9);

        assert!(sessions.offer(1, &item(10)));
        assert!(!sessions.offer(2, &item(10)));
        assert!(!sessions.offer(3, &item(10)), "not attached");

        assert!(matches!(sessions.step(2, 10), Step::Read(_)));
        sessions.page_sent(2, 0, None, true);
        assert_eq!(sessions.step(2, 10), Step::Live(vec![item(10)]));
        assert!(sessions.offer(2, &item(11)));
        assert_eq!(sessions.held, 0);
    }

    #[test]
    fn a_session_that_fell_behind_goes_on_from_there() {
        let mut sessions = Sessions::new();
        sessions.attach(1, "alice".into(), false, vec![], 9);
        sessions.fell_behind(1, 12, 15);

        assert!(!sessions.offer(1, &item(13)));
        let missed = Stretch { source: Source::Log, after: 11, upto: 15 };
        assert_eq!(sessions.step(1, 15), Step::Read(missed));
        sessions.page_sent(1, 3, Some(15), true);
        assert_eq!(sessions.step(1, 15), Step::Live(vec![]));
    }

    #[test]
    fn a_session_that_is_away_gets_nothing_until_it_is_back() {
        let mut sessions = Sessions::new();
        sessions.attach(1, "alice".into(), false, vec![], 9);
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
        sessions.attach(1, "alice".into(), false, vec![], 0);
        for id in 1..=200 {
            assert!(sessions.offer(1, &item(id)));
            sessions.pushed(1);
        }
        let repair = Stretch { source: Source::Record, after: 100, upto: 200 };
        sessions.lost(1, 71, Some(repair), 200);
        assert_eq!(sessions.step(1, 200), Step::Wait, "129 may still come");
        assert!(!sessions.offer(1, &item(201)));
        sessions.lost(1, 1, None, 200);
        assert_eq!(sessions.step(1, 200), Step::Read(repair));
        sessions.page_sent(1, 0, None, true);
        assert_eq!(sessions.step(1, 201), Step::Live(vec![item(201)]));
    }

    #[test]
    fn all_sessions_together_hold_a_bounded_number() {
        let mut sessions = Sessions::new();
        let count = HELD_TOTAL / 256 + 1;
        for session in 0..count {
            sessions.attach(session, "alice".into(), true, unreceived(0), 0);
            for id in 1..=256 {
                sessions.offer(session, &item(id));
            }
        }
        assert_eq!(sessions.held, HELD_TOTAL);

        for session in 0..count {
            sessions.detach(session);
        }
        assert_eq!((sessions.held, sessions.len()), (0, 0));
    }

    #[test]
    fn only_sessions_that_catch_up_and_say_nothing_are_silent() {
        let mut sessions = Sessions::new();
        sessions.attach(1, "alice".into(), true, unreceived(9), 9);
        sessions.attach(2, "alice".into(), true, unreceived(9), 9);
        sessions.attach(3, "alice".into(), true, vec![], 9);

        assert!(sessions.acked(1));
        assert!(!sessions.acked(3));
        assert_eq!(sessions.silent(), [2]);
        assert_eq!(sessions.silent().len(), 2);
    }
}
