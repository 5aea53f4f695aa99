//! Adoption of connections made elsewhere: first a place, then the socket.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bytes::Bytes;

use crate::AdoptError;
use crate::gateway::Gateway;
use crate::proxies::Client;
use crate::shard::Arrival;
use crate::shard::command::Command;
use crate::shard::liveness::Liveness;
use crate::shard::socket::Socket;
use crate::shard::{Full, Visitor};
use crate::shard::{Shared, Transport};

/// A reserved place for one connection, counted like an accepted one, and released when dropped. It
/// keeps no resources of a gateway that stops meanwhile.
#[derive(Debug)]
#[must_use = "a place that is not used is given back"]
pub struct Place {
    shared: Arc<Shared>,
    shard: usize,
    visitor: Option<Visitor>,
    is_taken: bool,
}

impl Place {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        shard: usize,
        client: Client,
    ) -> Result<Self, AdoptError> {
        let visitor =
            shared.entrance.enter(shared.clock.now(), client).map_err(|full| match full {
                Full::Connections => AdoptError::TooMany,
                Full::Address => AdoptError::TooManyOfAddress,
            })?;
        Ok(Self { shared: Arc::clone(shared), shard, visitor, is_taken: false })
    }

    /// Takes over a connection on which a WebSocket upgrade has been answered. `leftover`: bytes
    /// read beyond the request. The dialect is detected from the first frame; the handshake
    /// deadline begins now.
    ///
    /// # Errors
    ///
    /// [`AdoptError::Socket`] when the socket is not usable.
    pub fn adopt(self, stream: TcpStream, leftover: Bytes) -> Result<(), AdoptError> {
        self.adopt_as(stream, Transport::websocket(), leftover)
    }

    /// [`adopt`](Self::adopt) of a plain TCP connection. `leftover`: bytes already read.
    ///
    /// # Errors
    ///
    /// [`AdoptError::Socket`] when the socket is not usable.
    pub fn adopt_tcp(self, stream: TcpStream, leftover: Bytes) -> Result<(), AdoptError> {
        self.adopt_as(stream, Transport::Stream, leftover)
    }

    fn adopt_as(
        mut self,
        stream: TcpStream,
        transport: Transport,
        leftover: Bytes,
    ) -> Result<(), AdoptError> {
        let socket = Socket::from_std(stream, &Liveness::new(&self.shared.config))?;
        let visitor = self.visitor.take();
        self.is_taken = true;
        let arrival = Arrival::adopted(socket, transport, visitor, leftover);
        self.shared.mailboxes[self.shard].post(Command::Arrive(Box::new(arrival)));
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_taken {
            self.shared.entrance.leave(self.shared.clock.now(), self.visitor);
        }
    }
}

impl Gateway {
    /// Reserves a place for a connection of this client before its upgrade is answered, so that a
    /// refusal can still be sent as a response. Counted against
    /// [`Config::max_connections`](crate::Config::max_connections) and the limits of its address
    /// from now on.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when there is no place, or the gateway takes no connections.
    pub fn reserve(&self, client: Client) -> Result<Place, AdoptError> {
        Place::new(self.shared(), self.next_adopter()?, client)
    }

    /// Takes over a connection on which a WebSocket upgrade has been answered, by an HTTP server
    /// for instance, without a [`reserve`](Self::reserve)d place. It counts for the address of its
    /// socket, or for none if that is a trusted proxy's.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when the socket is not usable, there is no place, or the gateway takes no
    /// connections.
    pub fn adopt(&self, stream: TcpStream, leftover: Bytes) -> Result<(), AdoptError> {
        self.reserve(self.client_at(stream.peer_addr()?))?.adopt(stream, leftover)
    }

    /// [`adopt`](Self::adopt) of a plain TCP connection. `leftover`: bytes already read.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when the socket is not usable, there is no place, or the gateway takes no
    /// connections.
    pub fn adopt_tcp(&self, stream: TcpStream, leftover: Bytes) -> Result<(), AdoptError> {
        self.reserve(self.client_at(stream.peer_addr()?))?.adopt_tcp(stream, leftover)
    }

    fn client_at(&self, peer: SocketAddr) -> Client {
        self.shared().config.trusted_proxies.client(peer.ip(), |_| [])
    }
}
