//! Output of a TLS connection: plaintext to records, and records to the socket.
//!
//! Not here: input, and with it the handshake (the module above).

use std::io::{self, ErrorKind, IoSlice, Write};
use std::mem;
use std::net::Shutdown;

use rustls::server::ServerConnectionData;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, WriteTraffic};

use super::scratch::{self, Scratch};
use super::{RECORD, Stage, Tls};

/// Bytes that a record adds to its plaintext at most, and a handshake message that goes before it.
const OVERHEAD: usize = 128;

/// Plaintext that is sealed at once: what a socket does not take of it is kept.
const WRITE: usize = 4 * RECORD;

impl Tls {
    /// Seals plaintext, and writes it as far as the socket takes it. What is sealed counts as
    /// written; nothing more is taken before that has left.
    ///
    /// # Errors
    ///
    /// Those of the socket; [`ErrorKind::NotConnected`] in the handshake.
    pub(in crate::shard::transport) fn write_vectored(
        &mut self,
        slices: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        match self.stage {
            Stage::Open => {}
            // Nobody writes before there is a session, but to turn the peer away.
            Stage::Handshake => return Err(ErrorKind::NotConnected.into()),
            // The peer would not understand it.
            Stage::Failed(_) | Stage::Shut => return Ok(slices.iter().map(|it| it.len()).sum()),
        }
        self.drive()?;
        if !self.sealed.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        scratch::with(|Scratch { plain, sealed, .. }| {
            gather(slices, plain);
            sealed.clear();
            self.seal(plain, sealed)?;
            self.keep(sealed);
            Ok(plain.len())
        })
        .inspect(|_| drop(self.drive()))
    }

    /// Appends the records of this plaintext to those in a buffer, behind all that was sealed
    /// before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotConnected`] in the handshake and after the end; [`ErrorKind::InvalidData`]
    /// if the keys are used up, and from then on: nothing can be written any more.
    pub(in crate::shard) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if self.stage != Stage::Open || self.is_spent {
            return Err(ErrorKind::NotConnected.into());
        }
        let result = self.while_writable(|mut traffic, out| encrypt(&mut traffic, plain, out), out);
        // Others of the batch are told apart by what was open before.
        self.is_spent |= result.is_err();
        result
    }

    /// Keeps records that were sealed and that the socket did not take.
    pub(in crate::shard) fn keep(&mut self, sealed: &[u8]) {
        self.sealed.extend_from_slice(sealed);
    }

    /// Whether records wait that the socket did not take.
    pub(in crate::shard) fn has_kept(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// Has rustls write, once it has put its own messages into the buffer.
    fn while_writable(
        &mut self,
        write: impl FnOnce(WriteTraffic<'_, ServerConnectionData>, &mut Vec<u8>) -> io::Result<()>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        loop {
            // It looks at the tail again, in which there is nothing whole.
            let status = self.connection.process_tls_records(&mut self.tail);
            match status.state {
                Ok(ConnectionState::WriteTraffic(traffic)) => return write(traffic, out),
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, out),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                _ => return Err(ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Writes what is sealed, and then ends the sending side if that is wanted.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub(in crate::shard::transport) fn drive(&mut self) -> io::Result<()> {
        while !self.sealed.is_empty() {
            match self.socket.write(&self.sealed) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.sealed.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sealed = Vec::new();
        if mem::take(&mut self.is_shutting) {
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Ends the sending side behind all that was written, by a close_notify where the peer can
    /// read it.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub(in crate::shard::transport) fn shutdown_write(&mut self) -> io::Result<()> {
        if self.stage == Stage::Open {
            let mut last = Vec::new();
            let notify = |mut traffic: WriteTraffic<'_, _>, out: &mut Vec<u8>| {
                append(out, OVERHEAD, |space| traffic.queue_close_notify(space))
            };
            // Keys that are used up cannot say goodbye.
            let _ = self.while_writable(notify, &mut last);
            self.keep(&last);
        }
        if !matches!(self.stage, Stage::Failed(_)) {
            self.stage = Stage::Shut;
        }
        self.is_shutting = true;
        self.drive()
    }
}

/// Puts the beginning of the slices into the buffer.
fn gather(slices: &[IoSlice<'_>], plain: &mut Vec<u8>) {
    plain.clear();
    for slice in slices {
        let room = WRITE - plain.len();
        plain.extend_from_slice(&slice[..slice.len().min(room)]);
    }
}

/// A message of rustls itself.
pub(super) fn encode(data: &mut EncodeTlsData<'_, ServerConnectionData>, out: &mut Vec<u8>) {
    let from = out.len();
    let needed = match data.encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        Ok(_) | Err(EncodeError::AlreadyEncoded) => return,
    };
    out.resize(from + needed, 0);
    if data.encode(&mut out[from..]).is_err() {
        out.truncate(from);
    }
}

fn encrypt(
    traffic: &mut WriteTraffic<'_, ServerConnectionData>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let expected = plain.len() + OVERHEAD * (1 + plain.len() / RECORD);
    append(out, expected, |space| traffic.encrypt(plain, space))
}

/// Appends what is written into the space of an expected size, or into as much as it takes.
fn append(
    out: &mut Vec<u8>,
    expected: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> io::Result<()> {
    let from = out.len();
    out.resize(from + expected, 0);
    let mut written = write(&mut out[from..]);
    if let Err(EncryptError::InsufficientSize(size)) = written {
        out.resize(from + size.required_size, 0);
        written = write(&mut out[from..]);
    }
    out.truncate(from + written.as_ref().map_or(0, |&len| len));
    written.map(drop).map_err(|_| ErrorKind::InvalidData.into())
}
