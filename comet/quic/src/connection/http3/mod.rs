//! HTTP/3 around a WebTransport session: one CONNECT, and the first stream behind it.
//!
//! It reads only what it must to find the session's stream; the bytes of the session do not pass
//! here. Everything else that a client may send is bounded, and dropped.

pub(crate) mod fuzzing;
mod wire;

use bytes::Bytes;
use quinn_proto::{Connection, Dir, ReadError, StreamId, VarInt};

use super::Code;
use crate::config::WebTransport;
use wire::{Asked, Kind, LONGEST, Opening};

/// Bytes of a client beside its session that are read and dropped, on a connection in all.
const NOISE: usize = 64 * 1024;

/// Streams of a client, in each direction, that can be open: see [`Config`](crate::Config).
const STREAMS: usize = 4;

/// A stream of a session that there is not (WEBTRANSPORT_BUFFERED_STREAM_REJECTED).
const NO_SUCH_SESSION: VarInt = VarInt::from_u32(0x3994_bd84);

/// Errors for which a connection is closed (RFC 9114 section 8.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum H3Error {
    None = 0x100,
    StreamCreation = 0x103,
    ClosedCriticalStream = 0x104,
    FrameUnexpected = 0x105,
    ExcessiveLoad = 0x107,
    Settings = 0x109,
    MissingSettings = 0x10a,
    Qpack = 0x200,
}

/// Finding on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Found {
    Nothing,
    /// The session's stream, read up to its first byte.
    Session(StreamId),
    /// The client has closed the session.
    End,
}

/// The HTTP/3 side of a connection.
#[derive(Debug, Default)]
pub(super) struct Http {
    /// Streams whose first bytes are not understood yet.
    bidirectional: Vec<Unknown>,
    unidirectional: Vec<Unknown>,
    /// The client's control stream, and those that it keeps open beside it.
    control: Option<StreamId>,
    critical: Vec<StreamId>,
    /// The request that was granted.
    connect: Option<StreamId>,
    has_session: bool,
    noise: usize,
    /// There may be something to read.
    is_touched: bool,
    has_said_goodbye: bool,
}

/// A stream and its bytes so far.
#[derive(Debug)]
struct Unknown {
    id: StreamId,
    bytes: Vec<u8>,
}

/// Outcome of reading a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pulled {
    /// So many bytes as were wanted, at least.
    Full,
    Blocked,
    End,
}

impl Http {
    /// Says what the server can do.
    pub(super) fn start(quic: &mut Connection) -> Self {
        if let Some(id) = quic.streams().open(Dir::Uni) {
            write(quic, id, wire::control());
        }
        Self::default()
    }

    /// The request that was granted, by which its session is known.
    pub(super) const fn session(&self) -> Option<StreamId> {
        self.connect
    }

    /// Something may have come.
    pub(super) const fn touch(&mut self) {
        self.is_touched = true;
    }

    /// A bidirectional stream of the client.
    pub(super) fn accept(&mut self, id: StreamId) {
        self.bidirectional.push(Unknown { id, bytes: Vec::new() });
        self.is_touched = true;
    }

    /// Reads what has come.
    ///
    /// # Errors
    ///
    /// Reason for which the connection is to be closed.
    pub(super) fn drive(
        &mut self,
        quic: &mut Connection,
        rules: &WebTransport,
    ) -> Result<Found, H3Error> {
        if !std::mem::take(&mut self.is_touched) {
            return Ok(Found::Nothing);
        }
        while let Some(id) = quic.streams().accept(Dir::Uni) {
            self.unidirectional.push(Unknown { id, bytes: Vec::new() });
        }
        self.read_unidirectional(quic)?;
        self.read_critical(quic)?;
        let found = self.read_bidirectional(quic, rules)?;
        Ok(if self.is_ended(quic)? { Found::End } else { found })
    }

    /// Tells the client that the session has ended. It answers by ending the request: a page learns
    /// of a connection that ends before as of a failure.
    pub(super) fn say_goodbye(&mut self, quic: &mut Connection, code: Code) {
        let Some(id) = self.connect else { return };
        if !std::mem::replace(&mut self.has_said_goodbye, true) {
            write(quic, id, wire::goodbye(code as u32, code.reason()));
            // An error says that the client wants no more.
            let _ = quic.send_stream(id).finish();
        }
    }

    /// Panics if more is kept of a client than there may be.
    pub(super) fn check(&self) {
        let unknown = [&self.bidirectional, &self.unidirectional].map(|streams| {
            assert!(streams.len() <= STREAMS, "{} streams", streams.len());
            streams.iter().map(|stream| stream.bytes.len()).max()
        });
        let most = unknown.into_iter().flatten().max().unwrap_or(0);
        assert!(most <= LONGEST && self.noise <= NOISE + 1, "{most}, {}", self.noise);
        assert!(self.critical.len() <= STREAMS, "{} critical streams", self.critical.len());
    }

