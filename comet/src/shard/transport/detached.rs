//! TLS as a stream of a runtime, which says when the socket is ready: of a connection that has left
//! its shard, or never was on one.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::unix::AsyncFd;
use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tls::Tls;
use crate::http::{AsyncStream, Detached};

/// Longest beginning of a handshake message that is kept on connections of no shard.
const LONGEST: usize = 16 * 1024;

/// TLS, from its first bytes on, over a socket that is non-blocking.
pub(crate) fn tls_over(
    socket: std::net::TcpStream,
    tls: &crate::tls::Tls,
    first: Vec<u8>,
) -> io::Result<Box<dyn AsyncStream>> {
    let socket = mio::net::TcpStream::from_std(socket);
    let tls = Tls::new(socket, tls.current(), first, LONGEST)?;
    Box::new(DetachedTls(Box::new(tls))).into_stream()
}

/// TLS of a connection that is to be polled elsewhere.
#[derive(Debug)]
pub(super) struct DetachedTls(pub(super) Box<Tls>);

impl Detached for DetachedTls {
    fn into_stream(self: Box<Self>) -> io::Result<Box<dyn AsyncStream>> {
        #[expect(
            deprecated,
            reason = "the successor is unsafe, and the descriptor stays that of the socket inside"
        )]
        let tls = AsyncFd::new(*self)?;
        Ok(Box::new(TlsStream { tls, is_shut: false }))
    }
}

impl AsRawFd for DetachedTls {
    fn as_raw_fd(&self) -> RawFd {
        self.0.socket().as_raw_fd()
    }
}

struct TlsStream {
    tls: AsyncFd<DetachedTls>,
    /// The last record has been sealed.
    is_shut: bool,
}

impl TlsStream {
    fn tls(&mut self) -> &mut Tls {
        &mut self.tls.get_mut().0
    }

    /// Does it once the socket takes bytes.
    fn poll_write_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Tls) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match write(self.tls()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.tls.poll_write_ready_mut(cx))?.clear_ready();
                }
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            // Plaintext may be there of which the socket says nothing.
            match self.tls().read(buffer.initialize_unfilled()) {
                Ok(received) => {
                    buffer.advance(received.len);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.tls.poll_read_ready_mut(cx))?.clear_ready();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    // Others have their turn first.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |tls| tls.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_with(cx, |tls| {
            tls.drive()?;
            if tls.has_kept() { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_shut, true) {
            self.tls().shutdown_write()?;
        }
        self.poll_flush(cx)
    }
}
