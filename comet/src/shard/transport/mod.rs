//! Transports: bytes to one peer and back.
//!
//! A transport is non-blocking, and reports on a poller when it can go on: bytes, an end, an error
//! or space may be there. It may hold bytes of its own in either direction, so it alone knows
//! whether more can be [read](Transport::read) at once, and what it has taken may need to be
//! [driven](Transport::drive). Some can have their calls [made together](Transport::is_batchable)
//! with those of others.
//!
//! | transport | descriptor | holds bytes | batched calls |
//! |---|---|---|---|
//! | `Tcp` | yes | no | reads and writes |
//! | `Tls`: TLS over a socket | yes | maybe | reads and writes, of records |
//! | `Polled`: a stream that is polled, of a runtime for instance | no | maybe | none |
//! | `Virtual`: simulated | no | no | reads and writes |
//!
//! Not here: lanes and datagrams (`beside`), meaning of bytes (`reader`), queues (`connections`).

mod acceptor;
mod beside;
#[cfg(all(feature = "tls", feature = "tokio"))]
pub(crate) mod detached;
#[cfg(feature = "tokio")]
mod polled;
mod protection;
#[cfg(feature = "tls")]
mod tls;

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::TcpStream;
use socket2::SockRef;

use super::entrance::Holds;
use super::liveness::Liveness;
#[cfg(feature = "simulation")]
use super::simulated::End;
use crate::http::Carrier;
pub(crate) use acceptor::Acceptor;
#[cfg(feature = "tokio")]
pub(crate) use polled::{PollStream, Polled};
pub(super) use protection::Protection;
#[cfg(feature = "tls")]
pub(super) use tls::{Handshake, Tls};

/// The way to one peer. Dropping it closes it.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    /// Boxed, like the next: an idle TCP connection is not to pay for it.
    #[cfg(feature = "tls")]
    Tls(Box<Tls>),
    #[cfg(feature = "tokio")]
    Polled(Box<Polled>),
    /// Joined to an endpoint in this process.
    #[cfg(feature = "simulation")]
    Virtual(End),
}

/// Outcome of a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Received {
    /// Bytes; 0 at the end of the peer's.
    pub(crate) len: usize,
    /// More may be there by now, of which no report comes.
    pub(crate) has_more: bool,
}

