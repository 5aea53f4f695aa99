//! One session of the driver: its state machine, and the connection that it has at the moment.

use std::io;
use std::sync::Arc;

use comet_protocol::client::{ClientSession, Link, Time};

use super::Route;
use super::connection::Connection;
use super::framing::{Broken, Said};

/// A session and its connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: ClientSession,
    pub(super) connection: Option<Connection>,
    /// The connection that the state machine asks for.
    pub(super) wanted: Option<Link>,
    pub(super) routes: Arc<[Route]>,
    pub(super) attempts: usize,
    /// It neither reads nor writes nor looks at the clock.
    pub(super) is_frozen: bool,
    /// It has a place in the list of those to be looked at in the next turn.
    pub(super) is_listed: bool,
    pub(super) seed: u64,
}

/// Why a connection is of no more use.
#[derive(Debug)]
pub(super) struct Lost;

impl From<io::Error> for Lost {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<Broken> for Lost {
    fn from(_: Broken) -> Self {
        Self
    }
}

impl Session {
    /// The way that the next attempt takes: another one each time.
    pub(super) fn next_route(&mut self) -> Route {
        let first = usize::try_from(self.seed % (1 << 31)).unwrap_or(0);
        let route = self.routes[(first + self.attempts) % self.routes.len()];
        self.attempts += 1;
        route
    }

    /// When something has to happen even if nothing comes.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let opening = self.connection.as_ref().filter(|connection| !connection.is_open());
        let deadline = opening.map(|connection| connection.deadline);
        [deadline, self.client.poll_timeout()].into_iter().flatten().min()
    }

    /// The transport did not open in time.
    pub(super) fn is_overdue(&self, now: Time) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| !connection.is_open() && connection.deadline <= now)
    }

    /// Hands on what was received.
    pub(super) fn handle_input(&mut self, now: Time, input: &mut [u8]) -> Result<(), Lost> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let (link, client, mut closed) = (connection.link, &mut self.client, false);
        connection.read(input, |said| match said {
            Said::Opened => client.handle_connected(now, link),
            Said::Bytes(bytes) if !closed => client.handle_bytes(now, link, bytes),
            Said::Closed => closed = true,
            Said::Bytes(_) | Said::Answer(_) => {}
        })?;
        connection.flush()?;
        if closed { Err(Lost) } else { Ok(()) }
    }

    /// Writes what the state machine wants to say, as long as the socket takes it.
    pub(super) fn transmit(&mut self, scratch: &mut Vec<u8>) -> Result<(), Lost> {
        loop {
            if self.connection.as_ref().is_some_and(|connection| !connection.is_flushed()) {
                return Ok(());
            }
            let Some(packets) = self.client.poll_transmit() else { return Ok(()) };
            if let Some(connection) = &mut self.connection {
                connection.write(&packets, scratch)?;
            }
        }
    }
}
