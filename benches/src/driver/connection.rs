//! One socket of a session.

use std::io;

use comet_protocol::client::Time;
use mio::{Registry, Token};

use super::disconnect_reason::DisconnectReason;
use super::framing::{Framing, Target, TransportEvent};
use super::quic::Quic;
use super::route::{Dialing, Route, Transport};
use super::wire::Wire;
use crate::dialect::{Dialect, Identity, Outgoing, PacketFraming};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Dialing,
    /// Connected, and the transport's own beginning is under way.
    Handshaking,
    Open,
}

/// A socket and its unsent bytes.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    framing: Framing,
    packet_framing: PacketFraming,
    unsent: Vec<u8>,
    stage: Stage,
    /// Deadline for the transport to be open.
    pub(super) deadline: Time,
}

/// Result of one read.
#[derive(Debug)]
pub(super) enum ReadResult {
    /// This much lies in the buffer; whether there may be more.
    Bytes {
        len: usize,
        full: bool,
    },
    Nothing,
    End,
}

/// Send buffers up to this size are kept for the next time.
const KEPT: usize = 512;

impl Connection {
    pub(super) fn dial(
        route: &Route,
        (dialect, me): (Dialect, &Identity),
        deadline: Time,
        random: u64,
        dialing: Dialing<'_>,
    ) -> io::Result<Self> {
        let wire = route.dial(dialing, (dialect, me))?;
        let framing = Framing::new(route.transport, || Target {
            host: route.host(),
            path: route.path(dialect, me),
            subprotocols: dialect.subprotocols(),
            random,
        });
        let packet_framing = match route.transport {
            Transport::WebSocket => PacketFraming::WebSocket { opcode: dialect.opcode(), random },
            _ => PacketFraming::Bare,
        };
        let (unsent, stage) = (framing.opening_bytes(), Stage::Dialing);
        Ok(Self { wire, framing, packet_framing, unsent, stage, deadline })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.wire.register(registry, token)
    }

    /// The socket is writable. Returns whether packets may go from now on.
    pub(super) fn handle_writable(&mut self) -> io::Result<bool> {
        if self.stage == Stage::Dialing {
            if !self.wire.is_connected()? {
                return Ok(false);
            }
            let opens = self.framing.opens_at_once();
            self.stage = if opens { Stage::Open } else { Stage::Handshaking };
            self.flush()?;
            return Ok(opens);
        }
        self.flush()?;
        Ok(false)
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    pub(super) const fn is_dialing(&self) -> bool {
        matches!(self.stage, Stage::Dialing)
    }

    /// Whether the socket took everything so far.
    pub(super) fn is_flushed(&self) -> bool {
        self.unsent.is_empty() && self.wire.is_flushed()
    }

    /// Bytes that wait for the socket.
    pub(super) const fn unsent(&self) -> usize {
        self.unsent.len()
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<ReadResult> {
        let kept = self.framing.restore(buffer);
        loop {
            return match self.wire.read(&mut buffer[kept..]) {
                Ok(0) => Ok(ReadResult::End),
                Ok(read) => {
                    let len = kept + read;
                    let full = len == buffer.len() || !self.wire.is_drained_by_a_short_read();
                    Ok(ReadResult::Bytes { len, full })
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(ReadResult::Nothing),
                Err(error) => Err(error),
            };
        }
    }

    /// Splits received bytes into packets, and writes the answers.
    pub(super) fn read(
        &mut self,
        input: &mut [u8],
        scratch: &mut Vec<u8>,
        mut take: impl FnMut(TransportEvent<'_>, &mut Outgoing<'_>) -> Result<(), DisconnectReason>,
    ) -> Result<(), DisconnectReason> {
        scratch.clear();
        let (stage, packet_framing) = (&mut self.stage, &mut self.packet_framing);
        self.framing.read(input, &mut |said| {
            let mut out = Outgoing::new(scratch, packet_framing);
            match &said {
                TransportEvent::Opened => *stage = Stage::Open,
                TransportEvent::Ping(body) => out.pong(body),
                TransportEvent::Bytes(_) | TransportEvent::Pong => {}
            }
            take(said, &mut out)
        })?;
        Ok(self.write(scratch)?)
    }

    /// Says something.
    pub(super) fn write_packets<T>(
        &mut self,
        scratch: &mut Vec<u8>,
        say: impl FnOnce(&mut Outgoing<'_>) -> T,
    ) -> io::Result<T> {
        scratch.clear();
        let said = say(&mut Outgoing::new(scratch, &mut self.packet_framing));
        self.write(scratch)?;
        Ok(said)
    }

    /// Adds output to what goes in this turn.
    pub(super) fn say_later<T>(&mut self, say: impl FnOnce(&mut Outgoing<'_>) -> T) -> T {
        say(&mut Outgoing::new(&mut self.unsent, &mut self.packet_framing))
    }

    /// Writes, and keeps the bytes that the socket does not take.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        if self.unsent.is_empty() {
            written = self.wire.write(bytes)?;
        }
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.stage == Stage::Dialing {
            return Ok(());
        }
        self.wire.flush()?;
        if self.unsent.is_empty() {
            return Ok(());
        }
        let written = self.wire.write(&self.unsent)?;
        if written < self.unsent.len() {
            self.unsent.drain(..written);
        } else if self.unsent.capacity() > KEPT {
            self.unsent = Vec::new();
        } else {
            self.unsent.clear();
        }
        Ok(())
    }

    /// Says that nothing follows, in a transport that wants to know.
    pub(super) fn farewell(&mut self) {
        self.wire.farewell();
    }

    /// Ends it without a farewell when it goes.
    pub(super) fn reset(&mut self) {
        self.wire.reset();
    }

    /// The connection of QUIC, if it is one.
    pub(super) fn quic(&mut self) -> Option<&mut Quic> {
        self.wire.quic()
    }

    /// Time at which the transport has something to do by itself.
    pub(super) fn poll_timeout(&mut self) -> Option<Time> {
        self.wire.poll_timeout()
    }
}
