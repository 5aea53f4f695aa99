//! One socket of a session.

use std::io::{self, Read, Write};

use comet_protocol::client::Time;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::framing::{Framing, Said, Target};
use super::lost::Lost;
use super::route::{Route, Transport, reset};
use crate::dialect::{Dialect, Envelope, Identity, Outgoing};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Dialing,
    /// Connected, and the transport's own beginning is under way.
    Greeting,
    Open,
}

/// A socket and what it could not take yet.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    framing: Framing,
    envelope: Envelope,
    unsent: Vec<u8>,
    stage: Stage,
    /// When the transport must be open.
    pub(super) deadline: Time,
}

/// What one read brought.
#[derive(Debug)]
pub(super) enum Arrived {
    /// This much lies in the buffer; whether it was full.
    Bytes {
        len: usize,
        full: bool,
    },
    Nothing,
    End,
}

/// A buffer for what is to be sent is kept for the next time up to this size.
const KEPT: usize = 512;

impl Connection {
    pub(super) fn dial(
        route: &Route,
        receive_buffer: Option<usize>,
        (dialect, me): (Dialect, &Identity),
        deadline: Time,
        random: u64,
    ) -> io::Result<Self> {
        let stream = route.dial(receive_buffer)?;
        let framing = Framing::new(route.transport, || Target {
            host: route.to.to_string(),
            path: route.path(dialect, me),
            subprotocols: dialect.subprotocols(),
            random,
        });
        let envelope = match route.transport {
            Transport::Tcp => Envelope::Bare,
            Transport::WebSocket => Envelope::WebSocket { opcode: dialect.opcode(), random },
        };
        let (unsent, stage) = (framing.greeting(), Stage::Dialing);
        Ok(Self { stream, framing, envelope, unsent, stage, deadline })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The socket says that it can be written to. Returns whether packets may go from now on.
    pub(super) fn handle_writable(&mut self) -> io::Result<bool> {
        if self.stage == Stage::Dialing {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            match self.stream.peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
                other => other?,
            };
            let opens = self.framing.opens_at_once();
            self.stage = if opens { Stage::Open } else { Stage::Greeting };
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
    pub(super) const fn is_flushed(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Bytes that wait for the socket.
    pub(super) const fn unsent(&self) -> usize {
        self.unsent.len()
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Arrived> {
        let kept = self.framing.restore(buffer);
        loop {
            return match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => Ok(Arrived::End),
                Ok(read) => {
                    let len = kept + read;
                    Ok(Arrived::Bytes { len, full: len == buffer.len() })
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Arrived::Nothing),
                Err(error) => Err(error),
            };
        }
    }

    /// Takes what was received apart, and writes what is said to it.
    pub(super) fn read(
        &mut self,
        input: &mut [u8],
        scratch: &mut Vec<u8>,
        mut take: impl FnMut(Said<'_>, &mut Outgoing<'_>) -> Result<(), Lost>,
    ) -> Result<(), Lost> {
        scratch.clear();
        let (stage, envelope) = (&mut self.stage, &mut self.envelope);
        self.framing.read(input, &mut |said| {
            let mut out = Outgoing::new(scratch, envelope);
            match &said {
                Said::Opened => *stage = Stage::Open,
                Said::Ping(body) => out.pong(body),
                Said::Bytes(_) | Said::Pong => {}
            }
            take(said, &mut out)
        })?;
        Ok(self.write(scratch)?)
    }

    /// Says something.
    pub(super) fn say<T>(
        &mut self,
        scratch: &mut Vec<u8>,
        say: impl FnOnce(&mut Outgoing<'_>) -> T,
    ) -> io::Result<T> {
        scratch.clear();
        let said = say(&mut Outgoing::new(scratch, &mut self.envelope));
        self.write(scratch)?;
        Ok(said)
    }

    /// Says something when everything that is said in this turn goes.
    pub(super) fn say_later<T>(&mut self, say: impl FnOnce(&mut Outgoing<'_>) -> T) -> T {
        say(&mut Outgoing::new(&mut self.unsent, &mut self.envelope))
    }

    /// Writes, and keeps what the socket does not take.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        if self.unsent.is_empty() {
            written = write_some(&mut self.stream, bytes)?;
        }
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.unsent.is_empty() || self.stage == Stage::Dialing {
            return Ok(());
        }
        let written = write_some(&mut self.stream, &self.unsent)?;
        if written < self.unsent.len() {
            self.unsent.drain(..written);
        } else if self.unsent.capacity() > KEPT {
            self.unsent = Vec::new();
        } else {
            self.unsent.clear();
        }
        Ok(())
    }

    /// Ends it without a farewell when it goes.
    pub(super) fn reset(&self) {
        reset(&self.stream);
    }
}

/// Writes until there is no more, or the socket is full.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(some) => written += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
