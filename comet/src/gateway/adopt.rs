//! Adoption of connections made elsewhere: first a place, then the connection.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bytes::Bytes;
use comet_protocol::Dialect;
use comet_protocol::ws::handshake::Request;

use super::Gateway;
use crate::AdoptError;
use crate::identity::Identity;
use crate::proxies::Client;
use crate::shard::command::Command;
use crate::shard::liveness::Liveness;
use crate::shard::transport::Transport;
#[cfg(feature = "tokio")]
use crate::shard::transport::{PollStream, Polled};
use crate::shard::{
    ADOPTED, FramingState, Full, Handoff, Holds, Introduction, Shared, Unread, Visitor,
};

/// A connection to be adopted: its framing, and what is known of its peer.
///
/// ```
/// use comet::{Adoption, Dialect, Identity};
///
/// // A browser that an HTTP handler has authenticated; messages as they are, one body each.
/// let identity = Identity::new("shop", "alice").room("lobby");
/// let adoption = Adoption::websocket().dialect(Dialect::Raw).identity(identity);
/// ```
#[derive(Debug)]
#[must_use = "it describes a connection that is still to be adopted"]
pub struct Adoption {
    framing: FramingState,
    dialect: Option<Dialect>,
    leftover: Bytes,
    remote: Option<SocketAddr>,
    upgrade: Option<Box<Request>>,
    identity: Option<Box<Identity>>,
    #[cfg(feature = "tokio")]
    holds: Holds,
    is_secure: bool,
}

impl Adoption {
    /// A connection on which a WebSocket upgrade was answered with status 101. No extension is
    /// spoken: none may have been agreed to.
    pub fn websocket() -> Self {
        Self::new(FramingState::websocket(None))
    }

    /// A connection on which the upgrade was answered with this agreement about
    /// permessage-deflate, which as text is the `Sec-WebSocket-Extensions` of the answer, and comes
    /// from [`deflate::negotiate`](crate::deflate::negotiate).
    #[cfg(feature = "deflate")]
    pub fn deflated(agreement: crate::deflate::Agreement) -> Self {
        Self::new(FramingState::websocket(Some(agreement)))
    }

    /// A plain byte stream: frames of a dialect back to back.
    pub fn stream() -> Self {
        Self::new(FramingState::Stream)
    }

    fn new(framing: FramingState) -> Self {
        let (dialect, leftover) = (None, Bytes::new());
        Self {
            framing,
            dialect,
            leftover,
            remote: None,
            upgrade: None,
            identity: None,
            #[cfg(feature = "tokio")]
            holds: Holds::Descriptor,
            is_secure: false,
        }
    }

    /// A stream that holds no file descriptor, such as a pipe in this process, or one of several
    /// that a QUIC or HTTP/2 connection carries. [`Gateway::adopt`] counts it against
    /// [`limits.max_sessions`](crate::LimitsConfig::max_sessions) instead of
    /// [`limits.max_connections`](crate::LimitsConfig::max_connections). Where a [`Place`] was
    /// reserved, that says what it is.
    #[cfg(feature = "tokio")]
    pub fn without_descriptor(mut self) -> Self {
        self.holds = Holds::Nothing;
        self
    }

    /// Says that the stream is protected by TLS or QUIC: its resume tickets are then not honoured
    /// on plain connections, and those of TLS connections are honoured on it. See
    /// [`resume.plain_after_tls`](crate::ResumeConfig::plain_after_tls).
    pub fn secure(mut self) -> Self {
        self.is_secure = true;
        self
    }

    /// The dialect of the peer. By default it is detected from the first frame, which tells dtalk,
    /// goim and comet apart; raw and text peers are adopted with this, and over WebSocket only.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Bytes already read from the connection, beyond the upgrade request for instance.
    pub fn leftover(mut self, leftover: impl Into<Bytes>) -> Self {
        self.leftover = leftover.into();
        self
    }

    /// Address of the other end, for streams that do not know it: [`Connect::remote`], and the
    /// limits for addresses, unless the [request](Self::request) comes from a trusted proxy.
    /// Without it the connection counts for no address, and the router sees `0.0.0.0:0`. A socket
    /// is asked itself.
    ///
    /// [`Connect::remote`]: crate::Connect::remote
    pub fn remote(mut self, remote: SocketAddr) -> Self {
        self.remote = Some(remote);
        self
    }

