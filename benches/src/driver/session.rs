//! One session of the driver: a state machine and its current connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{Full, Time};

use super::connection::Connection;
use super::disconnect_reason::DisconnectReason;
use super::framing::TransportEvent;
use super::hub::Arrival;
use super::quic::Quic;
use super::route::Dialing;
use super::{Route, Tuning};
use crate::dialect::{
    CallContext, Client, ConnectionRequest, Destination, Dialect, Event, Identity, Side,
};

/// Interval between looks at what is due of a session whose connection takes nothing.
const BLOCKED: Duration = Duration::from_millis(5);

/// A session and its connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) connection: Option<Connection>,
    /// The connection that is to take over from it.
    pub(super) next: Option<Connection>,
    pub(super) me: Box<Identity>,
    pub(super) routes: Arc<[Route]>,
    pub(super) seed: u64,
    pub(super) attempts: u32,
    pub(super) dialect: Dialect,
    /// The way of the next attempt, if it is not to be drawn.
    pub(super) preferred: Option<usize>,
    /// The state machine asks for a connection.
    pub(super) is_wanted: bool,
    /// It is to get a connection that takes over.
    pub(super) is_next_wanted: bool,
    /// It neither reads nor writes nor looks at the clock.
    pub(super) is_frozen: bool,
    /// It has a place in the list of those to be looked at in the next turn.
    pub(super) is_listed: bool,
    /// There may be something to read that the poll does not tell of again.
    pub(super) may_read: bool,
}

impl Session {
    /// The way that the next attempt takes: another one each time.
    pub(super) fn next_route(&mut self) -> &Route {
        let first = usize::try_from(self.seed % (1 << 31)).unwrap_or(0);
        let at = (first + self.attempts as usize) % self.routes.len();
        let at = self.preferred.take().filter(|at| *at < self.routes.len()).unwrap_or(at);
        self.attempts = self.attempts.wrapping_add(1);
        &self.routes[at]
    }

    /// Begins to connect by the next way.
    pub(super) fn dial(&mut self, deadline: Time, dialing: Dialing<'_>) -> io::Result<Connection> {
        let random = self.seed.wrapping_add(self.attempts.into());
        let dialect = self.dialect;
        let route = self.next_route().clone();
        let who = (dialect, &*self.me);
        Connection::dial(&route, who, deadline, random, dialing)
    }

    /// Time of the next action if nothing comes.
    pub(super) fn poll_timeout(&mut self, now: Time) -> Option<Time> {
        let transport = self.poll_transport_timeout();
        let both = [&self.connection, &self.next].into_iter().flatten();
        let opening = both.filter(|connection| !connection.is_open());
        let deadline = opening.map(|connection| connection.deadline).min();
        // What is due of a session waits for its connection to take it.
        let is_blocked =
            self.connection.as_ref().is_some_and(|it| it.is_open() && !it.is_flushed());
        let soon = if is_blocked { now + BLOCKED } else { Time::default() };
        let client = self.client.poll_timeout().map(|due| due.max(soon));
        [transport, deadline, client].into_iter().flatten().min()
    }

    /// Time at which a transport has something to do by itself.
    pub(super) fn poll_transport_timeout(&mut self) -> Option<Time> {
        let both = [&mut self.connection, &mut self.next].into_iter().flatten();
        both.filter_map(Connection::poll_timeout).min()
    }

    /// The transport does what is due.
    pub(super) fn drive(&mut self) {
        let both = [&mut self.connection, &mut self.next].into_iter().flatten();
        for quic in both.filter_map(Connection::quic) {
            quic.handle_timeout();
            quic.settle();
        }
    }

    /// Its sockets of UDP have other addresses.
    pub(super) fn handle_moved(&mut self) {
        let both = [&mut self.connection, &mut self.next].into_iter().flatten();
        both.filter_map(Connection::quic).for_each(Quic::handle_moved);
    }

    /// A datagram came for one of its connections.
    pub(super) fn handle_datagram(&mut self, hub: usize, arrival: Arrival) {
        let both = [&mut self.connection, &mut self.next].into_iter().flatten();
        let mut quic = both.filter_map(Connection::quic);
        if let Some(quic) = quic.find(|quic| quic.is(hub, arrival.handle)) {
            quic.handle_event(arrival.event);
        }
    }

