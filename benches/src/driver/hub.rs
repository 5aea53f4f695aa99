//! UDP sockets that many QUIC connections share.
//!
//! Not here: a connection (`quic`), and the session on it.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use parking_lot::Mutex;
use quinn_proto::{
    ClientConfig, Connection, ConnectionEvent, ConnectionHandle, DatagramEvent, EcnCodepoint,
    Endpoint, EndpointConfig, EndpointEvent, Transmit,
};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// A socket, shared by its connections. All are on the thread of one driver, so that nobody waits
/// for the lock.
pub(super) type SharedHub = Arc<Mutex<Hub>>;

/// Sockets towards servers from one address: a server with several threads spreads sockets, not
/// connections, over them.
const SOCKETS: usize = 4;

/// Longest datagram.
const DATAGRAM: usize = 1_500;

/// Bytes of the kernel's buffers. The system may grant less.
const BUFFER: usize = 4 << 20;

/// Segments of one system call.
const SEGMENTS: usize = 16;

/// Batches of one socket before others have their turn.
const BATCHES: usize = 32;

/// Datagram of a connection, and the session that has it.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) session: usize,
    pub(super) handle: ConnectionHandle,
    pub(super) event: ConnectionEvent,
}

/// A socket, and the table of its connections.
pub(super) struct Hub {
    io: UdpSocket,
    state: UdpSocketState,
    endpoint: Endpoint,
    /// Session of each connection, by its handle.
    owners: Vec<usize>,
    buffers: Box<[u8]>,
    /// Output of the endpoint itself.
    answer: Vec<u8>,
}

impl Hub {
    fn bind(from: IpAddr) -> io::Result<Self> {
        let io = bind(from)?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let buffers = vec![0; BATCH_SIZE * DATAGRAM * state.gro_segments()].into();
        let config = Arc::new(EndpointConfig::default());
        let endpoint = Endpoint::new(config, None, !state.may_fragment(), None);
        Ok(Self { io, state, endpoint, owners: Vec::new(), buffers, answer: Vec::new() })
    }

    /// Begins a connection of a session.
    pub(super) fn connect(
        &mut self,
        session: usize,
        config: ClientConfig,
        to: SocketAddr,
        name: &str,
    ) -> io::Result<(ConnectionHandle, Connection)> {
        let begun = self.endpoint.connect(Instant::now(), config, to, name);
        let (handle, connection) = begun.map_err(io::Error::other)?;
        if self.owners.len() <= handle.0 {
            self.owners.resize(handle.0 + 1, usize::MAX);
        }
        self.owners[handle.0] = session;
        Ok((handle, connection))
    }

    /// Word of a connection; returns an answer for it.
    pub(super) fn handle(
        &mut self,
        handle: ConnectionHandle,
        event: EndpointEvent,
    ) -> Option<ConnectionEvent> {
        self.endpoint.handle_event(handle, event)
    }

    /// Datagrams that may be sent at once.
    pub(super) fn segments(&self) -> usize {
        self.state.max_gso_segments().min(SEGMENTS)
    }

    /// Sends datagrams. An error is a loss on the way, as QUIC sees it.
    pub(super) fn send(&self, transmit: &Transmit, contents: &[u8]) {
        let datagrams = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents: &contents[..transmit.size],
            segment_size: transmit.segment_size,
            // The address of the machine may change under the connection.
            src_ip: None,
        };
        let _lost = self.state.send(UdpSockRef::from(&self.io), &datagrams);
    }

    /// Receives datagrams for connections; returns whether there may be more.
    fn receive(&mut self, arrivals: &mut Vec<Arrival>) -> io::Result<bool> {
        for _ in 0..BATCHES {
            match self.receive_batch(arrivals) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // Word that an earlier datagram did not arrive.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn receive_batch(&mut self, arrivals: &mut Vec<Arrival>) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut chunks = self.buffers.chunks_mut(self.buffers.len() / BATCH_SIZE);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let count = self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut metas)?;
        let now = Instant::now();
        for (meta, slice) in metas.iter().zip(&slices).take(count) {
            let ecn = meta.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8));
            for datagram in slice[..meta.len].chunks(meta.stride.max(1)) {
                self.answer.clear();
                let (from, to) = (meta.addr, meta.dst_ip);
                let answer = &mut self.answer;
                match self.endpoint.handle(now, from, to, ecn, datagram.into(), answer) {
                    Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                        let session = self.owners.get(handle.0).copied().unwrap_or(usize::MAX);
                        arrivals.push(Arrival { session, handle, event });
                    }
                    Some(DatagramEvent::Response(transmit)) => {
                        let contents = &self.answer[..transmit.size];
                        let _lost = self.io.send_to(contents, transmit.destination);
                    }
                    // Clients take no connections.
                    Some(DatagramEvent::NewConnection(_)) | None => {}
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("io", &self.io).finish_non_exhaustive()
    }
}

fn bind(from: IpAddr) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(from, 0);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

/// All sockets of a driver.
#[derive(Debug, Default)]
pub(super) struct Hubs {
    hubs: Vec<(IpAddr, SharedHub)>,
    turn: usize,
    /// Sockets that may hold more than was received.
    pub(super) unfinished: Vec<usize>,
}

/// Name of the first socket in the poll; others follow downwards.
const FIRST: usize = usize::MAX - 1;

impl Hubs {
    /// A socket, and its number, for another connection to this address: a new one as long as there
    /// are few, then each in turn.
    pub(super) fn pick(
        &mut self,
        registry: &Registry,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> io::Result<(usize, SharedHub)> {
        let any = match to {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let from = from.unwrap_or(any);
        let known = self.hubs.iter().filter(|(at, _)| *at == from).count();
        self.turn = self.turn.wrapping_add(1);
        if known >= SOCKETS {
            let mut ours = self.hubs.iter().enumerate().filter(|(_, (at, _))| *at == from);
            if let Some((place, (_, hub))) = ours.nth(self.turn % known) {
                return Ok((place, Arc::clone(hub)));
            }
        }
        let mut hub = Hub::bind(from)?;
        registry.register(&mut hub.io, Token(FIRST - self.hubs.len()), Interest::READABLE)?;
        let hub = Arc::new(Mutex::new(hub));
        self.hubs.push((from, Arc::clone(&hub)));
        Ok((self.hubs.len() - 1, hub))
    }

    /// The socket of this name in the poll.
    pub(super) fn find(&self, token: Token) -> Option<usize> {
        FIRST.checked_sub(token.0).filter(|at| *at < self.hubs.len())
    }

    /// Receives what has come to a socket.
    pub(super) fn receive(&mut self, at: usize, arrivals: &mut Vec<Arrival>) -> io::Result<()> {
        if self.hubs[at].1.lock().receive(arrivals)? {
            self.unfinished.push(at);
        }
        Ok(())
    }

    /// Gives each socket another port.
    pub(super) fn move_all(&mut self, registry: &Registry) -> io::Result<()> {
        for (at, (from, hub)) in self.hubs.iter().enumerate() {
            let mut hub = hub.lock();
            registry.deregister(&mut hub.io)?;
            hub.io = bind(*from)?;
            hub.state = UdpSocketState::new(UdpSockRef::from(&hub.io))?;
            registry.register(&mut hub.io, Token(FIRST - at), Interest::READABLE)?;
        }
        Ok(())
    }
}
