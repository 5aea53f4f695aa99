//! Sessions that move: to another route, or to another address of this machine.

use std::io;

use super::Driver;
use super::connection::Connection;
use super::session::Session;
use crate::clock;
use crate::dialect::Side;

impl Driver {
    /// Cuts a session's connection such that the server does not learn of it, if the transport can:
    /// over UDP.
    pub fn lose(&mut self, session: usize) {
        let connection = self.sessions[session].connection.as_mut();
        if let Some(quic) = connection.and_then(Connection::quic) {
            quic.vanish();
        }
        self.cut(session);
    }

    /// Begins to move a session to the route of this number, while the connection that it has works
    /// on; false if it cannot be moved now.
    pub fn switch(&mut self, session: usize, route: usize) -> bool {
        let known = &mut self.sessions[session];
        if known.is_frozen || !known.client.switch(clock::now()) {
            return false;
        }
        (known.preferred, known.is_next_wanted) = (Some(route), true);
        self.dials.push_back((session, Side::Next));
        true
    }

    /// The route that a session takes when it connects the next time.
    pub fn prefer(&mut self, session: usize, route: usize) {
        self.sessions[session].preferred = Some(route);
    }

    /// Gives the UDP sockets other ports, under the connections that they carry, which tell the
    /// server: as a client that moves to another network.
    ///
    /// # Errors
    ///
    /// The system has no more sockets.
    pub fn move_udp(&mut self) -> io::Result<()> {
        self.hubs.move_all(self.poll.registry())?;
        self.sessions.iter_mut().for_each(Session::handle_moved);
        Ok(())
    }
}
