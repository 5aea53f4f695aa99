//! A UDP socket: batches of datagrams in, segments out.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_proto::{EcnCodepoint, Transmit};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as Socket2, Type};

/// Longest datagram that is received, and sent without discovery of a larger path.
const DATAGRAM: usize = 1_500;

/// Segments of one system call: a compromise between calls and bursts on the wire.
const SEGMENTS: usize = 16;

/// A socket, what was to be sent when its buffer was full, and where datagrams are received.
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    buffers: Box<[u8]>,
    blocked: Option<(Transmit, Vec<u8>)>,
}

impl Socket {
    /// Binds the address; several sockets of the process may share it.
    pub(super) fn bind(address: SocketAddr, is_shared: bool, buffer: usize) -> io::Result<Self> {
        let socket = Socket2::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if is_shared {
            socket.set_reuse_port(true)?;
        }
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        // The system may grant less.
        let _ = socket.set_recv_buffer_size(buffer);
        let _ = socket.set_send_buffer_size(buffer);
        socket.bind(&address.into())?;
        let io = UdpSocket::from_std(socket.into());
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let buffers = vec![0; BATCH_SIZE * DATAGRAM * state.gro_segments()].into();
        Ok(Self { io, state, buffers, blocked: None })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.io, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Whether datagrams are never fragmented on the way, so that a path can be measured.
    pub(super) fn is_unfragmented(&self) -> bool {
        !self.state.may_fragment()
    }

    /// Segments that may be sent at once.
    pub(super) fn segments(&self) -> usize {
        self.state.max_gso_segments().min(SEGMENTS)
    }

    /// Receives one batch; each buffer may hold several datagrams of `stride` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] when there is none.
    pub(super) fn receive(&mut self, mut take: impl FnMut(&RecvMeta, &[u8])) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut chunks = self.buffers.chunks_mut(self.buffers.len() / BATCH_SIZE);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let count = loop {
            match self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut metas) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Word that an earlier datagram did not arrive.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                result => break result?,
            }
        };
        for (meta, slice) in metas.iter().zip(&slices).take(count) {
            take(meta, &slice[..meta.len]);
        }
        Ok(())
    }

    /// Sends datagrams. Errors but for a full buffer are losses on the way, as QUIC sees it; what a
    /// full buffer did not take is sent first when it has room.
    pub(super) fn send(&mut self, transmit: Transmit, contents: &[u8]) {
        if self.is_blocked() {
            return;
        }
        if self.try_send(&transmit, contents).is_err() {
            self.blocked = Some((transmit, contents.to_vec()));
        }
    }

    /// Whether nothing is to be sent until the socket is writable.
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// The socket may have room again.
    pub(super) fn unblock(&mut self) {
        if let Some((transmit, contents)) = self.blocked.take() {
            self.send(transmit, &contents);
        }
    }

    fn try_send(&self, transmit: &Transmit, contents: &[u8]) -> io::Result<()> {
        let datagrams = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents: &contents[..transmit.size],
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        self.state.send(UdpSockRef::from(&self.io), &datagrams)
    }
}

/// The mark of congestion, as QUIC takes it.
pub(super) fn ecn(meta: &RecvMeta) -> Option<EcnCodepoint> {
    meta.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8))
}
