//! A connection of QUIC, and the stream on it that is the session: bare, or of WebTransport.
//!
//! Not here: sockets (`hub`), HTTP/3 in bytes (`webtransport`).

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use comet_protocol::client::Time;
use quinn_proto::{
    ClientConfig, Connection, ConnectionError, ConnectionEvent, ConnectionHandle, Dir,
    EndpointEvent, Event, ReadError, StreamId, TransportConfig, VarInt, WriteError,
};

use super::hub::SharedHub;
use super::webtransport::{Request, WebTransport};
use crate::clock;

/// Settings and the server's name.
#[derive(Debug)]
pub(super) struct QuicTarget {
    pub(super) config: ClientConfig,
    pub(super) name: String,
}

/// End of a connection.
#[derive(Debug)]
enum Lost {
    /// The server ended it, or its session.
    Ended,
    Broken(String),
}

/// One connection.
pub(super) struct Quic {
    hub: SharedHub,
    /// Number of that socket in the driver.
    place: usize,
    handle: ConnectionHandle,
    connection: Connection,
    webtransport: Option<WebTransport>,
    /// The session's stream, once it is open.
    stream: Option<StreamId>,
    lost: Option<Lost>,
    /// Something waits to be sent.
    is_dirty: bool,
    /// The connection is left without a word when it goes.
    is_silent: bool,
    buffer: Vec<u8>,
}

impl Quic {
    /// Begins a connection of a session, which asks for WebTransport if there is a request.
    pub(super) fn connect(
        (place, hub): (usize, SharedHub),
        session: usize,
        to: SocketAddr,
        target: &QuicTarget,
        (request, receive_buffer): (Option<Request>, Option<usize>),
    ) -> io::Result<Self> {
        let mut config = target.config.clone();
        if let Some(bytes) = receive_buffer {
            let window = VarInt::try_from(bytes as u64).unwrap_or(VarInt::MAX);
            let mut transport = TransportConfig::default();
            transport.stream_receive_window(window).receive_window(window);
            config.transport_config(Arc::new(transport));
        }
        let (handle, connection) = hub.lock().connect(session, config, to, &target.name)?;
        let mut quic = Self {
            hub,
            place,
            handle,
            connection,
            webtransport: request.map(WebTransport::new),
            stream: None,
            lost: None,
            is_dirty: false,
            is_silent: false,
            buffer: Vec::new(),
        };
        quic.drive();
        Ok(quic)
    }

    /// Whether it has this handle on this socket.
    pub(super) fn is(&self, hub: usize, handle: ConnectionHandle) -> bool {
        self.handle == handle && self.place == hub
    }

    /// A datagram came.
    pub(super) fn handle_event(&mut self, event: ConnectionEvent) {
        self.connection.handle_event(event);
        self.is_dirty = true;
    }

    /// Time at which [`handle_timeout`](Self::handle_timeout) is due.
    pub(super) fn poll_timeout(&mut self) -> Option<Time> {
        let due = self.connection.poll_timeout()?;
        Some(clock::now() + due.saturating_duration_since(Instant::now()))
    }

    pub(super) fn handle_timeout(&mut self) {
        let now = Instant::now();
        if self.connection.poll_timeout().is_some_and(|due| due <= now) {
            self.connection.handle_timeout(now);
            self.is_dirty = true;
        }
    }

    /// Its socket has another address: the server is to know.
    pub(super) fn handle_moved(&mut self) {
        self.connection.local_address_changed();
        self.drive();
    }

    /// Sends what waits.
    pub(super) fn settle(&mut self) {
        if self.is_dirty {
            self.drive();
        }
    }

    /// Whether the session's stream is open.
    ///
    /// # Errors
    ///
    /// The connection is lost.
    pub(super) fn is_open(&mut self) -> io::Result<bool> {
        self.settle();
        self.check()?;
        Ok(self.stream.is_some())
    }

    /// Leaves without a word: the server does not learn that the client is gone.
    pub(super) const fn vanish(&mut self) {
        self.is_silent = true;
    }

