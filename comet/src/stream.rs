//! Streams of the tokio runtime, polled by a shard.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::runtime::Handle;
use bytes::Bytes;
use comet_protocol::codec::Beside;

use crate::delivery::Lane;
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

/// A stream beside which its connection has others: one for each lane of deliveries, and datagrams.
///
/// A peer of the comet dialect that asks for them gets its acked deliveries on the lanes, each lane
/// in order and independent of the others, and as datagrams the deliveries that
/// [ask for it](crate::Delivery::datagram); all else on the stream itself. Adopted by
/// [`Place::adopt_lanes`](crate::Place::adopt_lanes).
pub trait LaneStream: AsyncRead + AsyncWrite {
    /// Whether datagrams can be sent to this peer.
    fn has_datagrams(&self) -> bool;

    /// Takes bytes for a lane, as [`AsyncWrite::poll_write_vectored`] does for the stream. The lane
    /// begins with the first bytes taken; what comes before them on the wire is the stream's part.
    /// Shutting down ends the lanes that have begun, too, behind what they took.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    fn poll_write_lane(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        lane: Lane,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Sends a datagram, which may be lost; `false` if it is longer than one can be.
    fn send_datagram(self: Pin<&mut Self>, bytes: Bytes) -> bool;
}

/// The same of a stream with lanes.
pub(crate) struct RuntimeLanes<S>(RuntimeStream<S>);

impl<S: LaneStream> RuntimeLanes<S> {
    /// Of the runtime that the caller is on, if any.
    pub(crate) fn new(stream: S) -> Self {
        Self(RuntimeStream::new(stream))
    }
}

impl<S: LaneStream + Send> PollStream for RuntimeLanes<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, buffer)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_shutdown(cx)
    }

    fn beside(&self) -> Beside {
        let stream = self.0.stream.as_ref();
        let datagrams = stream.is_some_and(|stream| stream.as_ref().has_datagrams());
        Beside { lanes: true, datagrams }
    }

    fn poll_write_lane(
        &mut self,
        cx: &mut Context<'_>,
        lane: Lane,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll(|stream| stream.poll_write_lane(cx, lane, slices))
    }

    fn send_datagram(&mut self, bytes: Bytes) -> bool {
        let sent = self.0.poll(|stream| Poll::Ready(Ok(stream.send_datagram(bytes))));
        !matches!(sent, Poll::Ready(Ok(false)))
    }
}
