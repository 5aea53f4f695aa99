//! The bytes of one connection: a socket with or without TLS, or a stream of QUIC.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use comet_protocol::client::Time;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::quic::Quic;
use super::sse::Sse;

/// A connection that does not block.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<Tls>),
    Quic(Box<Quic>),
    Sse(Box<Sse>),
}

#[derive(Debug)]
pub(super) struct Tls {
    stream: TcpStream,
    session: ClientConnection,
}

impl Wire {
    /// Speaks TLS on the socket, to a server of this name.
    pub(super) fn secured(
        stream: TcpStream,
        config: &Arc<ClientConfig>,
        name: &ServerName<'static>,
    ) -> io::Result<Self> {
        let session = ClientConnection::new(Arc::clone(config), name.clone());
        let session = session.map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(Tls { stream, session })))
    }

    /// The sockets that are this connection's own.
    fn streams(&mut self) -> impl Iterator<Item = &mut TcpStream> {
        let [first, second] = match self {
            Self::Plain(stream) => [Some(stream), None],
            Self::Tls(tls) => [Some(&mut tls.stream), None],
            Self::Sse(sse) => sse.sockets().map(Some),
            Self::Quic(_) => [None, None],
        };
        first.into_iter().chain(second)
    }

    /// Has the poll tell of the socket under this name; shared sockets are known to it already.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.streams().try_for_each(|stream| registry.register(stream, token, interest))
    }

    /// Whether bytes may go.
    ///
    /// # Errors
    ///
    /// There will be no connection.
    pub(super) fn is_connected(&mut self) -> io::Result<bool> {
        if let Self::Quic(quic) = self {
            return quic.is_open();
        }
        for stream in self.streams() {
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            match stream.peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
                other => other?,
            };
        }
        Ok(true)
    }

    /// The connection of QUIC, if it is one.
    pub(super) fn quic(&mut self) -> Option<&mut Quic> {
        match self {
            Self::Quic(quic) => Some(quic),
            _ => None,
        }
    }

    /// Time at which the transport has something to do by itself.
    pub(super) fn poll_timeout(&mut self) -> Option<Time> {
        self.quic()?.poll_timeout()
    }

    /// Ends it without a farewell when it goes, if the transport can.
    pub(super) fn reset(&mut self) {
        self.streams().for_each(|stream| reset(stream));
    }

    /// Whether a read that did not fill the buffer has taken all there is.
    pub(super) const fn is_drained_by_a_short_read(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Whether the socket has everything that was written.
    pub(super) fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Quic(_) => true,
            Self::Tls(tls) => !tls.session.wants_write(),
            Self::Sse(sse) => sse.is_flushed(),
        }
    }

    /// Gives the socket the bytes that it did not take before.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
            Self::Quic(quic) => quic.check(),
            Self::Sse(sse) => sse.flush(),
        }
    }

    /// Says that nothing follows, if the socket takes it.
    pub(super) fn farewell(&mut self) {
        if let Self::Tls(tls) = self {
            tls.session.send_close_notify();
            // The connection ends in any case.
            let _ = tls.flush();
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
            Self::Quic(quic) => quic.read(buffer),
            Self::Sse(sse) => sse.read(buffer),
        }
    }

    /// Writes until there is no more, or no more is taken; returns how much was.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            let outcome = match self {
                Self::Plain(stream) => stream.write(&bytes[written..]),
                Self::Tls(tls) => tls.write(&bytes[written..]),
                Self::Quic(quic) => quic.write(&bytes[written..]),
                Self::Sse(sse) => sse.write(&bytes[written..]),
            };
            match outcome {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(some) => written += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }
}

impl Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            self.session.read_tls(&mut self.stream)?;
            let outcome = self.session.process_new_packets();
            // Its output is a part of the handshake, or the reason why it fails.
            self.flush()?;
            outcome.map_err(io::Error::other)?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.session.writer().write(bytes)?;
        self.flush()?;
        // Until the handshake is over, and while the socket is full, only so much is kept.
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                other => other?,
            };
        }
        Ok(())
    }
}

/// Ends a connection by a reset: nothing that waits is sent, and no port stays behind.
pub(crate) fn reset(stream: &TcpStream) {
    // A socket that is gone already needs no reset.
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
