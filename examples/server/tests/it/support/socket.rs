//! A blocking socket with timeouts.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use socket2::{Domain, Type};

use super::{PATIENCE, clock};

/// Outcome of a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrived {
    /// More bytes were received.
    Bytes,
    /// The peer has closed.
    End,
    /// The connection was reset.
    Reset,
    /// The deadline has passed.
    Nothing,
}

/// A TCP connection, and its unparsed input.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    pub(crate) unread: BytesMut,
}

impl Socket {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
        Self::over(stream)
    }

    /// Like [`connect`](Self::connect), with the smallest receive buffer of the system, so that the
    /// peer soon notices that nothing is read.
    pub(crate) fn connect_narrow(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("socket");
        socket.set_recv_buffer_size(4 * 1024).expect("SO_RCVBUF");
        socket.connect_timeout(&address.into(), PATIENCE).expect("connect");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_write_timeout(Some(PATIENCE)).expect("write timeout");
        Self { stream, unread: BytesMut::new() }
    }

    /// Resets the connection, without any other notice to the peer.
    pub(crate) fn reset(self) {
        let linger = Some(Duration::ZERO);
        socket2::SockRef::from(&self.stream).set_linger(linger).expect("SO_LINGER");
    }

    /// Writes all bytes; the peer must accept them.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).expect("write");
    }

    /// Writes all bytes; the peer may have closed.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads once.
    pub(crate) fn read_until(&mut self, deadline: Instant) -> Arrived {
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

    /// Reads to the end of the connection; returns the bytes, and the kind of end.
    pub(crate) fn rest(&mut self) -> (BytesMut, Arrived) {
        let deadline = clock::deadline();
        loop {
            match self.read_until(deadline) {
                Arrived::Bytes => {}
                end => return (self.unread.split(), end),
            }
        }
    }
}
