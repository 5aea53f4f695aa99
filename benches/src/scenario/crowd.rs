//! Sessions in rooms, and publishers who take turns.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::RunError;
use crate::audience::Audience;
use crate::clock;
use crate::dialect::Dialect;
use crate::driver::{Driver, Identity, Route, Time, To, Tuning};
use crate::oracle::Stamp;
use crate::report::Report;
use crate::run::Interrupt;
use crate::schedule::Schedule;

/// Rooms of one kind.
#[derive(Clone, Debug)]
pub struct Rooms<'a> {
    /// What their names begin with.
    pub name: &'a str,
    /// How many.
    pub rooms: usize,
    /// Sessions in each.
    pub members: usize,
    /// How many of them publish: the first.
    pub publishers: usize,
    /// What the sessions speak.
    pub dialect: Dialect,
}

#[derive(Clone, Copy, Debug)]
struct Publisher {
    session: usize,
    id: u32,
}

/// A driver's sessions and what happens to them.
#[derive(Debug)]
pub struct Crowd {
    /// Moves them.
    pub driver: Driver,
    /// Watches them.
    pub audience: Audience,
    publishers: Vec<Publisher>,
    turn: usize,
    body: usize,
    sent: u64,
    held_back: u64,
    /// Messages that their session could not take, by who sends them and when they were due.
    held: VecDeque<(Publisher, Time)>,
    unsent: u64,
    interrupt: Interrupt,
}

/// Messages that are kept for sessions which cannot take them; more are never sent.
const HELD: usize = 65_536;
/// Messages that are tried again in one turn.
const TRIES: usize = 64;
/// How long a turn lasts while somebody may see enough, or a message waits for its session.
const LOOK: Duration = Duration::from_millis(20);

impl Crowd {
    /// Nobody yet; messages will be this long.
    ///
    /// # Errors
    ///
    /// When the system has no more polls.
    pub fn new(tuning: Tuning, body: usize) -> io::Result<Self> {
        Ok(Self {
            driver: Driver::new(tuning)?,
            audience: Audience::new(),
            publishers: Vec::new(),
            turn: 0,
            body,
            sent: 0,
            held_back: 0,
            held: VecDeque::new(),
            unsent: 0,
            interrupt: Interrupt::never(),
        })
    }

    /// From now on [`run`](Self::run) ends when this is pulled.
    pub fn obey(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
    }

