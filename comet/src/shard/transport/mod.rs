//! Transports: bytes to one peer and back.
//!
//! A transport is non-blocking, and reports on a poller when it can go on: bytes,
//! an end, an error or space may be there. It may hold bytes of its own in either direction, so it
//! alone knows whether more can be [read](Transport::read) at once, and what it has taken may need
//! to be [driven](Transport::drive). Some can have their calls
//! [made together](Transport::is_batchable) with those of others.
//!
//! | transport | descriptor | holds bytes | batched calls |
//! |---|---|---|---|
//! | `Tcp` | yes | no | reads and writes |
//! | `Polled`: a stream that is polled, of a runtime for instance | no | maybe | none |
//! | `Virtual`: simulated | no | no | reads and writes |
//!
//! Not here: what the bytes mean (`reader`), what waits to be written (`connections`).

mod acceptor;
#[cfg(feature = "tokio")]
mod polled;

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::TcpStream;
use socket2::SockRef;

use super::liveness::Liveness;
#[cfg(feature = "simulation")]
use super::simulated::End;
pub(crate) use acceptor::Acceptor;
#[cfg(feature = "tokio")]
pub(crate) use polled::{PollStream, Polled};

/// The way to one peer. Dropping it closes it.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    /// Boxed: an idle TCP connection is not to pay for it.
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
    /// Takes over a socket that was connected outside, and sets the options that accepted ones
    /// inherit.
    pub(crate) fn from_std(stream: std::net::TcpStream, liveness: &Liveness) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        liveness.set(&SockRef::from(&stream))?;
        Ok(Self::Tcp(TcpStream::from_std(stream)))
    }

    /// The system's socket, for use outside of the gateway; `None` if it is another kind.
    pub(super) fn into_socket(self) -> Option<std::net::TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket.into()),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => None,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => None,
        }
    }

    /// The peer's address.
    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr(),
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
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.shutdown_write(),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.shutdown_write(),
        }
    }

    /// Whether its calls can be made together with those of others: it holds no bytes of its own,
    /// and a short read has emptied it.
    #[inline]
    pub(super) fn is_batchable(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            #[cfg(feature = "tokio")]
            Self::Polled(_) => false,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => true,
        }
    }

    /// Writes as much as is taken, as one of a batch. One that is not
    /// [batchable](Self::is_batchable) takes nothing.
    #[inline]
    pub(super) fn write_batched(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&mut &*socket).write(bytes),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => Err(io::ErrorKind::WouldBlock.into()),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    /// Reads as much as is there, as one of a batch. One that is not
    /// [batchable](Self::is_batchable) has nothing.
    #[inline]
    pub(super) fn read_batched(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&mut &*socket).read(buffer),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => Err(io::ErrorKind::WouldBlock.into()),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.read(buffer),
        }
    }

    /// The descriptor for batched calls of the system, if there is one.
    #[inline]
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(socket) => Some(socket.as_fd()),
            #[cfg(feature = "tokio")]
            Self::Polled(_) => None,
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => None,
        }
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
