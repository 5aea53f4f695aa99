//! A blocking socket that never waits for ever: every wait has a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Type};

use crate::clock::{self, PATIENCE};
use crate::ports::ANYWHERE;

/// No buffer between two programs of one machine holds so much.
const ENDLESS: usize = 200 << 20;

/// What reading brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrived {
    /// There are more bytes than before.
    Bytes,
    /// The other side sends no more.
    End,
    /// The connection was reset.
    Reset,
    /// The time is over.
    Nothing,
}

/// A TCP connection, and what was read from it and not looked at.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// Bytes that were read and not taken.
    pub unread: Vec<u8>,
}

impl Socket {
    /// Connects, which must succeed.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE).expect("connect"))
    }

    /// The same, where nobody may listen.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        TcpStream::connect_timeout(&address, PATIENCE).ok().map(Self::over)
    }

    /// Like [`connect`](Self::connect), with the smallest receive buffer of the system, so that the
    /// peer soon notices that nothing is read.
    pub fn connect_narrow(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("socket");
        socket.set_recv_buffer_size(4 * 1024).expect("SO_RCVBUF");
        socket.connect_timeout(&address.into(), PATIENCE).expect("connect");
        Self::over(socket.into())
    }

    /// A connection that is open.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self { stream, unread: Vec::new() }
    }

    /// Writes all of it; the other side must take it.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).expect("write");
    }

    /// The same, where the other side may have closed.
    ///
    /// # Errors
    ///
    /// That of the system.
    pub fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.set_write_timeout(Some(PATIENCE))?;
        self.stream.write_all(bytes.as_ref())
    }

    /// Offers the bytes once; what is not taken at once is not written.
    ///
    /// # Errors
    ///
    /// That of the system, unless nothing was taken.
    pub fn write_once(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.set_write_timeout(Some(Duration::from_millis(1)))?;
        match self.stream.write(bytes) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the bytes over and over until the other side has taken nothing for the time, or has
    /// closed; how many it took, or the system in between. More than any of these keeps is enough.
    pub fn write_until_blocked(&mut self, bytes: &[u8], time: Duration) -> usize {
        self.stream.set_write_timeout(Some(time)).expect("write timeout");
        let mut written = 0;
        while written < ENDLESS {
            match self.stream.write(&bytes[written % bytes.len()..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        written
    }

    /// Reads once.
    pub fn read_until(&mut self, deadline: Instant) -> Arrived {
        let mut bytes = [0; 64 * 1024];
        loop {
            let left = clock::left(deadline).max(Duration::from_micros(1));
            self.stream.set_read_timeout(Some(left)).expect("read timeout");
            match self.stream.read(&mut bytes) {
                Ok(0) => return Arrived::End,
                Ok(count) => {
                    self.unread.extend_from_slice(&bytes[..count]);
                    return Arrived::Bytes;
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Arrived::Nothing,
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => return Arrived::Reset,
                    ErrorKind::Interrupted => {}
                    _ => panic!("read: {error}"),
                },
            }
        }
    }

    /// Takes exactly so many bytes.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let deadline = clock::deadline();
        while self.unread.len() < count {
            let arrived = self.read_until(deadline);
            assert_eq!(arrived, Arrived::Bytes, "{} of {count} bytes", self.unread.len());
        }
        self.unread.drain(..count).collect()
    }

    /// Reads to the end of the connection: all that came, and how it ended.
    pub fn rest(&mut self) -> (Vec<u8>, Arrived) {
        let deadline = clock::deadline();
        loop {
            match self.read_until(deadline) {
                Arrived::Bytes => {}
                end => return (std::mem::take(&mut self.unread), end),
            }
        }
    }

    /// Sends no more, but goes on reading.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// Its own address.
    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("local address")
    }
}

/// Two ends of a connection of this machine.
pub fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
    let theirs = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    (listener.accept().expect("accept").0, theirs)
}
