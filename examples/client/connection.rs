//! A connection: bytes between a socket and the reader of frames.
//!
//! All futures are cancel-safe: bytes read or written so far are kept here.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::{Address, Transport};
use crate::error::ConnectionError;
use crate::websocket::{self, Handshake, Messages};

/// Time limit for closing: sending the rest and waiting for the peer to close as well.
const GOODBYE: Duration = Duration::from_secs(2);

/// Received input.
#[derive(Debug)]
pub(crate) enum Received {
    /// A part of a stream of packets, split at any byte.
    Bytes(Bytes),
    /// One or more whole packets.
    Message(Bytes),
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    messages: Option<Messages>,
    input: BytesMut,
    output: Vec<u8>,
    /// Limit on the bytes waiting to be written.
    max_output: usize,
}

impl Connection {
    /// Connects, and upgrades to WebSocket if required.
    pub(crate) async fn open(
        address: Address,
        max_body: usize,
        max_output: usize,
    ) -> Result<Self, ConnectionError> {
        let stream = TcpStream::connect(address.host()).await?;
        stream.set_nodelay(true)?;
        let (input, output) = (BytesMut::new(), Vec::new());
        let mut this = Self { stream, messages: None, input, output, max_output };
        if address.transport() == Transport::WebSocket {
            let mut handshake = Handshake::begin(&address, &mut this.output);
            while !handshake.finish(&mut this.input)? {
                this.move_bytes().await?;
            }
            this.messages = Some(Messages::new(max_body));
        }
        Ok(this)
    }

    /// Appends whole frames to the output.
    pub(crate) fn push(&mut self, frames: &[u8]) -> Result<(), ConnectionError> {
        if self.output.len().saturating_add(frames.len()) > self.max_output {
            return Err(ConnectionError::Blocked);
        }
        match self.messages {
            Some(_) => websocket::write_message(&mut self.output, frames),
            None => self.output.extend_from_slice(frames),
        }
        Ok(())
    }

    /// Writes the output until input arrives.
    pub(crate) async fn receive(&mut self) -> Result<Received, ConnectionError> {
        loop {
            match &mut self.messages {
                None if !self.input.is_empty() => {
                    return Ok(Received::Bytes(self.input.split().freeze()));
                }
                None => {}
                Some(messages) => {
                    if let Some(message) = messages.take(&mut self.input, &mut self.output)? {
                        return Ok(Received::Message(message));
                    }
                    // Pongs, requested by the server faster than it reads them.
                    if self.output.len() > self.max_output.saturating_mul(2) {
                        return Err(ConnectionError::Blocked);
                    }
                }
            }
            self.move_bytes().await?;
        }
    }

    /// Reads or writes once.
    async fn move_bytes(&mut self) -> Result<(), ConnectionError> {
        let (mut reader, mut writer) = self.stream.split();
        tokio::select! {
            read = reader.read_buf(&mut self.input) => {
                if read? == 0 {
                    return Err(ConnectionError::Ended);
                }
            }
            written = writer.write(&self.output), if !self.output.is_empty() => {
                self.output.drain(..written?);
            }
        }
        Ok(())
    }

    /// Writes the output, then closes; further input is discarded.
    pub(crate) async fn close(mut self) {
        if self.messages.is_some() {
            websocket::write_goodbye(&mut self.output);
        }
        let last_words = async {
            self.stream.write_all(&self.output).await?;
            self.stream.shutdown().await?;
            let mut rest = [0; 1_024];
            // Waits for the peer's close: a reset would destroy data that it has not read.
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // An error here can no longer be reported.
        let _ = timeout(GOODBYE, last_words).await;
    }
}