    /// The upgrade request, which the router gets as [`Connect::upgrade`](crate::Connect::upgrade).
    /// It is kept until the session opens.
    pub fn request(mut self, request: Request) -> Self {
        self.upgrade = Some(Box::new(request));
        self
    }

    /// The identity of the peer, decided already: the router is not asked by
    /// [`connect`](crate::Router::connect), and gets [`Event::Connected`](crate::Event::Connected)
    /// as usual. A raw session opens at once. In other dialects the peer sends its auth frame, is
    /// accepted whatever credentials that has, and gets the dialect's reply; the router is asked
    /// when it authenticates again later.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(Box::new(identity));
        self
    }

    /// The address to count the connection for.
    fn client(&self, shared: &Shared, remote: Option<SocketAddr>) -> Client {
        let Some(remote) = remote else { return Client::Unnamed };
        shared.config.trusted_proxies.client(remote.ip(), |name| {
            let request = self.upgrade.iter();
            request.flat_map(|request| request.values(name)).collect::<Vec<_>>()
        })
    }

    fn check(&self) -> Result<(), AdoptError> {
        let whole_messages = self.dialect.is_some_and(|it| it.abilities().whole_messages);
        let is_stream = matches!(self.framing, FramingState::Stream);
        if whole_messages && is_stream { Err(AdoptError::Dialect) } else { Ok(()) }
    }

    fn handoff(self, transport: Transport, visitor: Option<Visitor>) -> Handoff {
        let Self { framing, dialect, leftover, upgrade, identity, .. } = self;
        let is_known = visitor.is_some() || upgrade.is_some() || identity.is_some();
        let introduction = Introduction { visitor, named: None, upgrade, identity };
        Handoff {
            transport,
            framing,
            dialect,
            listener: ADOPTED,
            unread: (!leftover.is_empty()).then(|| Box::new(Unread::new(leftover))),
            introduction: is_known.then(|| Box::new(introduction)),
            accepted: None,
        }
    }
}

/// A reserved place for one connection, counted like an accepted one, and released when dropped. It
/// keeps no resources of a gateway that stops meanwhile.
#[derive(Debug)]
#[must_use = "a place that is not used is given back"]
pub struct Place {
    shared: Arc<Shared>,
    shard: usize,
    visitor: Option<Visitor>,
    holds: Holds,
    is_taken: bool,
}

impl Place {
    fn new(
        shared: &Arc<Shared>,
        shard: usize,
        client: Client,
        holds: Holds,
    ) -> Result<Self, AdoptError> {
        let visitor = shared.entrance.enter(shared.clock.now(), client, holds)?;
        Ok(Self { shared: Arc::clone(shared), shard, visitor, holds, is_taken: false })
    }

    /// Adopts a stream in this place: see [`Gateway::adopt`].
    ///
    /// # Errors
    ///
    /// [`AdoptError::Dialect`].
    #[cfg(feature = "tokio")]
    pub fn adopt<S>(self, stream: S, adoption: Adoption) -> Result<(), AdoptError>
    where
        S: ::tokio::io::AsyncRead + ::tokio::io::AsyncWrite + Send + 'static,
    {
        self.adopt_polled(Box::new(crate::stream::RuntimeStream::new(stream)), adoption)
    }

    /// Adopts a stream with lanes in this place: see [`LaneStream`](crate::tokio::LaneStream).
    ///
    /// # Errors
    ///
    /// [`AdoptError::Dialect`].
    #[cfg(feature = "tokio")]
    pub fn adopt_lanes<S>(self, stream: S, adoption: Adoption) -> Result<(), AdoptError>
    where
        S: crate::tokio::LaneStream + Send + 'static,
    {
        self.adopt_polled(Box::new(crate::stream::RuntimeLanes::new(stream)), adoption)
    }

    #[cfg(feature = "tokio")]
    fn adopt_polled(
        self,
        stream: Box<dyn PollStream>,
        adoption: Adoption,
    ) -> Result<(), AdoptError> {
        adoption.check()?;
        let polled = Polled::new(stream, adoption.remote, self.holds).secure(adoption.is_secure);
        self.take(Transport::Polled(Box::new(polled)), adoption);
        Ok(())
    }