    /// Whether the user has seen enough.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_pulled()
    }

    /// Adds rooms with their members, who begin to connect.
    pub fn add(&mut self, rooms: &Rooms<'_>, routes: &Arc<[Route]>) {
        let from = self.publishers.len();
        for number in 0..rooms.rooms {
            let (room, first) = self.audience.oracle.add_room(rooms.publishers);
            let name = format!("{}-{number}", rooms.name);
            for member in 0..rooms.members {
                let identity = Identity::new(format!("{name}.{member}"), [name.clone()]);
                let seed = self.driver.sessions() as u64;
                let routes = Arc::clone(routes);
                let session = self.driver.add(rooms.dialect, identity, routes, seed);
                self.audience.add(clock::now(), &[room]);
                if let Some(id) = (first..).take(rooms.publishers).nth(member) {
                    self.publishers.push(Publisher { session, id });
                }
            }
        }
        // Neighbours in time are members of different rooms.
        let (each, rooms) = (rooms.publishers, rooms.rooms);
        let added = self.publishers.split_off(from);
        let spread = (0..each).flat_map(|slot| (0..rooms).map(move |room| room * each + slot));
        self.publishers.extend(spread.map(|at| added[at]));
    }

    /// Waits until all sessions have been open.
    ///
    /// # Errors
    ///
    /// [`RunError::NotOpen`] when they are not in time.
    pub fn open(&mut self, within: Duration) -> Result<(), RunError> {
        let wanted = self.driver.sessions();
        let have_begun = |audience: &Audience| audience.counts().begun >= wanted as u64;
        if self.wait(clock::now() + within, have_begun)? {
            return Ok(());
        }
        let (open, waits) = (self.audience.open(), self.audience.counts().waits);
        let trouble = self.driver.trouble().unwrap_or("nothing went wrong").to_owned();
        Err(RunError::NotOpen { open, wanted, waits, trouble })
    }

    /// Lets time pass until a moment, with messages as they are due. Those that their session
    /// cannot take go when it can, with the time when they were due.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn run(&mut self, until: Time, schedule: &mut Schedule) -> io::Result<()> {
        loop {
            let now = clock::now();
            if now >= until || self.is_interrupted() {
                return Ok(());
            }
            self.retry();
            while let Some(due) = schedule.take(now) {
                self.say(due);
            }
            let next = schedule.next().map_or(until, |next| next.min(until)).min(now + LOOK);
            self.driver.turn(next, &mut self.audience)?;
        }
    }

    /// Waits for something without sending; returns whether it came.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn wait(&mut self, deadline: Time, came: impl Fn(&Audience) -> bool) -> io::Result<bool> {
        while !came(&self.audience) {
            if clock::now() >= deadline {
                return Ok(false);
            }
            self.driver.turn(deadline, &mut self.audience)?;
        }
        Ok(true)
    }

    /// Waits until all that was due is sent, and has arrived or a gap has told of it; what is not
    /// sent then never is.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn settle(&mut self, within: Duration) -> io::Result<bool> {
        let deadline = clock::now() + within;
        loop {
            self.retry();
            let is_settled = self.held.is_empty() && self.audience.oracle.outstanding() == 0;
            let now = clock::now();
            if is_settled || now >= deadline {
                self.give_up(now);
                return Ok(is_settled);
            }
            self.driver.turn(deadline.min(now + LOOK), &mut self.audience)?;
        }
    }

    fn give_up(&mut self, now: Time) {
        self.unsent += self.held.len() as u64;
        for (_, due) in self.held.drain(..) {
            self.audience.latency.record(now.since(due));
        }
    }

    /// The next publisher sends a message, or will when its session takes it.
    fn say(&mut self, due: Time) {
        let Some(publisher) = self.next_publisher() else { return };
        if self.send(publisher, due) {
            return;
        }
        self.held_back += 1;
        match self.held.len() {
            HELD => self.unsent += 1,
            _ => self.held.push_back((publisher, due)),
        }
    }

    fn retry(&mut self) {
        for _ in 0..self.held.len().min(TRIES) {
            let Some((publisher, due)) = self.held.pop_front() else { return };
            if !self.send(publisher, due) {
                self.held.push_back((publisher, due));
            }
        }
    }

    /// The next publisher sends a message; returns whether it could.
    pub fn publish(&mut self, due: Time) -> bool {
        self.next_publisher().is_some_and(|publisher| self.send(publisher, due))
    }

    fn next_publisher(&mut self) -> Option<Publisher> {
        let publisher = self.publishers.get(self.turn).copied()?;
        self.turn = (self.turn + 1) % self.publishers.len();
        Some(publisher)
    }

    fn send(&mut self, publisher: Publisher, due: Time) -> bool {
        let counter = self.audience.oracle.next_counter(publisher.id);
        let stamp = Stamp { publisher: publisher.id, counter, due };
        if self.driver.send(publisher.session, &To::Rooms, stamp.body(self.body)).is_err() {
            return false;
        }
        self.audience.oracle.handle_sent(publisher.id, due);
        self.sent += 1;
        true
    }

    /// Messages that were sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages that waited because too many of their session had no answer.
    #[must_use]
    pub const fn held_back(&self) -> u64 {
        self.held_back
    }

    /// Tells of messages that were never sent for that reason: a server that answers nothing.
    pub fn report_unsent(&self, report: &mut Report) {
        if self.unsent > 0 {
            let unsent = self.unsent;
            report.violation(format!("{unsent} messages were never sent: too many had no answer"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    /// Two publishers who are never open, in a dialect that keeps nothing for them.
    fn crowd() -> Crowd {
        let mut crowd = Crowd::new(Tuning::default(), 64).unwrap();
        let (rooms, members, publishers) = (1, 2, 2);
        let rooms = Rooms { name: "room", rooms, members, publishers, dialect: Dialect::Raw };
        let routes: Arc<[Route]> = Arc::new([Route::tcp("127.0.0.1:9".parse().unwrap())]);
        crowd.add(&rooms, &routes);
        crowd
    }

    #[test]
    fn what_a_session_never_takes_is_tried_to_the_end_timed_and_told() {
        let mut crowd = crowd();
        [at(1), at(2), at(3)].into_iter().for_each(|due| crowd.say(due));
        crowd.retry();
        assert_eq!((crowd.sent(), crowd.held_back(), crowd.held.len()), (0, 3, 3));
        assert!(!crowd.settle(Duration::ZERO).unwrap());
        assert_eq!((crowd.unsent, crowd.audience.latency.len(), crowd.held.len()), (3, 3, 0));
        let mut report = Report::new("cuts");
        crowd.report_unsent(&mut report);
        assert_eq!(report.violations().len(), 1, "{report}");
        assert!(!crowd.publish(at(4)) && crowd.held.is_empty(), "a window takes another");
    }

    #[test]
    fn who_has_seen_enough_does_not_wait() {
        let (mut crowd, interrupt) = (crowd(), Interrupt::never());
        crowd.obey(&interrupt);
        interrupt.pull();
        let began = clock::now();
        let mut schedule = Schedule::new(began, 0);
        crowd.run(began + Duration::from_secs(60), &mut schedule).unwrap();
        assert!(clock::now().since(began) < Duration::from_secs(30));
    }
}
