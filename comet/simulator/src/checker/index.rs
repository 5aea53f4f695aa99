//! An index of a history: the session of each connection, and the deliveries offered to each
//! session.

use super::session::{Offer, SessionFacts};
use super::{Rule, Violation};
use crate::history::{Attempt, ClientId, Dial, Event, History, Loss, Push, Session, Taken};

/// The facts of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) dial: Dial,
    /// The ticket presented on it, and the place in the history.
    pub(super) ticket: Option<Ticket>,
    /// Its session, and the place in the history at which it got it.
    pub(super) session: Option<(Session, usize)>,
    /// Whether the router was told that this session is resumed.
    pub(super) goes_on: bool,
    pub(super) opened: Option<Opened>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) of: Option<Attempt>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) resumed: bool,
    pub(super) loss: Loss,
}

/// An index of a history.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) history: &'a History,
    pub(super) connections: Vec<Option<Connection>>,
    pub(super) sessions: Vec<SessionFacts>,
    /// Clients with a session at rest, and the connection of each.
    pub(super) standing: Vec<(ClientId, Attempt)>,
    pub(super) rested: Option<usize>,
    /// Places at which the wall clock was stepped.
    pub(super) steps: Vec<usize>,
    /// Resume TTL of each gateway, in microseconds.
    pub(super) ttl: Vec<u64>,
    /// Place, gateway and push.
    pushes: Vec<(usize, u32, Push)>,
}

impl<'a> Index<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let mut index = Self {
            history,
            connections: Vec::new(),
            sessions: Vec::new(),
            standing: Vec::new(),
            rested: None,
            steps: Vec::new(),
            ttl: Vec::new(),
            pushes: Vec::new(),
        };
        for (place, entry) in history.iter() {
            index.take_client(place, &entry.event);
            index.take_router(place, &entry.event);
            index.take_world(place, &entry.event);
        }
        index
    }

    pub(super) fn connection(&self, attempt: Attempt) -> Option<&Connection> {
        self.connections.get(attempt.index())?.as_ref()
    }

    pub(super) fn session(&self, session: Session) -> Option<&SessionFacts> {
        self.sessions.get(session.index())
    }

    pub(super) fn session_of(&self, attempt: Attempt) -> Option<&SessionFacts> {
        self.session(self.connection(attempt)?.session?.0)
    }

    /// Whether the session's client has an open session at rest, and it is this one.
    pub(super) fn stands(&self, session: &SessionFacts) -> bool {
        self.standing.iter().any(|(_, attempt)| {
            self.connection(*attempt).and_then(|at| at.session).map(|at| at.0) == Some(session.name)
        })
    }

    /// A violation concerning a session.
    pub(super) fn violation(
        &self,
        rule: Rule,
        place: usize,
        session: &SessionFacts,
        what: String,
    ) -> Violation {
        let at = self.history.time(place);
        Violation { rule, at, client: Some(session.dial.client), session: Some(session.name), what }
    }

    fn take_client(&mut self, place: usize, event: &Event) {
        match *event {
            Event::Dialed(dial) => {
                let at = dial.attempt.index();
                if self.connections.len() <= at {
                    self.connections.resize_with(at + 1, || None);
                }
                let (ticket, session, goes_on, opened) = (None, None, false, None);
                self.connections[at] = Some(Connection { dial, ticket, session, goes_on, opened });
            }
            Event::ShowedTicket { attempt, of } => {
                if let Some(connection) = self.connection_mut(attempt) {
                    connection.ticket = Some(Ticket { of });
                }
            }
            Event::Opened { attempt, resumed, loss } => {
                if let Some(connection) = self.connection_mut(attempt) {
                    connection.opened = Some(Opened { resumed, loss });
                }
            }
            Event::Saw { attempt, .. } | Event::SawGap { attempt, .. } => {
                let connection = self.connection(attempt).filter(|at| !at.dial.forged);
                if let Some((session, _)) = connection.and_then(|at| at.session) {
                    self.sessions[session.index()].deliveries.sights.push(place);
                }
            }
            Event::Stands { client, attempt } => self.standing.push((client, attempt)),
            _ => {}
        }
    }

    fn take_router(&mut self, place: usize, event: &Event) {
        match *event {
            Event::Connected { session, attempt, gateway } => {
                self.connect(place, session, attempt, gateway);
            }
            Event::Resumed { session, attempt } => {
                if let Some(connection) = self.connection_mut(attempt) {
                    connection.session = Some((session, place));
                    connection.goes_on = true;
                }
                self.with(session, |facts| facts.life.resume(place, attempt));
            }
            Event::Parked { session, .. } => self.with(session, |facts| facts.life.park(place)),
            Event::Ended { session, reason } => {
                self.with(session, |facts| facts.life.end(place, reason))
            }
            Event::Acked { session, push } => {
                self.with(session, |facts| facts.deliveries.acked.push((place, push)));
            }
            Event::Missing { session, .. } => {
                self.with(session, |facts| facts.deliveries.missing.push(place));
            }
            Event::Dropped { session, ref gap } => {
                let count = gap.count;
                self.with(session, |facts| facts.deliveries.dropped += count);
            }
            Event::Joined { session, room } => self.with(session, |facts| facts.join(room)),
            Event::Left { session, room } => self.with(session, |facts| facts.leave(room)),
            _ => {}
        }
    }

    fn take_world(&mut self, place: usize, event: &Event) {
        match *event {
            Event::Began { ttl, .. } => self.ttl.push(ttl),
            Event::ClockStepped { .. } => self.steps.push(place),
            Event::Rested => self.rested = Some(place),
            Event::Pushed { push, gateway, taken } => {
                // A letter whose push is given up is pushed again under another id.
                let is_certain = taken == Taken::Yes && push.letter.is_none();
                let here = self.sessions.iter_mut().filter(|facts| facts.gateway == gateway);
                here.for_each(|facts| facts.offer(push, place, is_certain));
                self.pushes.push((place, gateway, push));
            }
            _ => {}
        }
    }

    fn connect(&mut self, place: usize, name: Session, attempt: Attempt, gateway: u32) {
        let Some(connection) = self.connection_mut(attempt) else { return };
        connection.session = Some((name, place));
        let dial = connection.dial;
        if name.index() != self.sessions.len() {
            return;
        }
        let now = self.history.time(place);
        let same_moment = self.pushes.iter().rev().take_while(|at| self.history.time(at.0) == now);
        // Commands at the same time may be executed after the session has begun.
        let mut offers: Vec<Offer> = same_moment
            .filter(|(_, on, push)| *on == gateway && push.may_mean(dial.user))
            .map(|(place, _, push)| Offer {
                push: *push,
                place: *place,
                is_certain: false,
                while_parked: false,
            })
            .collect();
        offers.reverse();
        self.sessions.push(SessionFacts::new(name, gateway, dial, place, offers));
    }

    fn connection_mut(&mut self, attempt: Attempt) -> Option<&mut Connection> {
        self.connections.get_mut(attempt.index())?.as_mut()
    }

    fn with(&mut self, session: Session, change: impl FnOnce(&mut SessionFacts)) {
        if let Some(facts) = self.sessions.get_mut(session.index()) {
            change(facts);
        }
    }
}
