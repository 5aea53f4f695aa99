//! Thousands of client sessions on one thread.
//!
//! A [`Driver`] owns one poll and any number of sessions, each a state machine of
//! [`dialect`](crate::dialect) with a socket. It connects and reconnects as the state machines ask,
//! and hands every event to an [`Observer`]. The owner calls [`Driver::turn`] again and again, and
//! sends in between.
//!
//! Not here: the meaning of messages (the oracle), and the time to send them (schedules).

mod address;
mod connection;
mod disconnect_reason;
mod framing;
mod hub;
mod moves;
mod quic;
mod route;
mod session;
mod sse;
mod timers;
mod trust;
mod tuning;
mod turn;
mod webtransport;
mod wire;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

pub use address::RouteError;
use bytes::Bytes;
pub use comet_protocol::client::{Full, Time};
use disconnect_reason::DisconnectReason;
use hub::{Arrival, Hubs};
use mio::{Events, Poll, Token, Waker};
use route::Dialing;
pub use route::{Route, Transport};
use session::Session;
use timers::Timers;
pub use trust::{Trust, TrustError};
pub use tuning::Tuning;
pub(crate) use wire::reset;

use crate::clock;
use crate::dialect::{Client, ConnectionRequest, Dialect, Side};
pub use crate::dialect::{Destination, Event, Identity};

/// Receiver of the events of sessions.
pub trait Observer {
    /// Something happened to a session.
    fn handle(&mut self, now: Time, session: usize, event: Event<'_>);
}

/// Counts of a driver's connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionCounts {
    /// Connections that were begun.
    pub dials: u64,
    /// Connections that could not be made, or did not open in time.
    pub failed_dials: u64,
    /// Connections that were lost once they were open.
    pub lost: u64,
}

/// Client sessions on one thread.
#[derive(Debug)]
pub struct Driver {
    poll: Poll,
    events: Events,
    ready: Vec<turn::Ready>,
    sessions: Vec<Session>,
    timers: Timers,
    /// Sessions to look at in the next turn, with or without events of the poll.
    listed: Vec<usize>,
    dials: VecDeque<(usize, Side)>,
    dialing: usize,
    hubs: Hubs,
    arrivals: Vec<Arrival>,
    buffer: Box<[u8]>,
    scratch: Vec<u8>,
    tuning: Tuning,
    tally: ConnectionCounts,
    /// The last error of a connection.
    last_error: Option<String>,
}

