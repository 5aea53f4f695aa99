//! Routes of sessions to a server: address, transport, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::Registry;
use mio::net::TcpStream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::hub::Hubs;
use super::quic::{Quic, QuicTarget};
use super::sse::Sse;
use super::webtransport::Request;
use super::wire::Wire;
use crate::dialect::{Dialect, Identity};

/// Transport of the packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// A stream.
    Tcp,
    /// WebSocket messages.
    WebSocket,
    /// A stream of QUIC.
    Quic,
    /// A stream of WebTransport.
    WebTransport,
    /// Server-sent events and POSTs.
    Sse,
}

impl Transport {
    /// Whether it goes over UDP.
    #[must_use]
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::Quic | Self::WebTransport)
    }
}

/// One way to the server.
#[derive(Clone, Debug)]
pub struct Route {
    /// The address that listens.
    pub to: SocketAddr,
    /// The address to come from, if it matters: each has ports of its own.
    pub from: Option<IpAddr>,
    /// The kernel's receive buffer, if not its own choice.
    pub receive_buffer: Option<usize>,
    /// Transport of the listener.
    pub transport: Transport,
    /// The path of the upgrade, if it is not the dialect's own; `{room}` and `{user}` are filled
    /// in.
    pub path: Option<Arc<str>>,
    /// The host that the upgrade names, if it is not the address.
    pub(super) host: Option<Arc<str>>,
    /// TLS, if it is used.
    pub(super) secure: Option<Arc<TlsTarget>>,
    /// QUIC, if it is used.
    pub(super) quic: Option<Arc<QuicTarget>>,
}

/// Surroundings of a new connection.
pub(super) struct Dialing<'a> {
    pub(super) hubs: &'a mut Hubs,
    pub(super) registry: &'a Registry,
    pub(super) session: usize,
}

/// TLS settings and the server's name.
#[derive(Debug)]
pub(super) struct TlsTarget {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

impl Route {
    pub(super) const fn new(to: SocketAddr, transport: Transport) -> Self {
        let (from, receive_buffer, path, host) = (None, None, None, None);
        Self { to, from, receive_buffer, transport, path, host, secure: None, quic: None }
    }

    /// A way by plain TCP.
    #[must_use]
    pub const fn tcp(to: SocketAddr) -> Self {
        Self::new(to, Transport::Tcp)
    }

    /// A way by WebSocket.
    #[must_use]
    pub const fn websocket(to: SocketAddr) -> Self {
        Self::new(to, Transport::WebSocket)
    }

    /// The same way from one of the machine's own addresses.
    #[must_use]
    pub const fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// The same way with a receive buffer of this size.
    #[must_use]
    pub const fn buffering(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// The same way to another path; `{room}` and `{user}` are filled in.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The host that the upgrade names.
    pub(super) fn host(&self) -> String {
        self.host.as_deref().map_or_else(|| self.to.to_string(), str::to_owned)
    }

    /// Path of the WebSocket upgrade.
    pub(super) fn path(&self, dialect: Dialect, me: &Identity) -> String {
        let template = self.path.as_deref().unwrap_or_else(|| dialect.path(me));
        let room = me.rooms.first().map_or("", String::as_str);
        template.replace("{room}", room).replace("{user}", &me.user)
    }

    /// Begins to connect; the socket becomes writable when it is done or has failed.
    pub(super) fn dial(
        &self,
        dialing: Dialing<'_>,
        (dialect, me): (Dialect, &Identity),
    ) -> io::Result<Wire> {
        if let Some(target) = self.quic.as_deref() {
            let Dialing { hubs, registry, session } = dialing;
            let hub = hubs.pick(registry, self.to, self.from)?;
            let request = (self.transport == Transport::WebTransport)
                .then(|| Request { authority: self.host(), path: self.path(dialect, me) });
            let more = (request, self.receive_buffer);
            let quic = Quic::connect(hub, session, self.to, target, more)?;
            return Ok(Wire::Quic(Box::new(quic)));
        }
        let stream = self.connect()?;
        if self.transport == Transport::Sse {
            let sse = Sse::new(stream, self.connect()?, self.host());
            return Ok(Wire::Sse(Box::new(sse)));
        }
        match self.secure.as_deref() {
            Some(TlsTarget { config, name }) => Wire::secured(stream, config, name),
            None => Ok(Wire::Plain(stream)),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(address) = self.from {
            socket.bind(&SockAddr::from(SocketAddr::new(address, 0)))?;
        }
        match socket.connect(&SockAddr::from(self.to)) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// Error of a non-blocking connect on Linux.
const IN_PROGRESS: i32 = 115;