    /// The socket can be written to.
    pub(super) fn handle_writable(
        &mut self,
        side: Side,
        (now, tuning): (Time, &Tuning),
        scratch: &mut Vec<u8>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DisconnectReason> {
        let (client, at) = (&mut self.client, moment(&self.me, now, tuning));
        let connection = match side {
            Side::Current => &mut self.connection,
            Side::Next => &mut self.next,
        };
        let Some(connection) = connection else { return Ok(()) };
        if connection.handle_writable()? {
            connection
                .write_packets(scratch, |out| client.handle_connected(side, &at, out, emit))?;
        }
        Ok(())
    }

    /// Hands received bytes to the state machine.
    pub(super) fn handle_input(
        &mut self,
        side: Side,
        (now, tuning): (Time, &Tuning),
        input: &mut [u8],
        scratch: &mut Vec<u8>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DisconnectReason> {
        let (client, at) = (&mut self.client, moment(&self.me, now, tuning));
        let connection = match side {
            Side::Current => &mut self.connection,
            Side::Next => &mut self.next,
        };
        let Some(connection) = connection else { return Ok(()) };
        connection.read(input, scratch, |said, out| match said {
            TransportEvent::Opened => {
                client.handle_connected(side, &at, out, emit);
                Ok(())
            }
            TransportEvent::Bytes(bytes) => Ok(client.handle_bytes(side, &at, bytes, out, emit)?),
            TransportEvent::Ping(_) | TransportEvent::Pong => {
                client.handle_alive();
                Ok(())
            }
        })?;
        // Answers to a server that does not read them are not kept without end.
        match connection.unsent() {
            unsent if unsent > tuning.unsent.saturating_mul(4) => {
                Err(DisconnectReason::Unread(unsent))
            }
            _ => Ok(()),
        }
    }

    /// Time has passed.
    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        tuning: &Tuning,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DisconnectReason> {
        let (client, at) = (&mut self.client, moment(&self.me, now, tuning));
        match &mut self.connection {
            Some(connection) if !connection.is_open() && connection.deadline <= now => {
                Err(DisconnectReason::Late)
            }
            Some(connection) => {
                connection
                    .write_packets(scratch, |out| client.handle_timeout(&at, Some(out)))??;
                Ok(())
            }
            None => Ok(client.handle_timeout(&at, None)?),
        }
    }

    /// Takes a message, to be written in the next turn.
    pub(super) fn send(
        &mut self,
        now: Time,
        tuning: &Tuning,
        to: &Destination,
        body: Bytes,
    ) -> Result<(), Full> {
        let (client, at) = (&mut self.client, moment(&self.me, now, tuning));
        match &mut self.connection {
            Some(connection) if connection.unsent() < tuning.unsent => {
                connection.say_later(|out| client.send(&at, to, body, Some(out)))
            }
            Some(_) => Err(Full(body)),
            None => client.send(&at, to, body, None),
        }
    }

    /// Writes the output of the state machine, as long as the socket takes it.
    pub(super) fn transmit(
        &mut self,
        side: Side,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DisconnectReason> {
        let connection = match side {
            Side::Current => &mut self.connection,
            Side::Next => &mut self.next,
        };
        let Some(connection) = connection else { return Ok(()) };
        loop {
            connection.flush()?;
            let client = &mut self.client;
            let is_more = connection.is_flushed()
                && connection.is_open()
                && connection.write_packets(scratch, |out| client.transmit(side, out))?;
            if !is_more {
                return Ok(());
            }
        }
    }

    /// Ends the session by its owner's wish.
    pub(super) fn leave(&mut self, now: Time) {
        let client = &mut self.client;
        match &mut self.connection {
            Some(connection) => connection.say_later(|out| client.leave(now, Some(out))),
            None => client.leave(now, None),
        }
    }

    /// Whether its connection is not there yet.
    pub(super) fn is_dialing(&self, side: Side) -> bool {
        self.at(side).is_some_and(Connection::is_dialing)
    }

    pub(super) const fn at(&self, side: Side) -> Option<&Connection> {
        match side {
            Side::Current => self.connection.as_ref(),
            Side::Next => self.next.as_ref(),
        }
    }

    pub(super) const fn at_mut(&mut self, side: Side) -> &mut Option<Connection> {
        match side {
            Side::Current => &mut self.connection,
            Side::Next => &mut self.next,
        }
    }

    /// Sides on which there is a connection.
    pub(super) fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        let is_there = [self.connection.is_some(), self.next.is_some()];
        [Side::Current, Side::Next].into_iter().zip(is_there).filter_map(|it| it.1.then_some(it.0))
    }

    /// Whether the connection that is to take over has not opened in time.
    pub(super) fn is_next_late(&self, now: Time) -> bool {
        self.next.as_ref().is_some_and(|next| !next.is_open() && next.deadline <= now)
    }

    /// The next demand of the state machine, after its events.
    pub(super) fn poll(
        &mut self,
        now: Time,
        tuning: &Tuning,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Option<ConnectionRequest> {
        let at = moment(&self.me, now, tuning);
        self.client.poll(&at, emit)
    }
}

fn moment<'a>(me: &'a Identity, now: Time, tuning: &'a Tuning) -> CallContext<'a> {
    CallContext { now, me, timing: &tuning.timing }
}