/// The name of the waker, which is no session.
const WAKER: Token = Token(usize::MAX);
/// Limit of one read.
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
            hubs: Hubs::default(),
            arrivals: Vec::new(),
            buffer: vec![0; BUFFER].into(),
            scratch: Vec::new(),
            tuning,
            tally: ConnectionCounts::default(),
            last_error: None,
        })
    }

    /// Waker that ends a waiting turn from any thread; a driver has one.
    ///
    /// # Errors
    ///
    /// When the system has none.
    pub fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// A session that connects from the next turn on, and its number: they count from 0.
    ///
    /// The seed decides which route comes first, and spreads waits and heartbeats.
    ///
    /// # Panics
    ///
    /// When there is no route.
    pub fn add(
        &mut self,
        dialect: Dialect,
        identity: Identity,
        routes: Arc<[Route]>,
        seed: u64,
    ) -> usize {
        assert!(!routes.is_empty(), "a session needs a way to the server");
        let id = self.sessions.len();
        self.sessions.push(Session {
            client: Client::new(clock::now(), dialect, &identity, &self.tuning.timing, seed),
            connection: None,
            next: None,
            me: Box::new(identity),
            routes,
            seed,
            attempts: 0,
            dialect,
            preferred: None,
            is_wanted: false,
            is_next_wanted: false,
            is_frozen: false,
            is_listed: false,
            may_read: false,
        });
        self.list(id);
        id
    }

    /// The number of sessions, closed ones included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Identity of a session.
    #[must_use]
    pub fn identity(&self, session: usize) -> &Identity {
        &self.sessions[session].me
    }

    /// Counts of connections.
    #[must_use]
    pub const fn tally(&self) -> ConnectionCounts {
        self.tally
    }

    /// The last error of a connection.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Takes a message of a session, to be written in the next turn.
    ///
    /// # Errors
    ///
    /// [`Full`] when the session keeps no more, or is not open and keeps none.
    ///
    /// # Panics
    ///
    /// When the session has no room of this number.
    pub fn send(&mut self, session: usize, to: &Destination, body: Bytes) -> Result<(), Full> {
        self.sessions[session].send(clock::now(), &self.tuning, to, body)?;
        self.list(session);
        Ok(())
    }

    /// Resets a session's connection, as a broken network would.
    pub fn cut(&mut self, session: usize) {
        if let Some(connection) = &mut self.sessions[session].connection {
            connection.reset();
            self.drop_connection(session, Side::Current, &DisconnectReason::Cut);
            self.list(session);
        }
    }

    /// Ends a session as its user would. It has no events any more.
    pub fn close(&mut self, session: usize) {
        self.sessions[session].leave(clock::now());
        self.list(session);
    }

    /// Ends a session as its user would, and its connection by a reset, so that its port is free at
    /// once. Nothing is told of it any more.
    pub fn abandon(&mut self, session: usize) {
        if let Some(connection) = &mut self.sessions[session].connection {
            connection.reset();
        }
        self.close(session);
    }

    /// A session that was closed, or is over, begins anew.
    pub fn reopen(&mut self, session: usize) {
        self.drop_connection(session, Side::Next, &DisconnectReason::Unwanted);
        self.drop_connection(session, Side::Current, &DisconnectReason::Unwanted);
        let timing = &self.tuning.timing;
        let known = &mut self.sessions[session];
        known.seed = known.seed.wrapping_add(1);
        (known.is_wanted, known.is_next_wanted) = (false, false);
        known.client = Client::new(clock::now(), known.dialect, &known.me, timing, known.seed);
        self.list(session);
    }

    /// A session stops: it neither reads nor writes nor times out, and its connection stays.
    pub fn freeze(&mut self, session: usize) {
        self.sessions[session].is_frozen = true;
    }

    /// A session goes on where it stopped.
    pub fn thaw(&mut self, session: usize) {
        self.sessions[session].is_frozen = false;
        self.sessions[session].may_read = true;
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

    /// Writes, emits events, and sets the next timer.
    fn pump(&mut self, now: Time, id: usize, observer: &mut impl Observer) {
        self.follow(id);
        for side in self.sessions[id].sides() {
            if let Err(lost) = self.sessions[id].transmit(side, &mut self.scratch) {
                self.drop_connection(id, side, &lost);
            }
        }
        self.follow(id);
        let emit = &mut |event: Event<'_>| observer.handle(now, id, event);
        while let Some(want) = self.sessions[id].poll(now, &self.tuning, emit) {
            match want {
                ConnectionRequest::Connect => {
                    self.sessions[id].is_wanted = true;
                    self.dials.push_back((id, Side::Current));
                }
                ConnectionRequest::Disconnect => {
                    self.sessions[id].is_wanted = false;
                    self.drop_connection(id, Side::Current, &DisconnectReason::Unwanted);
                }
                ConnectionRequest::DropNext => {
                    self.sessions[id].is_next_wanted = false;
                    self.drop_connection(id, Side::Next, &DisconnectReason::Unwanted);
                }
            }
        }
        self.sessions[id].drive();
        self.timers.arm(id, self.sessions[id].poll_timeout(now));
    }

    /// Puts the other connection in the place of the one that the session has left.
    fn follow(&mut self, id: usize) {
        let session = &mut self.sessions[id];
        if !session.client.has_moved() {
            return;
        }
        // An attempt that has not begun is now one of the session as a whole.
        if std::mem::take(&mut session.is_next_wanted) {
            session.is_wanted = true;
            self.dials.push_back((id, Side::Current));
        }
        let older = std::mem::replace(&mut session.connection, session.next.take());
        if let Some(mut older) = older {
            older.farewell();
        }
        // Events of the poll may have been those of the other.
        session.may_read = true;
        self.list(id);
    }

    /// Begins connections that are wanted, as many as may be under way.
    fn dial(&mut self, now: Time, observer: &mut impl Observer) {
        while self.dialing < self.tuning.dialing {
            let Some((id, side)) = self.dials.pop_front() else { return };
            let session = &mut self.sessions[id];
            let wanted = match side {
                Side::Current => &mut session.is_wanted,
                Side::Next => &mut session.is_next_wanted,
            };
            if !std::mem::take(wanted) {
                continue;
            }
            self.tally.dials += 1;
            if let Err(error) = self.begin(now, id, side) {
                self.tally.failed_dials += 1;
                self.last_error = Some(error.to_string());
                self.sessions[id].client.handle_disconnected(side, clock::now(), &error);
            }
            self.pump(now, id, observer);
        }
    }

    fn begin(&mut self, now: Time, id: usize, side: Side) -> io::Result<()> {
        let deadline = now + self.tuning.dial_timeout;
        let (hubs, registry) = (&mut self.hubs, self.poll.registry());
        let mut connection =
            self.sessions[id].dial(deadline, Dialing { hubs, registry, session: id })?;
        connection.register(self.poll.registry(), Token(id))?;
        *self.sessions[id].at_mut(side) = Some(connection);
        self.dialing += 1;
        Ok(())
    }

    /// Closes the socket and tells the session.
    fn drop_connection(&mut self, id: usize, side: Side, why: &DisconnectReason) {
        let session = &mut self.sessions[id];
        let Some(mut connection) = session.at_mut(side).take() else { return };
        if connection.is_open() {
            self.tally.lost += 1;
        } else {
            self.tally.failed_dials += 1;
        }
        if connection.is_dialing() {
            self.dialing -= 1;
        }
        match why {
            DisconnectReason::Cut => {}
            DisconnectReason::Unwanted => connection.farewell(),
            why => self.last_error = Some(why.to_string()),
        }
        session.client.handle_disconnected(side, clock::now(), why);
    }
}
