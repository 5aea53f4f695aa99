//! Events of a driver's sessions, judged, counted and timed for scenarios.

mod losses;
mod meter;
mod reconnects;
mod rounds;

use std::ops::Range;

use comet_protocol::comet::Welcome;

pub use losses::Losses;
pub use meter::Meter;
pub use reconnects::Reconnects;
pub use rounds::Rounds;

use crate::driver::{Event, Observer, Time};
use crate::latency::Latency;
use crate::oracle::{ExpectedDelivery, Oracle};

/// Counts of events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Sessions that began.
    pub begun: u64,
    /// Sessions that were resumed.
    pub resumed: u64,
    /// Waits for another connection.
    pub waits: u64,
    /// Answers to messages.
    pub replies: u64,
    /// Sessions that ended unexpectedly.
    pub ended: u64,
    /// Sessions that the server ended because they had stalled, as it may.
    pub expelled: u64,
}

impl Counts {
    /// Adds the counts of another thread.
    pub const fn merge(&mut self, other: Self) {
        self.begun += other.begun;
        self.resumed += other.resumed;
        self.waits += other.waits;
        self.replies += other.replies;
        self.ended += other.ended;
        self.expelled += other.expelled;
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct SessionState {
    is_open: bool,
    has_begun: bool,
    /// It left, and may begin anew.
    is_away: bool,
    /// Its connection was cut, and it is not back.
    is_cut: bool,
    /// Messages of it without an answer.
    unanswered: u32,
    /// Time from which it was free to connect.
    free: Time,
}

/// Judges deliveries, and times them.
#[derive(Debug, Default)]
pub struct Audience {
    /// The judge of deliveries.
    pub oracle: Oracle,
    /// From when a message was due to when a session had it, if there is no meter.
    pub latency: Latency,
    /// Sessions that were cut, and how they came back.
    pub reconnects: Reconnects,
    /// Time from when a session was free to connect to its opening, of those that began.
    pub opens: Latency,
    /// The measuring window, if there is one.
    pub meter: Option<Meter>,
    /// The sessions whose deliveries are timed, and measured.
    pub timed: Range<usize>,
    /// Messages that not all readers have yet, if a publisher needs them.
    pub rounds: Option<Rounds>,
    counts: Counts,
    losses: Losses,
    states: Vec<SessionState>,
    expelled: Vec<usize>,
    open: usize,
    unanswered: u64,
    last_opened: Time,
}

impl Audience {
    /// No sessions, and every delivery timed.
    #[must_use]
    pub fn new() -> Self {
        Self { timed: 0..usize::MAX, ..Self::default() }
    }

    /// Another session, which is free to connect from now on and reads these rooms.
    pub fn add(&mut self, now: Time, rooms: &[usize]) {
        self.oracle.add_reader(rooms);
        self.states.push(SessionState { free: now, ..SessionState::default() });
    }

    /// The number of open sessions.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }

    /// Whether one is.
    #[must_use]
    pub fn is_open(&self, session: usize) -> bool {
        self.states[session].is_open
    }

    /// A session leaves by its own wish.
    pub fn handle_left(&mut self, session: usize) {
        self.handle_closing(session);
        self.states[session].is_away = true;
        self.forget_unanswered(session);
        self.oracle.handle_left(session);
    }

    /// The harness cuts a session's connection. A session that is not owed the deliveries meanwhile
    /// begins anew.
    pub fn handle_cut(&mut self, now: Time, session: usize, is_owed: bool) {
        if is_owed {
            self.handle_closing(session);
        } else {
            self.handle_left(session);
        }
        self.reconnects.handle_cut(now);
        let state = &mut self.states[session];
        (state.is_cut, state.free) = (true, now);
    }

    /// A session stops reading. Unless everything `is_owed` to it, whatever it missed, the server
    /// may end it.
    pub fn handle_stalled(&mut self, session: usize, is_owed: bool) {
        self.oracle.handle_stalled(session, !is_owed);
    }

    /// Takes the sessions that the server ended because they had stalled; they may connect again.
    pub fn take_expelled(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.expelled)
    }

    /// Takes the losses of timed sessions since the last time.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// A session has no connection any more, or did not get one, and the harness did not cut it.
    fn note_loss(&mut self, session: usize) {
        let SessionState { is_open, has_begun, is_away, .. } = self.states[session];
        if self.timed.contains(&session) {
            self.losses.cut_off += u64::from(is_open);
            self.losses.turned_away += u64::from(!is_open && (is_away || !has_begun));
        }
    }

    /// A session that left is free to connect again from this time on.
    pub fn handle_free(&mut self, session: usize, from: Time) {
        self.states[session].free = from;
    }

    /// A session sends a message, which will be answered.
    pub fn handle_sent(&mut self, session: usize) {
        self.unanswered += 1;
        self.states[session].unanswered += 1;
    }

    /// The number of unanswered messages of a session.
    #[must_use]
    pub fn unanswered_of(&self, session: usize) -> u32 {
        self.states[session].unanswered
    }

    /// The number of unanswered messages, without those of sessions that are gone.
    #[must_use]
    pub const fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// Time of the last opening.
    #[must_use]
    pub const fn last_opened(&self) -> Time {
        self.last_opened
    }

    /// Counts of events.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn handle_opened(
        &mut self,
        now: Time,
        session: usize,
        resumed: bool,
        welcome: Option<&Welcome>,
    ) {
        let state = &mut self.states[session];
        if !state.is_open {
            self.open += 1;
        }
        self.last_opened = now;
        let returns = std::mem::take(&mut state.is_away);
        let begins_anew = state.has_begun && !resumed && !returns;
        (state.is_open, state.has_begun) = (true, true);
        if resumed {
            self.counts.resumed += 1;
        } else {
            self.counts.begun += 1;
            self.opens.record(now.since(state.free));
        }
        if std::mem::take(&mut state.is_cut) {
            self.reconnects.handle_back(now, state.free);
        }
        if returns {
            self.oracle.handle_returned(session);
        }
        if begins_anew {
            self.oracle.handle_reset(session, || format!("{welcome:?}"));
        }
    }

