//! Streams without a descriptor, which are polled as a future is: TLS over a runtime's socket, a
//! stream of a multiplexed connection, a pipe in this process.
//!
//! The shard polls the stream itself, on its thread, with a waker that reports on the shard's
//! board. So there is no task and no buffer between a session and its stream, and a stream that is
//! not read pushes back on its peer.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use comet_protocol::codec::Beside;

use super::Received;
use crate::delivery::Lane;
use crate::shard::board::{Board, Source, Watch};
use crate::shard::entrance::Holds;
use crate::shard::readiness::{Ready, Token};

/// A byte stream that is polled. Where it is not ready, it wakes the waker of the last call of any
/// kind once that may have changed.
pub(crate) trait PollStream: Send {
    /// Reads into the buffer; 0 bytes at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Takes bytes to be written.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Sends what was taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the sending side, of lanes too, behind what was taken.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// What it has beside its stream.
    fn beside(&self) -> Beside {
        Beside::default()
    }

    /// Takes bytes to be written to the stream of a lane.
    fn poll_write_lane(
        &mut self,
        _: &mut Context<'_>,
        _: Lane,
        _: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(ErrorKind::Unsupported.into()))
    }

    /// Sends a datagram, or drops it; `false` if it is too long for one.
    fn send_datagram(&mut self, _: Bytes) -> bool {
        false
    }
}

/// A polled stream as a transport.
pub(crate) struct Polled {
    /// `None` once it has panicked.
    stream: Option<Box<dyn PollStream>>,
    signal: Arc<Signal>,
    waker: Waker,
    remote: Option<SocketAddr>,
    holds: Holds,
    is_secure: bool,
    /// What is under way on the sending side.
    sending: Sending,
    /// End of the peer's bytes, found behind some that have been read.
    end: Option<io::Result<()>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sending {
    Nothing,
    /// Bytes that were taken may not be sent yet.
    Flush,
    Shutdown,
}

impl Polled {
    pub(crate) fn new(
        stream: Box<dyn PollStream>,
        remote: Option<SocketAddr>,
        holds: Holds,
    ) -> Self {
        let signal = Arc::new(Signal(Mutex::new(None)));
        Self {
            stream: Some(stream),
            waker: Waker::from(Arc::clone(&signal)),
            signal,
            remote,
            holds,
            is_secure: false,
            sending: Sending::Nothing,
            end: None,
        }
    }

    pub(super) const fn holds(&self) -> Holds {
        self.holds
    }

    /// Says whether its bytes are protected by TLS, or something as good.
    pub(crate) fn secure(mut self, is_secure: bool) -> Self {
        self.is_secure = is_secure;
        self
    }

    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Reports to this board from now on, and once at once.
    pub(in crate::shard) fn watch(&self, board: &Arc<Board>, token: Token) {
        let mut watch = Watch::new(board, token);
        watch.post(&self.signal);
        *self.signal.lock() = Some(watch);
    }

    pub(in crate::shard) fn unwatch(&self) {
        *self.signal.lock() = None;
    }

