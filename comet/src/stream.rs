//! Streams of the tokio runtime, polled by a shard.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::runtime::Handle;

use crate::shard::transport::PollStream;

/// A stream with the runtime in whose context it was adopted, which its polls may need: for timers,
/// or to spawn.
pub(crate) struct RuntimeStream<S> {
    /// `None` only while it is dropped.
    stream: Option<Pin<Box<S>>>,
    runtime: Option<Handle>,
}

impl<S: AsyncRead + AsyncWrite> RuntimeStream<S> {
    /// Of the runtime that the caller is on, if any.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: Some(Box::pin(stream)), runtime: Handle::try_current().ok() }
    }

    fn poll<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let _context = self.runtime.as_ref().map(Handle::enter);
        match &mut self.stream {
            Some(stream) => poll(stream.as_mut()),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Send> PollStream for RuntimeStream<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll(|stream| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(stream.poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_shutdown(cx))
    }
}

impl<S> Drop for RuntimeStream<S> {
    fn drop(&mut self) {
        let _context = self.runtime.as_ref().map(Handle::enter);
        self.stream = None;
    }
}