    fn handle_closing(&mut self, session: usize) {
        if std::mem::take(&mut self.states[session].is_open) {
            self.open -= 1;
        }
    }

    /// The server ended a session that had stalled, or did not take it again yet.
    fn expel(&mut self, session: usize) {
        self.counts.expelled += u64::from(self.states[session].is_open);
        self.handle_left(session);
        self.expelled.push(session);
    }

    fn handle_answered(&mut self, session: usize) {
        let unanswered = &mut self.states[session].unanswered;
        if let Some(less) = unanswered.checked_sub(1) {
            *unanswered = less;
            self.unanswered -= 1;
        }
    }

    fn forget_unanswered(&mut self, session: usize) {
        let forgotten = std::mem::take(&mut self.states[session].unanswered);
        self.unanswered -= u64::from(forgotten);
    }

    fn handle_body(&mut self, now: Time, session: usize, body: &[u8]) {
        let Some(ExpectedDelivery { stream, due, counter }) =
            self.oracle.handle_body(session, body)
        else {
            return;
        };
        let is_timed = self.timed.contains(&session);
        match (&mut self.meter, due) {
            (Some(meter), due) if is_timed => meter.handle(now, due),
            (Some(meter), _) => meter.arrived += 1,
            (None, Some(due)) if is_timed => self.latency.record(now.since(due)),
            (None, _) => {}
        }
        if let Some(rounds) = &mut self.rounds {
            rounds.handle(stream, counter);
        }
    }
}

