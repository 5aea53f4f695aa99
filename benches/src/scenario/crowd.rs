//! Sessions in rooms, and publishers who take turns.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::RunError;
use crate::audience::Audience;
use crate::clock;
use crate::dialect::Dialect;
use crate::driver::{Driver, Identity, Route, Time, To, Tuning};
use crate::oracle::Stamp;
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
}

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
        })
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

    /// Lets time pass until a moment, with messages as they are due.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn run(&mut self, until: Time, schedule: &mut Schedule) -> io::Result<()> {
        loop {
            let now = clock::now();
            if now >= until {
                return Ok(());
            }
            while let Some(due) = schedule.take(now) {
                self.publish(due);
            }
            let next = schedule.next().map_or(until, |next| next.min(until));
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

    /// Waits until all that was sent has arrived, or a gap has told of it.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn settle(&mut self, within: Duration) -> io::Result<bool> {
        self.wait(clock::now() + within, |audience| audience.oracle.outstanding() == 0)
    }

    /// The next publisher sends a message; returns whether it could.
    pub fn publish(&mut self, due: Time) -> bool {
        let publisher = self.publishers[self.turn];
        self.turn = (self.turn + 1) % self.publishers.len();
        let counter = self.audience.oracle.next_counter(publisher.id);
        let stamp = Stamp { publisher: publisher.id, counter, due };
        if self.driver.send(publisher.session, &To::Rooms, stamp.body(self.body)).is_err() {
            self.held_back += 1;
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

    /// Messages that a session did not take because too many had no answer.
    #[must_use]
    pub const fn held_back(&self) -> u64 {
        self.held_back
    }
}
