//! The network between clients and gateways, and its faults.
//!
//! Bytes are delayed, split, held back, and cut off at any point; they are never reordered within a
//! connection, nor corrupted. Where a connection has lanes, each is such a stream, and datagrams
//! are lost, repeated and reordered.
//!
//! Not here: the times of connections, and their contents.

mod arrived;
mod connection;
mod endpoint;
mod faults;
mod lanes;
mod pipe;
mod side;
mod websocket;

pub(crate) use arrived::Arrived;
pub(crate) use connection::Connection;
pub(crate) use endpoint::Endpoint;
pub(crate) use lanes::LanesEndpoint;
pub(crate) use pipe::Ending;

use crate::history::Attempt;
use crate::random::Random;

/// The connections that are not closed on both sides.
#[derive(Debug, Default)]
pub(crate) struct Network {
    connections: Vec<Connection>,
    attempts: u32,
}

impl Network {
    /// The number of another attempt to connect.
    pub(crate) const fn next_attempt(&mut self) -> Attempt {
        let attempt = Attempt(self.attempts);
        self.attempts += 1;
        attempt
    }

    /// Number of attempts so far.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Adds a connection that is established.
    pub(crate) fn add(&mut self, connection: Connection) {
        self.connections.push(connection);
    }

    /// Sends bytes of a client.
    pub(crate) fn send(&mut self, now: u64, attempt: Attempt, bytes: &[u8], random: &mut Random) {
        if let Some(connection) = self.find(attempt) {
            connection.send(now, bytes, random);
        }
    }

    /// Closes the client's end of a connection, with or without notice.
    pub(crate) fn leave(
        &mut self,
        now: u64,
        attempt: Attempt,
        ending: Option<Ending>,
        random: &mut Random,
    ) {
        if let Some(connection) = self.find(attempt) {
            connection.leave(now, ending, random);
        }
    }

    fn find(&mut self, attempt: Attempt) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.attempt() == attempt)
    }

    /// Time of the next event.
    pub(crate) fn next(&self) -> Option<u64> {
        self.connections.iter().filter_map(Connection::next).min()
    }

    /// Passes arrived bytes to the gateways.
    pub(crate) fn carry_up(&mut self, now: u64, random: &mut Random) {
        for connection in &mut self.connections {
            connection.carry_up(now, random);
        }
    }

    /// Collects the output of the gateways after a turn. Returns whether that may let them do more.
    pub(crate) fn collect_turn(&mut self, now: u64, random: &mut Random) -> bool {
        let mut any = false;
        for connection in &mut self.connections {
            any |= connection.collect_turn(now, random);
        }
        any
    }

    /// Number of connections.
    pub(crate) const fn len(&self) -> usize {
        self.connections.len()
    }

    /// Takes the arrivals for the client of a connection, given by its index.
    pub(crate) fn carry_down(
        &mut self,
        at: usize,
        now: u64,
        random: &mut Random,
        out: &mut Vec<Arrived>,
    ) -> Attempt {
        self.connections[at].carry_down(now, random, out);
        self.connections[at].attempt()
    }

    /// Ends all faults.
    pub(crate) fn heal(&mut self, now: u64) {
        self.connections.iter_mut().for_each(|connection| connection.heal(now));
    }

    /// Lets go of connections that are closed on both sides.
    pub(crate) fn remove_closed(&mut self) {
        self.connections.retain(|connection| !connection.is_over());
    }
}