impl Observer for Audience {
    fn handle(&mut self, now: Time, session: usize, event: Event<'_>) {
        match event {
            Event::Delivery { body } => self.handle_body(now, session, body),
            Event::Gap { from, to, gap } => self.oracle.handle_gap(session, from, to, gap),
            Event::Opened { resumed, welcome } => {
                self.handle_opened(now, session, resumed, welcome);
            }
            Event::Waiting { until } => {
                self.counts.waits += 1;
                self.note_loss(session);
                self.handle_closing(session);
                let state = &mut self.states[session];
                self.reconnects.waits += u64::from(state.is_cut);
                // A session that has yet to begin is free since it was due to, however often it is
                // sent away.
                if state.has_begun && !state.is_away || state.is_cut {
                    state.free = until;
                }
            }
            Event::Replied => {
                self.counts.replies += 1;
                self.handle_answered(session);
            }
            Event::Refused { why } => {
                self.handle_answered(session);
                self.oracle.handle_refused(session, || why);
            }
            Event::Closed { .. } if self.oracle.is_lenient(session) => self.expel(session),
            Event::Closed { why } => {
                self.counts.ended += 1;
                self.note_loss(session);
                self.handle_closing(session);
                let was_cut = std::mem::take(&mut self.states[session].is_cut);
                self.reconnects.over += u64::from(was_cut);
                self.forget_unanswered(session);
                self.oracle.handle_ended(session, || why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Stamp;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    const OPENED: Event<'_> = Event::Opened { resumed: false, welcome: None };

    #[test]
    fn who_is_sent_away_before_it_was_ever_open_is_timed_from_when_it_was_due() {
        let mut audience = Audience::new();
        audience.add(at(0), &[]);
        audience.handle_free(0, at(10));
        audience.handle(at(20), 0, Event::Waiting { until: at(500) });
        audience.handle(at(510), 0, OPENED);
        assert!((audience.opens.ms(1.0) - 500.0).abs() < 1.0, "{}", audience.opens.ms(1.0));
        audience.opens.reset();
        audience.handle_left(0);
        audience.handle_free(0, at(1_000));
        audience.handle(at(1_020), 0, Event::Waiting { until: at(1_900) });
        audience.handle(at(2_000), 0, OPENED);
        assert!((audience.opens.ms(1.0) - 1_000.0).abs() < 2.0, "{}", audience.opens.ms(1.0));
    }

    #[test]
    fn who_comes_back_is_free_when_its_wait_is_over() {
        for is_owed in [true, false] {
            let mut audience = Audience::new();
            audience.add(at(0), &[]);
            audience.handle(at(5), 0, OPENED);
            audience.handle_cut(at(20), 0, is_owed);
            assert_eq!((audience.open(), audience.reconnects.away()), (0, 1));
            audience.handle(at(20), 0, Event::Waiting { until: at(100) });
            audience.handle(at(120), 0, Event::Waiting { until: at(300) });
            audience.handle(at(310), 0, Event::Opened { resumed: is_owed, welcome: None });
            let Reconnects { began, ended, waits, took, .. } = &audience.reconnects;
            assert_eq!((*began, *ended, *waits), (Some(at(20)), at(310), 2));
            assert!((took.ms(1.0) - 10.0).abs() < 0.1, "{}", took.ms(1.0));
            assert_eq!((audience.reconnects.away(), audience.oracle.faults()), (0, 0));
        }
    }

    #[test]
    fn who_is_cut_and_then_over_is_not_waited_for() {
        let mut audience = Audience::new();
        audience.add(at(0), &[]);
        audience.handle(at(5), 0, OPENED);
        audience.handle_cut(at(20), 0, true);
        audience.handle(at(30), 0, Event::Closed { why: "no".to_owned() });
        let Reconnects { cut, back, over, .. } = audience.reconnects;
        assert_eq!((cut, back, over, audience.reconnects.away()), (1, 0, 1, 0));
    }

    #[test]
    fn a_server_may_end_who_has_stalled_unless_everything_is_owed_to_it() {
        let over = || Event::Closed { why: "slow".to_owned() };
        let mut audience = Audience::new();
        for (session, is_owed) in [false, true].into_iter().enumerate() {
            audience.add(at(0), &[]);
            audience.handle(at(1), session, OPENED);
            audience.handle_stalled(session, is_owed);
            audience.handle(at(9), session, over());
        }
        let counts = audience.counts();
        assert_eq!((counts.expelled, counts.ended, audience.oracle.faults()), (1, 1, 1));
        assert_eq!((audience.take_expelled(), audience.take_expelled()), (vec![0], vec![]));
        audience.handle(at(20), 0, over());
        assert_eq!((audience.counts().expelled, audience.take_expelled()), (1, vec![0]));
        audience.handle(at(30), 0, OPENED);
        assert_eq!((audience.open(), audience.oracle.faults()), (1, 1));
    }

    #[test]
    fn who_reads_and_is_cut_or_sent_away_has_lost_something_and_who_stalls_has_not() {
        let mut audience = Audience { timed: 0..2, ..Audience::new() };
        (0..3).for_each(|_| audience.add(at(0), &[]));
        let wait = || Event::Waiting { until: at(50) };
        audience.handle(at(1), 0, wait());
        (0..3).for_each(|session| audience.handle(at(2), session, OPENED));
        let lost = |cut_off, turned_away| Losses { cut_off, turned_away };
        assert_eq!(audience.take_losses(), lost(0, 1), "a newcomer");
        (1..3).for_each(|session| audience.handle(at(3), session, wait()));
        audience.handle(at(4), 1, wait());
        assert_eq!(audience.take_losses(), lost(1, 0), "once, however long it takes");
        audience.handle_left(0);
        audience.handle(at(5), 0, wait());
        audience.handle(at(6), 0, Event::Closed { why: "no".to_owned() });
        assert_eq!((audience.take_losses(), audience.take_losses()), (lost(0, 2), lost(0, 0)));
    }

    #[test]
    fn only_those_who_are_timed_are_measured() {
        let mut audience = Audience { timed: 0..1, ..Audience::new() };
        let (room, publisher) = audience.oracle.add_room(1);
        (0..2).for_each(|_| audience.add(at(0), &[room]));
        audience.meter = Some(Meter::new(at(0)..at(100)));
        audience.oracle.handle_sent(publisher, at(5));
        let body = Stamp { publisher, counter: 1, due: at(5) }.body(64);
        for session in 0..2 {
            audience.handle(at(7), session, Event::Delivery { body: &body });
        }
        let meter = audience.meter.unwrap();
        assert_eq!((meter.arrived, meter.arrived_within, meter.latency.len()), (2, 1, 1));
        assert_eq!(audience.latency.len(), 0);
    }
}
