//! A connection with HTTP as a stream of the tokio runtime.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::TcpStream;
use bytes::{Buf, Bytes};

/// A transport that has left its shard and can go on in a runtime.
pub(crate) trait Detached: Send + fmt::Debug {
    /// The transport as a stream of the current runtime.
    fn into_stream(self: Box<Self>) -> io::Result<Box<dyn AsyncStream>>;
}

/// A byte stream of a runtime.
pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> AsyncStream for S {}

/// The stream of an [`HttpConnection`](crate::HttpConnection): first the bytes that were read from
/// it, then those of its socket or of TLS over it.
pub struct HttpStream {
    read: Bytes,
    carrier: Carrier,
}

enum Carrier {
    Socket(TcpStream),
    Tls(Box<dyn AsyncStream>),
}

impl HttpStream {
    /// A stream that begins with bytes which were read from the socket already.
    #[must_use]
    pub const fn new(socket: TcpStream, read: Bytes) -> Self {
        Self { read, carrier: Carrier::Socket(socket) }
    }

    pub(crate) fn over_tls(stream: Box<dyn AsyncStream>, read: Bytes) -> Self {
        Self { read, carrier: Carrier::Tls(stream) }
    }

    /// Whether the connection is TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.carrier, Carrier::Tls(_))
    }

    /// The socket, and the bytes that are still to be read in front of its own: to have an upgraded
    /// connection [adopted as a socket](crate::Gateway::adopt_socket).
    ///
    /// # Errors
    ///
    /// The stream itself, if it is TLS: it can be [adopted](crate::Gateway::adopt) as such.
    pub fn into_socket(self) -> Result<(TcpStream, Bytes), Self> {
        match self.carrier {
            Carrier::Socket(socket) => Ok((socket, self.read)),
            carrier @ Carrier::Tls(_) => Err(Self { carrier, ..self }),
        }
    }

    fn carrier(&mut self) -> Pin<&mut dyn AsyncStream> {
        match &mut self.carrier {
            Carrier::Socket(socket) => Pin::new(socket),
            Carrier::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

impl fmt::Debug for HttpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStream").field("is_tls", &self.is_tls()).finish_non_exhaustive()
    }
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return self.carrier().poll_read(cx, buffer);
        }
        let count = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..count]);
        self.read.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.carrier().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.carrier().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier().poll_shutdown(cx)
    }
}
