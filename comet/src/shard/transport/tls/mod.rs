//! TLS over a socket, without a buffer while nothing is on its way.
//!
//! The shard itself takes part in handshakes and handles records: there is no thread or task for a
//! connection. What a record needs on its way lies in a [scratch] of the thread. A
//! connection keeps what cannot leave it: the beginning of a record or handshake message, plaintext
//! beyond the caller's buffer, and records that the socket has not taken.
//!
//! Writes can be made together with those of others: each is [sealed](Tls::seal) into a buffer of
//! the caller's, and what the socket did not take of it is [kept](Tls::keep).
//!
//! Not here: certificates (`crate::tls`).

mod fault;
mod scratch;
mod sealing;

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::{fmt, mem};

use blake2::{Blake2s256, Digest};
use mio::net::TcpStream;
use rustls::HandshakeKind;
use rustls::server::{ServerConfig, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};

use super::Received;
use crate::closed::TlsFault;
use crate::tls::ClientCertificate;
use fault::fault_of;
use sealing::encode;

/// Longest plaintext of one record (RFC 8446, section 5.1).
pub(super) const RECORD: usize = 16 * 1024;

/// Reads in a row that bring no plaintext, before others have their turn.
const READS: usize = 4;

/// TLS of one connection, from its first byte on.
pub(crate) struct Tls {
    socket: TcpStream,
    connection: UnbufferedServerConnection,
    stage: Stage,
    /// A handshake that nobody has asked about yet.
    done: Option<Handshake>,
    /// Bytes that were read by somebody else wait in `tail` and have not been looked at.
    is_begun: bool,
    /// Nothing more can be sealed.
    is_spent: bool,
    /// The peer has sent its last record.
    has_ended: bool,
    /// The socket's sending side is to be shut down when `sealed` is written.
    is_shutting: bool,
    /// Longest beginning of a handshake message that is kept.
    longest: usize,
    /// Input that is no whole record or handshake message yet.
    tail: Vec<u8>,
    /// Plaintext that did not fit a caller's buffer.
    plain: Vec<u8>,
    /// Records that the socket has not taken.
    sealed: Vec<u8>,
}

/// A TLS handshake that is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::shard) enum Handshake {
    Full,
    /// By a ticket.
    Resumed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Handshake,
    Open,
    /// Broken, for a reason that is still to be told. Nothing is read or written by TLS any more.
    Failed(Option<TlsFault>),
    /// The last record has been sealed.
    Shut,
}

