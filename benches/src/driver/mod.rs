//! Thousands of client sessions on one thread.
//!
//! A [`Driver`] owns one poll and any number of sessions, each a state machine of
//! [`comet_protocol::client`] with a socket. It connects and comes back as the state machines
//! say, and hands everything that happens to an [`Observer`]. The owner calls
//! [`Driver::turn`] again and again, and sends in between.
//!
//! Not here: what messages mean, whether they are right (the oracle), when to send (schedules).

mod connection;
mod framing;
mod poll;
mod route;
mod session;
mod timers;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{ClientSession, Config, Event, Full, Link, Time};
use comet_protocol::comet::Seq;
use connection::Connection;
use mio::{Events, Poll, Token};
pub(crate) use route::reset;
pub use route::{Route, Transport};
use session::Session;
use timers::Timers;

use crate::clock;

/// Who learns what happens to the sessions.
pub trait Observer {
    /// Something happened to a session; its requests to connect and disconnect are not told.
    fn handle(&mut self, now: Time, session: usize, event: Event);
}

/// Settings of a [`Driver`].
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Connections that may be under way at once: more than a listener's backlog are lost.
    pub dialing: usize,
    /// How long a connection and the opening of its transport may take.
    pub dial_timeout: Duration,
    /// The kernel's buffer for what arrives, if not its own choice.
    pub receive_buffer: Option<usize>,
    /// Burn the last part of a millisecond instead of oversleeping.
    pub is_precise: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            dialing: 256,
            dial_timeout: Duration::from_secs(10),
            receive_buffer: None,
            is_precise: false,
        }
    }
}

/// What the sockets of a driver went through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Connections that were begun.
    pub dials: u64,
    /// Those that could not be made, or did not open in time.
    pub failed_dials: u64,
    /// Connections that were lost once they were open.
    pub lost: u64,
}

/// Client sessions on one thread.
#[derive(Debug)]
pub struct Driver {
    poll: Poll,
    events: Events,
    ready: Vec<poll::Ready>,
    sessions: Vec<Session>,
    timers: Timers,
    /// Sessions to look at in the next turn, whatever the poll says.
    listed: Vec<usize>,
    dials: VecDeque<usize>,
    dialing: usize,
    buffer: Box<[u8]>,
    scratch: Vec<u8>,
    tuning: Tuning,
    tally: Tally,
}

/// What one read takes at most.
const BUFFER: usize = 64 * 1024;

impl Driver {
    /// A driver without sessions.
    ///
    /// # Errors
    ///
    /// When the system has no more polls.
    pub fn new(tuning: Tuning) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            ready: Vec::new(),
            sessions: Vec::new(),
            timers: Timers::default(),
            listed: Vec::new(),
            dials: VecDeque::new(),
            dialing: 0,
            buffer: vec![0; BUFFER].into(),
            scratch: Vec::new(),
            tuning,
            tally: Tally::default(),
        })
    }

    /// A session that connects from the next turn on, and its number: they count from 0.
    ///
    /// The seed says which route comes first, and spreads the waits.
    ///
    /// # Panics
    ///
    /// When there is no route.
    pub fn add(&mut self, config: Config, routes: Arc<[Route]>, seed: u64) -> usize {
        assert!(!routes.is_empty(), "a session needs a way to the gateway");
        let id = self.sessions.len();
        self.sessions.push(Session {
            client: ClientSession::new(clock::now(), config, seed),
            connection: None,
            wanted: None,
            routes,
            attempts: 0,
            is_frozen: false,
            is_listed: false,
            seed,
        });
        self.list(id);
        id
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// What the sockets went through.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes a message of a session, to be written in the next turn.
    ///
    /// # Errors
    ///
    /// [`Full`] when the session keeps no more.
    pub fn send(&mut self, session: usize, body: Bytes) -> Result<Seq, Full> {
        let seq = self.sessions[session].client.send(clock::now(), body)?;
        self.list(session);
        Ok(seq)
    }

    /// Resets a session's connection, as a broken network would.
    pub fn cut(&mut self, session: usize) {
        if let Some(connection) = &self.sessions[session].connection {
            connection.reset();
            self.drop_connection(session);
            self.list(session);
        }
    }

    /// A session stops: it reads nothing, says nothing and waits for nothing, and its connection
    /// stays.
    pub fn freeze(&mut self, session: usize) {
        self.sessions[session].is_frozen = true;
    }

    /// A session goes on where it stopped.
    pub fn thaw(&mut self, session: usize) {
        self.sessions[session].is_frozen = false;
        self.list(session);
    }

    /// Looks at a session in the next turn.
    fn list(&mut self, id: usize) {
        let session = &mut self.sessions[id];
        if !session.is_listed {
            session.is_listed = true;
            self.listed.push(id);
        }
    }

    /// Writes what is to be said, tells what happened, and notes when to look again.
    fn pump(&mut self, now: Time, id: usize, observer: &mut impl Observer) {
        if self.sessions[id].transmit(&mut self.scratch).is_err() {
            self.drop_connection(id);
        }
        while let Some(event) = self.sessions[id].client.poll_event() {
            match event {
                Event::Connect(link) => self.want(id, link),
                Event::Disconnect(link) => self.disconnect(id, link),
                event => observer.handle(now, id, event),
            }
        }
        self.timers.arm(id, self.sessions[id].poll_timeout());
    }

    fn want(&mut self, id: usize, link: Link) {
        self.sessions[id].wanted = Some(link);
        self.dials.push_back(id);
    }

    /// Begins connections that are wanted, as many as may be under way.
    fn dial(&mut self, now: Time, observer: &mut impl Observer) {
        while self.dialing < self.tuning.dialing {
            let Some(id) = self.dials.pop_front() else { return };
            let session = &mut self.sessions[id];
            let Some(link) = session.wanted.take() else { continue };
            self.tally.dials += 1;
            if self.begin(now, id, link).is_err() {
                self.tally.failed_dials += 1;
                self.sessions[id].client.handle_disconnected(clock::now(), link);
            }
            self.pump(now, id, observer);
        }
    }

    fn begin(&mut self, now: Time, id: usize, link: Link) -> io::Result<()> {
        let session = &mut self.sessions[id];
        let route = session.next_route();
        let deadline = now + self.tuning.dial_timeout;
        let random = session.seed.wrapping_add(session.attempts as u64);
        let buffer = self.tuning.receive_buffer;
        let mut connection = Connection::dial(&route, buffer, (link, deadline), random)?;
        connection.register(self.poll.registry(), Token(id))?;
        session.connection = Some(connection);
        self.dialing += 1;
        Ok(())
    }

    /// The session gives its connection up.
    fn disconnect(&mut self, id: usize, link: Link) {
        let session = &mut self.sessions[id];
        session.wanted.take_if(|wanted| *wanted == link);
        if session.connection.as_ref().is_some_and(|connection| connection.link == link) {
            self.drop_connection(id);
        }
    }

    /// Closes the socket and tells the session.
    fn drop_connection(&mut self, id: usize) {
        let session = &mut self.sessions[id];
        let Some(connection) = session.connection.take() else { return };
        if connection.is_open() {
            self.tally.lost += 1;
        } else {
            self.tally.failed_dials += 1;
        }
        if connection.is_dialing() {
            self.dialing -= 1;
        }
        session.client.handle_disconnected(clock::now(), connection.link);
    }
}
