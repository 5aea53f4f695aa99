//! The socket and the poll of a thread, before the threads know each other.

use std::io;
use std::net::SocketAddr;

use mio::Poll;

use super::SOCKET;
use super::socket::Socket;
use crate::config::Config;

/// A thread's socket and poll, before the threads know each other.
pub(crate) struct Seat {
    pub(crate) poll: Poll,
    pub(super) socket: Socket,
}

impl Seat {
    /// Binds a socket.
    pub(crate) fn new(address: SocketAddr, is_shared: bool, config: &Config) -> io::Result<Self> {
        let mut socket = Socket::bind(address, is_shared, config.socket_buffer)?;
        let poll = Poll::new()?;
        socket.register(poll.registry(), SOCKET)?;
        Ok(Self { poll, socket })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.address()
    }
}