    fn read_unidirectional(&mut self, quic: &mut Connection) -> Result<(), H3Error> {
        for mut stream in std::mem::take(&mut self.unidirectional) {
            let is_control = self.control == Some(stream.id);
            let pulled =
                pull(quic, stream.id, &mut stream.bytes, if is_control { LONGEST } else { 8 });
            if is_control {
                if pulled == Pulled::End {
                    return Err(H3Error::ClosedCriticalStream);
                }
                match wire::settings(&stream.bytes)? {
                    true => self.critical.push(stream.id),
                    false => self.unidirectional.push(stream),
                }
                continue;
            }
            match wire::kind(&stream.bytes) {
                Some((Kind::Control, _)) if self.control.is_some() => {
                    return Err(H3Error::StreamCreation);
                }
                Some((Kind::Control, len)) => {
                    self.control = Some(stream.id);
                    self.is_touched = true;
                    stream.bytes.drain(..len);
                    self.unidirectional.push(stream);
                }
                Some((Kind::Qpack, _)) => self.critical.push(stream.id),
                // An error says that it has ended.
                Some((Kind::Other, _)) => drop(quic.recv_stream(stream.id).stop(NO_SUCH_SESSION)),
                None if pulled == Pulled::End => {}
                None => self.unidirectional.push(stream),
            }
        }
        // The control stream has been told from others, and may have its settings already.
        if std::mem::take(&mut self.is_touched) { self.read_unidirectional(quic) } else { Ok(()) }
    }

    /// Drops what comes on streams that have to stay open.
    fn read_critical(&mut self, quic: &mut Connection) -> Result<(), H3Error> {
        for at in 0..self.critical.len() {
            if self.drop_bytes(quic, self.critical[at])? {
                return Err(H3Error::ClosedCriticalStream);
            }
        }
        Ok(())
    }

    fn read_bidirectional(
        &mut self,
        quic: &mut Connection,
        rules: &WebTransport,
    ) -> Result<Found, H3Error> {
        let mut found = Found::Nothing;
        // A stream of the session may have come before the request.
        let mut streams = std::mem::take(&mut self.bidirectional);
        streams.sort_by_key(|stream| stream.id);
        for mut stream in streams {
            match open(quic, &mut stream) {
                Opening::Needs(_) => self.bidirectional.push(stream),
                Opening::Request => self.read_request(quic, rules, stream)?,
                Opening::Session(session) => match self.connect {
                    Some(connect) if u64::from(connect) == session && !self.has_session => {
                        self.has_session = true;
                        found = Found::Session(stream.id);
                    }
                    None => self.bidirectional.push(stream),
                    Some(_) => super::session::refuse(quic, stream.id, NO_SUCH_SESSION),
                },
            }
        }
        Ok(found)
    }

    fn read_request(
        &mut self,
        quic: &mut Connection,
        rules: &WebTransport,
        mut stream: Unknown,
    ) -> Result<(), H3Error> {
        let pulled = pull(quic, stream.id, &mut stream.bytes, LONGEST);
        let status = match wire::request(&mut stream.bytes, rules)? {
            Asked::Needs if pulled == Pulled::End => return Ok(()),
            Asked::Needs => {
                self.bidirectional.push(stream);
                return Ok(());
            }
            Asked::Session if self.connect.is_some() => 429,
            Asked::Session => {
                self.connect = Some(stream.id);
                write(quic, stream.id, wire::response(200));
                return Ok(());
            }
            Asked::Refused(status) => status,
        };
        write(quic, stream.id, wire::response(status));
        // Errors say that the client has given it up.
        let _ = quic.send_stream(stream.id).finish();
        let _ = quic.recv_stream(stream.id).stop(VarInt::from_u32(H3Error::None as u32));
        Ok(())
    }

    /// True once the client has ended the request, and with it the session.
    fn is_ended(&mut self, quic: &mut Connection) -> Result<bool, H3Error> {
        match self.connect {
            Some(connect) => self.drop_bytes(quic, connect),
            None => Ok(false),
        }
    }

    /// Drops what has come on a stream; whether it has ended.
    fn drop_bytes(&mut self, quic: &mut Connection, id: StreamId) -> Result<bool, H3Error> {
        let mut bytes = Vec::new();
        let pulled = pull(quic, id, &mut bytes, NOISE - self.noise + 1);
        self.noise += bytes.len();
        match pulled {
            Pulled::Full => Err(H3Error::ExcessiveLoad),
            Pulled::Blocked => Ok(false),
            Pulled::End => Ok(true),
        }
    }
}

/// Reads a stream just as far as it has to be to tell what it is.
fn open(quic: &mut Connection, stream: &mut Unknown) -> Opening {
    loop {
        let opening = wire::opening(&stream.bytes);
        let Opening::Needs(len) = opening else { return opening };
        if pull(quic, stream.id, &mut stream.bytes, len) != Pulled::Full {
            return opening;
        }
    }
}

/// Reads until there are so many bytes.
fn pull(quic: &mut Connection, id: StreamId, into: &mut Vec<u8>, len: usize) -> Pulled {
    let mut stream = quic.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else { return Pulled::End };
    while into.len() < len {
        match chunks.next(len - into.len()) {
            Ok(Some(chunk)) => into.extend_from_slice(&chunk.bytes),
            Err(ReadError::Blocked) => return Pulled::Blocked,
            Ok(None) | Err(ReadError::Reset(_)) => return Pulled::End,
        }
    }
    Pulled::Full
}

/// Writes a few bytes. A client whose window has no room even for these gets the first part only,
/// and is closed by its deadline.
fn write(quic: &mut Connection, id: StreamId, bytes: Vec<u8>) {
    let mut chunks = [Bytes::from(bytes)];
    if let Err(error) = quic.send_stream(id).write_chunks(&mut chunks) {
        tracing::debug!(%error, "a client of HTTP/3 takes nothing");
    }
}