    /// Adopts a TCP socket in this place: see [`Gateway::adopt_socket`].
    ///
    /// # Errors
    ///
    /// [`AdoptError::Dialect`], and [`AdoptError::Socket`] when the socket is not usable.
    pub fn adopt_socket(mut self, socket: TcpStream, adoption: Adoption) -> Result<(), AdoptError> {
        adoption.check()?;
        if self.holds == Holds::Nothing {
            self.shared.entrance.take_descriptor()?;
            self.holds = Holds::Descriptor;
        }
        let transport = Transport::from_std(socket, &Liveness::new(&self.shared.config.io))?;
        self.take(transport, adoption);
        Ok(())
    }

    fn take(mut self, transport: Transport, adoption: Adoption) {
        let handoff = adoption.handoff(transport, self.visitor.take());
        self.is_taken = true;
        self.shared.mailboxes[self.shard].post(Command::Handoff(Box::new(handoff)));
    }
}

impl From<Full> for AdoptError {
    fn from(full: Full) -> Self {
        match full {
            Full::Connections => Self::TooMany,
            Full::Address => Self::TooManyOfAddress,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_taken {
            self.shared.entrance.leave(self.shared.clock.now(), self.visitor, self.holds);
        }
    }
}

impl Gateway {
    /// Reserves a place for a connection of this client before its upgrade is answered, so that a
    /// refusal can still be sent as a response. Counted against
    /// [`limits.max_connections`](crate::LimitsConfig::max_connections) and the limits of its
    /// address from now on.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when there is no place, or the gateway takes no connections.
    pub fn reserve(&self, client: Client) -> Result<Place, AdoptError> {
        Place::new(self.shared(), self.next_adopter()?, client, Holds::Descriptor)
    }

    /// The same for a [stream](Place::adopt) that holds no descriptor, such as a pipe in this
    /// process: counted against [`limits.max_sessions`](crate::LimitsConfig::max_sessions), of
    /// which there may be as many such connections.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when there is no place, or the gateway takes no connections.
    #[cfg(feature = "tokio")]
    pub fn reserve_stream(&self, client: Client) -> Result<Place, AdoptError> {
        Place::new(self.shared(), self.next_adopter()?, client, Holds::Nothing)
    }

    /// Takes over a connection made elsewhere: an upgraded connection of an HTTP server, TLS, a
    /// pipe in this process. It is subject to all limits of the configuration, back-pressure, the
    /// drain and the counters like a connection of a listener; the handshake deadline begins now.
    ///
    /// A shard polls the stream on its thread, in the context of the runtime that this is called
    /// on, if any. So the stream must not block; what it does for its bytes, TLS for instance,
    /// takes time of the shard. Its own buffers are not counted in the memory budget. A panic of
    /// the stream ends its session as [`Closed::Lost`](crate::Closed::Lost). A drain drops the
    /// stream before it ends.
    ///
    /// Costs about 300 bytes beyond those of the stream. A TCP socket costs less, and its system
    /// calls are batched, if it is [adopted as such](Self::adopt_socket).
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when the dialect does not fit, there is no place, or the gateway takes no
    /// connections.
    #[cfg(feature = "tokio")]
    pub fn adopt<S>(&self, stream: S, adoption: Adoption) -> Result<(), AdoptError>
    where
        S: ::tokio::io::AsyncRead + ::tokio::io::AsyncWrite + Send + 'static,
    {
        let client = adoption.client(self.shared(), adoption.remote);
        let place = match adoption.holds {
            Holds::Descriptor => self.reserve(client),
            Holds::Nothing => self.reserve_stream(client),
        };
        place?.adopt(stream, adoption)
    }

    /// Takes over a TCP socket connected elsewhere, like an accepted one; the handshake deadline
    /// begins now. It is set to non-blocking.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] when the socket is not usable, the dialect does not fit, there is no place,
    /// or the gateway takes no connections.
    pub fn adopt_socket(&self, socket: TcpStream, adoption: Adoption) -> Result<(), AdoptError> {
        let client = adoption.client(self.shared(), Some(socket.peer_addr()?));
        self.reserve(client)?.adopt_socket(socket, adoption)
    }
}