    /// Reads until the buffer is full or the stream is not ready: only then it wakes.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut len = 0;
        while len < buffer.len() {
            let end = match self.end.take() {
                Some(end) => end,
                None => match self.poll(|stream, cx| stream.poll_read(cx, &mut buffer[len..])) {
                    Poll::Ready(Ok(0)) => Ok(()),
                    Poll::Ready(Ok(count)) => {
                        len += count;
                        continue;
                    }
                    Poll::Ready(Err(error)) => Err(error),
                    Poll::Pending if len > 0 => return Ok(Received { len, has_more: false }),
                    Poll::Pending => return Err(ErrorKind::WouldBlock.into()),
                },
            };
            if len > 0 {
                self.end = Some(end);
                break;
            }
            return end.map(|()| Received { len: 0, has_more: false });
        }
        Ok(Received { len, has_more: true })
    }

    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.poll(|stream, cx| stream.poll_write(cx, slices)) {
            Poll::Ready(Ok(written)) => {
                self.sending = Sending::Flush;
                Ok(written)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    pub(super) fn beside(&mut self) -> Beside {
        let beside = self.poll(|stream, _| Poll::Ready(Ok(stream.beside())));
        if let Poll::Ready(Ok(beside)) = beside { beside } else { Beside::default() }
    }

    pub(super) fn write_lane(&mut self, lane: Lane, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.poll(|stream, cx| stream.poll_write_lane(cx, lane, slices)) {
            Poll::Ready(Ok(written)) => {
                self.sending = Sending::Flush;
                Ok(written)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    pub(super) fn send_datagram(&mut self, bytes: Bytes) -> bool {
        let sent = self.poll(|stream, _| Poll::Ready(Ok(stream.send_datagram(bytes))));
        // A stream that has panicked is found broken by the next call.
        !matches!(sent, Poll::Ready(Ok(false)))
    }

    /// Goes on with what is under way on the sending side.
    pub(super) fn drive(&mut self) -> io::Result<()> {
        let polled = match self.sending {
            Sending::Nothing => return Ok(()),
            Sending::Flush => self.poll(|stream, cx| stream.poll_flush(cx)),
            Sending::Shutdown => self.poll(|stream, cx| stream.poll_shutdown(cx)),
        };
        if polled.is_ready() {
            self.sending = Sending::Nothing;
        }
        match polled {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    pub(super) fn shutdown_write(&mut self) -> io::Result<()> {
        self.sending = Sending::Shutdown;
        self.drive()
    }

    /// Polls the stream. It is code of the embedder: its panic breaks one connection, not the
    /// shard.
    fn poll<T>(
        &mut self,
        poll: impl FnOnce(&mut dyn PollStream, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut cx = Context::from_waker(&self.waker);
        let stream = self.stream.as_deref_mut();
        let polled = stream.map(|it| catch_unwind(AssertUnwindSafe(|| poll(it, &mut cx))));
        match polled {
            Some(Ok(polled)) => return polled,
            Some(Err(_)) => {
                tracing::error!("an adopted stream panicked");
                self.drop_stream();
            }
            None => {}
        }
        Poll::Ready(Err(ErrorKind::Other.into()))
    }

    fn drop_stream(&mut self) {
        let stream = self.stream.take();
        if catch_unwind(AssertUnwindSafe(|| drop(stream))).is_err() {
            tracing::error!("an adopted stream panicked when it was dropped");
        }
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.unwatch();
        self.drop_stream();
    }
}

impl fmt::Debug for Polled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polled").field("remote", &self.remote).finish_non_exhaustive()
    }
}

/// The waker of a stream: a report on the board of its shard.
#[derive(Debug)]
struct Signal(Mutex<Option<Watch>>);

impl Signal {
    fn lock(&self) -> MutexGuard<'_, Option<Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(watch) = &mut *self.lock() {
            watch.post(self);
        }
    }
}

impl Source for Signal {
    /// A stream does not say which way it can go on: reading may wait for a write of its own.
    fn report(&self, board: &Board) -> Option<Ready> {
        let token = self.lock().as_mut()?.take(board)?;
        Some(Ready { token, readable: true, writable: true, read_closed: false, error: false })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::shard::poller::Poller;

    /// A stream whose calls have the outcomes of a list, in order; without more, none is ready.
    #[derive(Default)]
    struct Scripted {
        reads: VecDeque<io::Result<&'static [u8]>>,
        flushes: VecDeque<io::Result<()>>,
        shutdowns: VecDeque<io::Result<()>>,
        waker: Arc<Mutex<Option<Waker>>>,
    }

    impl Scripted {
        fn next<T>(
            outcome: Option<io::Result<T>>,
            cx: &Context<'_>,
            at: &Self,
        ) -> Poll<io::Result<T>> {
            *at.waker.lock().unwrap() = Some(cx.waker().clone());
            outcome.map_or(Poll::Pending, Poll::Ready)
        }
    }

    impl PollStream for Scripted {
        fn poll_read(&mut self, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
            let outcome = self.reads.pop_front();
            let outcome = outcome.map(|bytes| {
                bytes.map(|bytes| {
                    to[..bytes.len()].copy_from_slice(bytes);
                    bytes.len()
                })
            });
            Self::next(outcome, cx, self)
        }

        fn poll_write(
            &mut self,
            cx: &mut Context<'_>,
            _: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Self::next(Some(Ok(3)), cx, self)
        }

        fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let outcome = self.flushes.pop_front();
            Self::next(outcome, cx, self)
        }

        fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let outcome = self.shutdowns.pop_front();
            Self::next(outcome, cx, self)
        }
    }

    fn polled(stream: Scripted) -> Polled {
        Polled::new(Box::new(stream), None, Holds::Nothing)
    }

    fn received(len: usize, has_more: bool) -> Received {
        Received { len, has_more }
    }

    #[test]
    fn a_read_goes_on_until_the_buffer_is_full_or_the_stream_is_not_ready() {
        let reads = [&b"ab"[..], b"c", b"defg", b"h"].map(Ok);
        let mut polled = polled(Scripted { reads: reads.into(), ..Scripted::default() });
        let mut buffer = [0; 7];
        assert_eq!(polled.read(&mut buffer).unwrap(), received(7, true));
        assert_eq!(&buffer, b"abcdefg");
        assert_eq!(polled.read(&mut buffer).unwrap(), received(1, false), "then it wakes");
        assert_eq!(polled.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn an_end_or_an_error_behind_bytes_is_told_after_them() {
        for end in [Ok(&b""[..]), Err(ErrorKind::ConnectionReset.into())] {
            let expected = end.as_ref().map(|_| received(0, false)).map_err(io::Error::kind);
            let reads = VecDeque::from([Ok(&b"ab"[..]), end]);
            let mut polled = polled(Scripted { reads, ..Scripted::default() });
            assert_eq!(polled.read(&mut [0; 9]).unwrap(), received(2, true), "there is more");
            assert_eq!(polled.read(&mut [0; 9]).map_err(|error| error.kind()), expected);
        }
    }

    #[test]
    fn what_was_taken_is_flushed_until_it_is_sent_and_a_shutdown_is_driven_to_its_end() {
        let broken = || Err(ErrorKind::BrokenPipe.into());
        let (flushes, shutdowns) = ([Ok(()), broken()].into(), [Ok(()), broken()].into());
        let mut polled = polled(Scripted { flushes, shutdowns, ..Scripted::default() });
        polled.drive().unwrap();
        assert_eq!(polled.write_vectored(&[IoSlice::new(b"abc")]).unwrap(), 3);
        polled.drive().unwrap();
        polled.drive().unwrap();
        polled.shutdown_write().unwrap();
        polled.drive().unwrap();
        assert_eq!(polled.sending, Sending::Nothing);
        polled.write_vectored(&[IoSlice::new(b"abc")]).unwrap();
        assert_eq!(polled.drive().unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(polled.shutdown_write().unwrap_err().kind(), ErrorKind::BrokenPipe);
        polled.shutdown_write().unwrap();
        assert_eq!(polled.sending, Sending::Shutdown, "it is not ready");
    }

    #[test]
    fn a_wake_is_reported_once_on_the_board_that_watches() {
        let waker = Arc::default();
        let stream = Scripted { waker: Arc::clone(&waker), ..Scripted::default() };
        let mut polled = polled(stream);
        let boards = [(); 2].map(|()| Arc::new(Board::new(Poller::new().unwrap().waker())));
        let reports = |board: &Board| {
            let mut ready = Vec::new();
            board.take(&mut ready);
            ready.iter().map(|ready| ready.token).collect::<Vec<_>>()
        };
        polled.watch(&boards[0], Token(1));
        assert_eq!(reports(&boards[0]), [Token(1)], "what was there before is not missed");
        assert!(polled.read(&mut [0; 9]).is_err());
        let wake = || waker.lock().unwrap().as_ref().unwrap().wake_by_ref();
        wake();
        wake();
        assert_eq!(reports(&boards[0]), [Token(1)]);
        wake();
        polled.unwatch();
        polled.watch(&boards[1], Token(2));
        assert_eq!(reports(&boards[0]), [], "it has moved");
        assert_eq!(reports(&boards[1]), [Token(2)]);
    }
}