    /// Asks whether the connection is still there.
    ///
    /// # Errors
    ///
    /// It is lost; an end by the server is none.
    pub(super) fn check(&self) -> io::Result<()> {
        match &self.lost {
            Some(Lost::Broken(why)) => Err(io::Error::other(why.clone())),
            Some(Lost::Ended) | None => Ok(()),
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.settle();
        let Some(id) = self.stream else { return self.nothing() };
        let mut stream = self.connection.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return self.nothing() };
        let (mut read, mut is_over) = (0, false);
        while read < buffer.len() {
            match chunks.next(buffer.len() - read) {
                Ok(Some(chunk)) => {
                    buffer[read..read + chunk.bytes.len()].copy_from_slice(&chunk.bytes);
                    read += chunk.bytes.len();
                }
                Err(ReadError::Blocked) => break,
                Ok(None) | Err(ReadError::Reset(_)) => {
                    is_over = true;
                    break;
                }
            }
        }
        self.is_dirty |= chunks.finalize().should_transmit();
        match read {
            0 if is_over => Ok(0),
            0 => self.nothing(),
            some => Ok(some),
        }
    }

    /// Nothing is there to be read: not now, or never again.
    fn nothing(&self) -> io::Result<usize> {
        match self.lost {
            Some(Lost::Ended) => Ok(0),
            Some(Lost::Broken(_)) => self.check().map(|()| 0),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(id) = self.stream else { return Err(ErrorKind::WouldBlock.into()) };
        self.is_dirty = true;
        match self.connection.send_stream(id).write(bytes) {
            Ok(written) => Ok(written),
            Err(WriteError::Blocked) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Handles events, and sends.
    fn drive(&mut self) {
        self.is_dirty = false;
        while let Some(event) = self.connection.poll() {
            match event {
                Event::Connected => self.begin(),
                Event::ConnectionLost { reason } => self.lose(&reason),
                _ => {}
            }
        }
        self.follow_webtransport();
        let mut hub = self.hub.lock();
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = hub.handle(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        let (now, segments) = (Instant::now(), hub.segments());
        self.buffer.clear();
        while let Some(transmit) = self.connection.poll_transmit(now, segments, &mut self.buffer) {
            hub.send(&transmit, &self.buffer);
            self.buffer.clear();
        }
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
    }

    fn begin(&mut self) {
        match &mut self.webtransport {
            Some(webtransport) => webtransport.begin(&mut self.connection),
            None => self.stream = self.connection.streams().open(Dir::Bi),
        }
    }

    fn follow_webtransport(&mut self) {
        let Some(webtransport) = &mut self.webtransport else { return };
        match webtransport.drive(&mut self.connection) {
            Ok(stream) => self.stream = stream,
            Err(why) if self.lost.is_none() => {
                self.lost = Some(why.map_or(Lost::Ended, Lost::Broken));
            }
            Err(_) => {}
        }
    }

    fn lose(&mut self, reason: &ConnectionError) {
        self.lost.get_or_insert(match reason {
            ConnectionError::ApplicationClosed(close) if close.error_code == VarInt::from(0_u8) => {
                Lost::Ended
            }
            other => Lost::Broken(other.to_string()),
        });
    }
}

/// Output buffers up to this size are kept for the next time.
const KEPT: usize = 2_048;

impl Drop for Quic {
    fn drop(&mut self) {
        if !self.is_silent && !self.connection.is_closed() {
            let reason = Bytes::from_static(b"left");
            self.connection.close(Instant::now(), VarInt::from(0_u8), reason);
            self.drive();
        }
        if !self.connection.is_drained() {
            self.hub.lock().handle(self.handle, EndpointEvent::drained());
        }
    }
}

impl std::fmt::Debug for Quic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { handle, stream, lost, .. } = self;
        let mut debug = f.debug_struct("Quic");
        debug.field("handle", handle).field("stream", stream).field("lost", lost);
        debug.finish_non_exhaustive()
    }
}
