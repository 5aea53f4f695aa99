//! Sockets and acceptors: the only place that knows which kind of socket a connection has.
//!
//! Not here: readiness (`poller`), what the bytes mean (`input`), what waits to be written
//! (`write_queue`).

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::{TcpListener, TcpStream};
use socket2::SockRef;

use super::liveness::Liveness;
#[cfg(feature = "simulation")]
use super::simulated::{Backlog, End};

/// One connection's socket, non-blocking. Dropping it closes it.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    /// Joined to an endpoint in this process.
    #[cfg(feature = "simulation")]
    Virtual(End),
}

impl Socket {
    /// Takes over a connection that was made outside, and sets the options that others inherit.
    pub(crate) fn from_std(stream: std::net::TcpStream, liveness: &Liveness) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        liveness.set(&SockRef::from(&stream))?;
        Ok(Self::Tcp(TcpStream::from_std(stream)))
    }

    /// Where the peer is.
    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr(),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => Ok(end.remote()),
        }
    }

    /// The error that ended the connection, once.
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(socket) => socket.take_error(),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => Ok(end.take_error()),
        }
    }

    /// Writes as much as the socket takes.
    #[inline]
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&mut &*socket).write(bytes),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    /// Reads as much as the socket has.
    #[inline]
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&mut &*socket).read(buffer),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.read(buffer),
        }
    }

    /// Its file descriptor, if it has one.
    #[inline]
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(socket) => Some(socket.as_fd()),
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => None,
        }
    }

    /// Shuts the sending side.
    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.shutdown_write(),
        }
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer)
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write_vectored(slices),
            #[cfg(feature = "simulation")]
            Self::Virtual(end) => end.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where connections wait to be accepted. Dropping it turns them away.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    /// Filled by the simulated network.
    #[cfg(feature = "simulation")]
    Virtual(Backlog),
}

/// Whether accepted sockets have the listener's options, which saves a system call for each.
const INHERITS: bool = cfg!(target_os = "linux");

impl Acceptor {
    /// Takes over a listening socket that has been set non-blocking. Small writes of what is
    /// accepted leave at once; the gateway collects them itself.
    pub(crate) fn from_std(
        listener: std::net::TcpListener,
        liveness: &Liveness,
    ) -> io::Result<Self> {
        let options = SockRef::from(&listener);
        // Where they are not inherited, what is accepted goes without keepalive.
        liveness.set(&options)?;
        if INHERITS {
            options.set_tcp_nodelay(true)?;
        }
        Ok(Self::Tcp(TcpListener::from_std(listener)))
    }

    /// The next connection, and where it comes from.
    pub(super) fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, remote) = listener.accept()?;
                if !INHERITS {
                    socket.set_nodelay(true)?;
                }
                Ok((Socket::Tcp(socket), remote))
            }
            #[cfg(feature = "simulation")]
            Self::Virtual(backlog) => backlog.accept().map(|end| {
                let remote = end.remote();
                (Socket::Virtual(end), remote)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_accepted_has_the_options_of_its_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let liveness = Liveness::new(&crate::Config::default());
        let acceptor = Acceptor::from_std(listener, &liveness).unwrap();
        let _peer = std::net::TcpStream::connect(address).unwrap();
        let (socket, _) = acceptor.accept().unwrap();
        let Socket::Tcp(socket) = socket else { panic!("a real one") };
        assert!(socket.nodelay().unwrap(), "small writes leave at once");
        if INHERITS {
            let options = SockRef::from(&socket);
            assert!(options.keepalive().unwrap());
            let probes = options.tcp_keepalive_interval().unwrap()
                * options.tcp_keepalive_retries().unwrap();
            let found = options.tcp_keepalive_time().unwrap() + probes;
            assert_eq!(found, Duration::from_secs(30 + 4 * 7), "within 60 s");
            assert_eq!(options.tcp_user_timeout().unwrap(), Some(Duration::from_secs(25)));
        }
    }
}