impl Transport {
    /// Takes over a socket connected outside, and sets the options that accepted ones inherit.
    pub(crate) fn from_std(stream: std::net::TcpStream, liveness: &Liveness) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        liveness.set(&SockRef::from(&stream))?;
        Ok(Self::Tcp(TcpStream::from_std(stream)))
    }

    /// The transport for use outside of the gateway; `None` if it cannot leave its shard.
    pub(super) fn into_carrier(self) -> Option<Carrier> {
        match self {
            Self::Tcp(socket) => Some(Carrier::Socket(socket.into())),
            #[cfg(all(feature = "tls", feature = "tokio"))]
            Self::Tls(tls) => Some(Carrier::Tls(Box::new(detached::DetachedTls(tls)))),
            #[cfg(all(feature = "tls", not(feature = "tokio")))]
            Self::Tls(_) => None,
            #[cfg(feature = "tokio")]
            Self::Polled(_) => None,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => None,
        }
    }

    /// Whether it can go on outside of its shard.
    pub(super) fn can_leave(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(_) => cfg!(feature = "tokio"),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => false,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => false,
        }
    }

    /// Whether it is a socket and nothing else.
    #[cfg(feature = "tls")]
    pub(super) fn is_socket(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// What it takes from the system.
    pub(super) fn holds(&self) -> Holds {
        #[cfg(feature = "tokio")]
        if let Self::Polled(polled) = self {
            return polled.holds();
        }
        Holds::Descriptor
    }

    /// The peer's address.
    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.socket().peer_addr(),
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.remote().ok_or(io::ErrorKind::AddrNotAvailable.into()),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => Ok(end.remote()),
        }
    }

    /// The error that ended the connection, once. A transport without a descriptor tells it when it
    /// is read or written.
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(socket) => socket.take_error(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.socket().take_error(),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => Ok(None),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => Ok(end.take_error()),
        }
    }

    /// Reads as much as is there.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let len = match self {
            Self::Tcp(socket) => socket.read(buffer)?,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => return tls.read(buffer),
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => return polled.read(buffer),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.read(buffer)?,
        };
        // A short read has emptied a socket.
        Ok(Received { len, has_more: len == buffer.len() })
    }

    /// Goes on with what the transport has begun: bytes of its own that are not sent yet, a
    /// shutdown. To be called after writes, and when it is reported writable.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    #[inline]
    pub(super) fn drive(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.drive(),
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.drive(),
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => Ok(()),
        }
    }

    /// Ends the sending side, behind all that was written.
    pub(super) fn shutdown_write(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.shutdown_write(),
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.shutdown_write(),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.shutdown_write(),
        }
    }

    /// Last words before it is dropped, to a peer that sends no more.
    pub(super) fn say_goodbye(&mut self) {
        #[cfg(feature = "tls")]
        if let Self::Tls(tls) = self {
            // The peer may read no more either.
            let _ = tls.shutdown_write();
        }
    }

    /// Whether its calls can be made together with those of others: a short read empties it, and it
    /// holds no input unless its connection has a tail.
    #[inline]
    pub(super) fn is_batchable(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.is_open(),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => false,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => true,
        }
    }

    /// Whether so many bytes can be written as one of a batch: those of TLS are copied for it.
    #[inline]
    pub(super) fn takes_batched(&self, bytes: usize) -> bool {
        #[cfg(feature = "tls")]
        if let Self::Tls(tls) = self {
            return tls.is_open() && bytes <= tls::RECORD;
        }
        let _ = bytes;
        self.is_batchable()
    }

    /// Writes as much as is taken, as one of a batch; on TLS, records that were sealed before. One
    /// that is not [batchable](Self::is_batchable) takes nothing.
    #[inline(always)]
    pub(super) fn write_batched(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&mut &*socket).write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.socket().write(bytes),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => Err(io::ErrorKind::WouldBlock.into()),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    /// Reads as much as is there, as one of a batch; what came is then to be
    /// [taken](Self::received). One that is not [batchable](Self::is_batchable) has nothing.
    #[inline]
    pub(super) fn read_batched(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&mut &*socket).read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.socket().read(buffer),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => Err(io::ErrorKind::WouldBlock.into()),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.read(buffer),
        }
    }

    /// Takes what a batched read brought, in place; the end of the stream is no bytes.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    #[inline]
    pub(super) fn received(&mut self, buffer: &mut [u8], count: usize) -> io::Result<Received> {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.received(buffer, count),
            _ => Ok(Received { len: count, has_more: count == buffer.len() }),
        }
    }

    /// The descriptor for batched calls of the system, if there is one.
    #[inline]
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(socket) => Some(socket.as_fd()),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Some(tls.socket().as_fd()),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => None,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => None,
        }
    }
}

/// TLS of transports.
#[cfg(feature = "tls")]
impl Transport {
    /// Begins a TLS handshake on a socket. Bytes of it may have been read already; of an unfinished
    /// message `longest` bytes are kept.
    ///
    /// # Errors
    ///
    /// It is no socket.
    pub(super) fn begin_tls(
        self,
        tls: &crate::tls::Tls,
        first: Vec<u8>,
        longest: usize,
    ) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => {
                Ok(Self::Tls(Box::new(Tls::new(socket, tls.current(), first, longest)?)))
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn tls(&self) -> Option<&Tls> {
        if let Self::Tls(tls) = self { Some(tls) } else { None }
    }

    /// A handshake that has been done, once.
    pub(super) fn take_handshake(&mut self) -> Option<Handshake> {
        match self {
            Self::Tls(tls) => tls.take_handshake(),
            _ => None,
        }
    }

    /// The certificate by which the client has authenticated itself.
    pub(super) fn client_certificate(&self) -> Option<crate::tls::ClientCertificate> {
        self.tls()?.client_certificate()
    }
}

/// What a transport holds of its own, and how it protects that.
impl Transport {
    /// How its bytes are protected on their way.
    pub(super) fn protection(&self) -> Protection {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(tls) => {
                tls.certificate_hash().map_or(Protection::Secure, Protection::Certified)
            }
            #[cfg(feature = "tokio")]
            Self::Polled(polled) if polled.is_secure() => Protection::Secure,
            _ => Protection::Plain,
        }
    }

    /// Whether it is still making itself ready: its first bytes cost more than others.
    pub(super) fn is_handshaking(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls() {
            return tls.is_handshaking();
        }
        false
    }

    /// Bytes of input that it has read and not given.
    #[inline]
    pub(super) fn held_input(&self) -> usize {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls() {
            return tls.held_input();
        }
        0
    }

    /// Bytes that it has taken and not sent, as far as it can tell.
    #[inline]
    pub(super) fn held_output(&self) -> usize {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls() {
            return tls.held_output();
        }
        0
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write_vectored(slices),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.write_vectored(slices),
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.write_vectored(slices),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drive()
    }
}
