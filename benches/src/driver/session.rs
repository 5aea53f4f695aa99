//! One session of the driver: a state machine and its current connection.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use comet_protocol::client::{Full, Time};

use super::connection::Connection;
use super::disconnect_reason::DisconnectReason;
use super::framing::TransportEvent;
use super::{Route, Tuning};
use crate::dialect::{
    CallContext, Client, ConnectionRequest, Destination, Dialect, Event, Identity,
};

/// A session and its connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) connection: Option<Connection>,
    pub(super) me: Box<Identity>,
    pub(super) routes: Arc<[Route]>,
    pub(super) seed: u64,
    pub(super) attempts: u32,
    pub(super) dialect: Dialect,
    /// The state machine asks for a connection.
    pub(super) is_wanted: bool,
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
        self.attempts = self.attempts.wrapping_add(1);
        &self.routes[at]
    }

    /// Begins to connect by the next way.
    pub(super) fn dial(&mut self, deadline: Time) -> io::Result<Connection> {
        let random = self.seed.wrapping_add(self.attempts.into());
        let dialect = self.dialect;
        let route = self.next_route().clone();
        let who = (dialect, &*self.me);
        Connection::dial(&route, who, deadline, random)
    }

    /// Time of the next action if nothing comes.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let opening = self.connection.as_ref().filter(|connection| !connection.is_open());
        let deadline = opening.map(|connection| connection.deadline);
        [deadline, self.client.poll_timeout()].into_iter().flatten().min()
    }

    /// The socket can be written to.
    pub(super) fn handle_writable(
        &mut self,
        now: Time,
        tuning: &Tuning,
        scratch: &mut Vec<u8>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DisconnectReason> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.handle_writable()? {
            let (client, at) = (&mut self.client, moment(&self.me, now, tuning));
            connection.write_packets(scratch, |out| client.handle_connected(&at, out, emit))?;
        }
        Ok(())
    }

    /// Hands received bytes to the state machine.
    pub(super) fn handle_input(
        &mut self,
        now: Time,
        tuning: &Tuning,
        input: &mut [u8],
        scratch: &mut Vec<u8>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DisconnectReason> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let (client, at) = (&mut self.client, moment(&self.me, now, tuning));
        connection.read(input, scratch, |said, out| match said {
            TransportEvent::Opened => {
                client.handle_connected(&at, out, emit);
                Ok(())
            }
            TransportEvent::Bytes(bytes) => Ok(client.handle_bytes(&at, bytes, out, emit)?),
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
    pub(super) fn transmit(&mut self, scratch: &mut Vec<u8>) -> Result<(), DisconnectReason> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        loop {
            connection.flush()?;
            let client = &mut self.client;
            let is_more = connection.is_flushed()
                && connection.is_open()
                && connection.write_packets(scratch, |out| client.transmit(out))?;
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
    pub(super) fn is_dialing(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_dialing)
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
