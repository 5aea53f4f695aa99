//! A connection: a socket, the frames on it, and a limit for what waits to be written.
//!
//! All futures are cancel-safe: what was read or written so far is kept here.

use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use comet_protocol::Frame;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::{Framed, FramedParts};

use crate::address::{Address, Transport};
use crate::error::ConnectionError;
use crate::frames::{Frames, Input, Output};
use crate::handshake::Handshake;

/// Time limit for closing: sending the rest and waiting for the peer to close as well.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    framed: Framed<TcpStream, Frames>,
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
        let mut stream = TcpStream::connect(address.host()).await?;
        stream.set_nodelay(true)?;
        let parts = match address.transport() {
            Transport::Tcp => FramedParts::new(stream, Frames::packets(max_body)),
            Transport::WebSocket => {
                let read = upgrade(&mut stream, &address).await?;
                let mut parts = FramedParts::new(stream, Frames::messages(max_body));
                parts.read_buf = read;
                parts
            }
        };
        Ok(Self { framed: Framed::from_parts(parts), max_output })
    }

    /// Appends whole frames to the output.
    pub(crate) fn push(&mut self, frames: Bytes) -> Result<(), ConnectionError> {
        let waiting = self.framed.write_buffer().len();
        if waiting.saturating_add(frames.len()) > self.max_output {
            return Err(ConnectionError::Blocked);
        }
        self.framed.start_send_unpin(Output::Frames(frames))
    }

    /// Writes the output until a frame arrives. Pings are answered.
    pub(crate) async fn receive(&mut self) -> Result<Frame, ConnectionError> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(error)) = self.framed.poll_flush_unpin(cx) {
                    return Poll::Ready(Err(error));
                }
                match ready!(self.framed.poll_next_unpin(cx)) {
                    Some(Ok(Input::Frame(frame))) => return Poll::Ready(Ok(frame)),
                    Some(Ok(Input::Ping(payload))) => {
                        self.framed.start_send_unpin(Output::Pong(payload))?;
                        // Requested by the server faster than it reads them.
                        if self.framed.write_buffer().len() > self.max_output.saturating_mul(2) {
                            return Poll::Ready(Err(ConnectionError::Blocked));
                        }
                    }
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    None => return Poll::Ready(Err(ConnectionError::Ended)),
                }
            }
        })
        .await
    }

    /// Writes the output, then closes; further input is discarded.
    pub(crate) async fn close(mut self) {
        let last_words = async {
            self.framed.send(Output::Goodbye).await?;
            let stream = self.framed.get_mut();
            stream.shutdown().await?;
            let mut rest = [0; 1_024];
            // Waits for the peer's close: a reset would destroy data that it has not read.
            while stream.read(&mut rest).await? > 0 {}
            Ok::<(), ConnectionError>(())
        };
        // An error here can no longer be reported.
        let _ = timeout(GOODBYE, last_words).await;
    }
}

/// Upgrades a connection. Returns bytes that were read beyond the response.
async fn upgrade(stream: &mut TcpStream, address: &Address) -> Result<BytesMut, ConnectionError> {
    let (mut request, mut input) = (Vec::new(), BytesMut::new());
    let mut handshake = Handshake::begin(address, &mut request);
    stream.write_all(&request).await?;
    while !handshake.finish(&mut input)? {
        if stream.read_buf(&mut input).await? == 0 {
            return Err(ConnectionError::Ended);
        }
    }
    Ok(input)
}