impl Tls {
    /// Begins a handshake. The first bytes may have been read already; of an unfinished handshake
    /// message at most `longest` bytes are kept.
    ///
    /// # Errors
    ///
    /// rustls does not take the configuration.
    pub(super) fn new(
        socket: TcpStream,
        config: Arc<ServerConfig>,
        first: Vec<u8>,
        longest: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            socket,
            connection: UnbufferedServerConnection::new(config).map_err(io::Error::other)?,
            stage: Stage::Handshake,
            done: None,
            is_begun: !first.is_empty(),
            is_spent: false,
            has_ended: false,
            is_shutting: false,
            longest: longest.min(scratch::TAIL),
            tail: first,
            plain: Vec::new(),
            sealed: Vec::new(),
        })
    }

    pub(in crate::shard) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(in crate::shard) fn socket_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Whether it is still in its handshake.
    pub(super) fn is_handshaking(&self) -> bool {
        self.stage == Stage::Handshake
    }

    /// Whether it can write.
    pub(in crate::shard) fn is_writable(&self) -> bool {
        self.is_open() && !self.is_spent
    }

    /// Whether sessions can read and write.
    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Bytes of input that wait here.
    pub(super) fn held_input(&self) -> usize {
        self.tail.capacity() + self.plain.capacity()
    }

    /// Bytes of records that wait for the socket.
    pub(super) fn held_output(&self) -> usize {
        self.sealed.len()
    }

    /// The handshake that has been done, once.
    pub(super) fn take_handshake(&mut self) -> Option<Handshake> {
        self.done.take()
    }

    /// The client's certificate, if it has authenticated itself.
    pub(super) fn client_certificate(&self) -> Option<ClientCertificate> {
        self.connection.peer_certificates()?.first().map(ClientCertificate::of)
    }

    /// Hash of that certificate.
    pub(super) fn certificate_hash(&self) -> Option<[u8; 32]> {
        let leaf = self.connection.peer_certificates()?.first()?;
        Some(Blake2s256::digest(leaf).into())
    }

    /// Reads plaintext, as far as it is there, and goes on with the handshake.
    ///
    /// # Errors
    ///
    /// Those of the socket; a [`TlsFault`] in an [`ErrorKind::InvalidData`].
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        if let Some(received) = self.before_reading(buffer)? {
            return Ok(received);
        }
        for _ in 0..READS {
            let received = scratch::with(|scratch| {
                let (tail, rest) = scratch.wire(&self.tail);
                let most = rest.len().min(buffer.len());
                let (count, is_new) = match mem::take(&mut self.is_begun) {
                    true => (0, true),
                    false => self.socket.read(&mut rest[..most]).map(|count| (count, count > 0))?,
                };
                let wire = &mut scratch.wire[..tail + count];
                let received = self.take(wire, is_new, buffer)?;
                Ok::<_, io::Error>(received.map(|it| note_more(it, count == most)))
            })?;
            if let Some(received) = received {
                return Ok(received);
            }
        }
        // Others have their turn first.
        Err(ErrorKind::Interrupted.into())
    }

    /// The plaintext of `count` bytes that were read from the socket into the buffer, which takes
    /// its place.
    ///
    /// # Errors
    ///
    /// The same; [`ErrorKind::WouldBlock`] if there is none yet.
    pub(super) fn received(&mut self, buffer: &mut [u8], count: usize) -> io::Result<Received> {
        let is_full = count == buffer.len();
        if !self.is_open() {
            // It has ended since, and nobody looks at what comes.
            return Ok(Received { len: count, has_more: is_full });
        }
        let received = scratch::with(|scratch| {
            let (tail, rest) = scratch.wire(&self.tail);
            let rest = rest.get_mut(..count).ok_or(ErrorKind::InvalidInput)?;
            rest.copy_from_slice(&buffer[..count]);
            self.take(&mut scratch.wire[..tail + count], count > 0, buffer)
        })?;
        match received {
            Some(received) => Ok(note_more(received, is_full)),
            None if is_full => Err(ErrorKind::Interrupted.into()),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// What is there without the socket, or instead of TLS.
    fn before_reading(&mut self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        if !self.plain.is_empty() {
            let len = self.plain.len().min(buffer.len());
            buffer[..len].copy_from_slice(&self.plain[..len]);
            self.plain.drain(..len);
            if self.plain.is_empty() {
                self.plain = Vec::new();
            }
            return Ok(Some(Received { len, has_more: true }));
        }
        if let Stage::Failed(fault @ Some(_)) = &mut self.stage
            && let Some(fault) = fault.take()
        {
            return Err(io::Error::new(ErrorKind::InvalidData, fault));
        }
        if matches!(self.stage, Stage::Failed(None) | Stage::Shut) {
            // It is read to be thrown away.
            let len = self.socket.read(buffer)?;
            return Ok(Some(Received { len, has_more: len == buffer.len() }));
        }
        let end = Received { len: 0, has_more: false };
        Ok(self.has_ended.then_some(end))
    }

    /// Handles input, of which some is new unless the socket is at its end. The plaintext in the
    /// buffer; `None` if there is none yet.
    fn take(
        &mut self,
        wire: &mut [u8],
        is_new: bool,
        buffer: &mut [u8],
    ) -> io::Result<Option<Received>> {
        if !is_new && self.stage == Stage::Handshake {
            return Ok(Some(Received { len: 0, has_more: false }));
        }
        if !is_new {
            // RFC 8446, section 6.1: data may be missing that somebody else has cut off.
            self.fail(TlsFault::Truncated);
            return self.before_reading(buffer);
        }
        let len = self.open(wire, buffer);
        let driven = self.drive();
        let has_failed = matches!(self.stage, Stage::Failed(_));
        if len > 0 {
            // An end or an error behind it is told after it.
            let has_more = !self.plain.is_empty() || self.has_ended || has_failed;
            return Ok(Some(Received { len, has_more }));
        }
        if !has_failed {
            driven?;
        }
        self.before_reading(buffer)
    }

    /// Handles whole records, keeps the rest, and returns the length of the plaintext.
    fn open(&mut self, wire: &mut [u8], buffer: &mut [u8]) -> usize {
        let (mut at, mut len) = (0, 0);
        let fault = loop {
            let rest = &mut wire[at..];
            let UnbufferedStatus { mut discard, state } = self.connection.process_tls_records(rest);
            let goes_on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        discard += record.discard;
                        len += put(record.payload, &mut buffer[len..], &mut self.plain);
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, &mut self.sealed);
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.has_ended = true;
                    true
                }
                Ok(_) => false,
                Err(error) => {
                    at += discard;
                    break Some(fault_of(&error));
                }
            };
            at += discard;
            if !goes_on {
                break None;
            }
        };
        if let Some(fault) = fault {
            self.put_alert(&mut wire[at..]);
            self.fail(fault);
        } else {
            self.keep_tail(&wire[at..]);
        }
        if self.stage == Stage::Handshake && !self.connection.is_handshaking() {
            self.stage = Stage::Open;
            self.done = Some(match self.connection.handshake_kind() {
                Some(HandshakeKind::Resumed) => Handshake::Resumed,
                _ => Handshake::Full,
            });
        }
        len
    }

    fn keep_tail(&mut self, rest: &[u8]) {
        self.tail = Vec::new();
        if self.has_ended || rest.is_empty() {
            return;
        }
        if rest.len() > self.longest && self.stage == Stage::Handshake || rest.len() > scratch::TAIL
        {
            return self.fail(TlsFault::TooLong);
        }
        self.tail = rest.to_vec();
    }

    /// What rustls still has to say after an error: the alert, and messages before it.
    fn put_alert(&mut self, rest: &mut [u8]) {
        // Without anything to say, it would read on.
        while self.connection.wants_write() {
            let status = self.connection.process_tls_records(rest);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state else { break };
            encode(&mut data, &mut self.sealed);
        }
    }

    fn fail(&mut self, fault: TlsFault) {
        self.stage = Stage::Failed(Some(fault));
        self.tail = Vec::new();
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// A full read may have left something in the socket.
fn note_more(received: Received, is_full: bool) -> Received {
    Received { has_more: received.has_more || (is_full && received.len > 0), ..received }
}

/// Copies plaintext to the caller's buffer, and what does not fit to the overflow.
fn put(payload: &[u8], space: &mut [u8], overflow: &mut Vec<u8>) -> usize {
    let len = payload.len().min(space.len());
    space[..len].copy_from_slice(&payload[..len]);
    overflow.extend_from_slice(&payload[len..]);
    len
}
