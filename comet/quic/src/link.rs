//! The pipe between a QUIC stream and its session.
//!
//! One end is polled by a shard, the other is driven by the thread that owns the connection. Bytes
//! that were received stay in the datagrams' buffers until the session reads them; bytes to be sent
//! are copied once, and move on into the connection without another copy. Both directions are
//! bounded, and an empty pipe keeps no buffer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use quinn_proto::{WriteError, Written};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::inbox::Inbox;

/// Pieces of received bytes in a pipe: each may hold a datagram's buffer in memory. What is beyond
/// waits in the connection, which compacts it.
const PIECES: usize = 16;

/// Bytes of a session's packets on their way in or out.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// The connection's number in its thread.
    connection: usize,
    inbox: Arc<Inbox>,
    /// Limit on bytes to be sent.
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    received: VecDeque<Bytes>,
    /// End of what is received.
    end: Option<End>,
    queued: VecDeque<Bytes>,
    queued_len: usize,
    /// The session sends no more.
    is_shut: bool,
    /// The session has gone.
    is_dropped: bool,
    /// The peer takes no more.
    is_broken: bool,
    /// The connection has more than the pipe had room for.
    has_more: bool,
    /// The connection's thread has been told to look.
    is_noted: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How the bytes of a peer end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Fin,
    Lost(ErrorKind),
}

/// What the session wants beyond the bytes in the pipe.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wishes {
    /// No more bytes follow those that were taken.
    pub(crate) is_shut: bool,
    /// The session has ended.
    pub(crate) is_dropped: bool,
}

impl Link {
    /// A pipe for this connection of the inbox's thread, and its session's end.
    pub(crate) fn new(
        connection: usize,
        inbox: &Arc<Inbox>,
        capacity: usize,
    ) -> (Arc<Self>, SessionStream) {
        let state = Mutex::default();
        let link = Arc::new(Self { state, connection, inbox: Arc::clone(inbox), capacity });
        (Arc::clone(&link), SessionStream(link))
    }

    /// Number of pieces that the pipe has room for. Zero asks the session to report when it has
    /// read.
    pub(crate) fn room(&self) -> usize {
        let mut state = self.lock();
        let room = if state.end.is_some() { 0 } else { PIECES - state.received.len() };
        state.has_more = room == 0;
        room
    }

    /// Passes received bytes to the session; the pieces are taken.
    pub(crate) fn deliver(&self, pieces: &mut Vec<Bytes>, end: Option<End>) {
        let mut state = self.lock();
        state.received.extend(pieces.drain(..));
        if state.end.is_none() {
            state.end = end;
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// The connection is lost: what was received is read, then the session learns of it.
    pub(crate) fn lose(&self, end: End) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.end = Some(end);
        }
        state.break_off();
    }

    /// The peer reads no more.
    pub(crate) fn stop(&self) {
        self.lock().break_off();
    }

    /// Moves bytes into the connection until it takes no more.
    pub(crate) fn send(
        &self,
        mut write: impl FnMut(&mut [Bytes]) -> Result<Written, WriteError>,
    ) -> Wishes {
        let mut guard = self.lock();
        let state = &mut *guard;
        // Whatever comes from now on is noted anew.
        state.is_noted = false;
        while state.queued_len > 0 {
            match write(state.queued.make_contiguous()) {
                Ok(written) => {
                    state.queued.drain(..written.chunks);
                    state.queued_len = state.queued_len.saturating_sub(written.bytes);
                }
                Err(WriteError::Blocked) => break,
                Err(_) => state.break_off(),
            }
        }
        if state.queued_len == 0 {
            state.queued = VecDeque::new();
        }
        let has_room = state.queued_len < self.capacity;
        let writer = state.writer.take_if(|_| has_room);
        let is_shut = state.queued_len == 0 && (state.is_shut || state.is_dropped);
        let wishes = Wishes { is_shut, is_dropped: state.is_dropped };
        drop(guard);
        wake(writer);
        wishes
    }

    /// Tells the connection's thread to look, unless it is about to.
    fn note(&self, mut state: MutexGuard<'_, State>) {
        let is_noted = std::mem::replace(&mut state.is_noted, true);
        drop(state);
        if !is_noted {
            self.inbox.touch(self.connection);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn break_off(&mut self) {
        self.is_broken = true;
        self.queued = VecDeque::new();
        self.queued_len = 0;
        wake(self.reader.take());
        wake(self.writer.take());
    }

    /// Moves received bytes to the buffer.
    fn read(&mut self, buffer: &mut ReadBuf<'_>) {
        while buffer.remaining() > 0
            && let Some(piece) = self.received.front_mut()
        {
            let len = piece.len().min(buffer.remaining());
            buffer.put_slice(&piece[..len]);
            piece.advance(len);
            if piece.is_empty() {
                self.received.pop_front();
            }
        }
        if self.received.is_empty() {
            self.received = VecDeque::new();
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The session's end of a pipe, which its shard polls. When it is dropped the stream ends behind
/// the bytes that were written, and the connection with it.
#[derive(Debug)]
pub(crate) struct SessionStream(Arc<Link>);

impl AsyncRead for SessionStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.received.is_empty() {
            return match state.end {
                Some(End::Fin) => Poll::Ready(Ok(())),
                Some(End::Lost(kind)) => Poll::Ready(Err(kind.into())),
                None => {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        state.read(buffer);
        if state.has_more && state.received.len() <= PIECES / 2 {
            state.has_more = false;
            self.0.note(state);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SessionStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.is_broken || state.is_shut {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = self.0.capacity.saturating_sub(state.queued_len);
        if room == 0 && len > 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = len.min(room);
        let mut bytes = BytesMut::with_capacity(len);
        for slice in slices {
            let rest = len - bytes.len();
            bytes.extend_from_slice(&slice[..slice.len().min(rest)]);
        }
        if len > 0 {
            state.queued.push_back(bytes.freeze());
            state.queued_len += len;
            self.0.note(state);
        }
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is on its way; a reader that is too slow is seen by a full pipe.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if !std::mem::replace(&mut state.is_shut, true) {
            self.0.note(state);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for SessionStream {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_dropped = true;
        (state.reader, state.writer) = (None, None);
        state.received = VecDeque::new();
        self.0.note(state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::inbox::Letters;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Pipe {
        link: Arc<Link>,
        stream: SessionStream,
        inbox: Arc<Inbox>,
        woken: Arc<Woken>,
    }

    fn pipe(capacity: usize) -> Pipe {
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let inbox = Arc::new(Inbox::new(waker));
        let (link, stream) = Link::new(7, &inbox, capacity);
        Pipe { link, stream, inbox, woken: Arc::default() }
    }

    impl Pipe {
        fn read(&mut self, len: usize) -> Poll<Result<Vec<u8>, ErrorKind>> {
            let waker = Waker::from(Arc::clone(&self.woken));
            let mut bytes = vec![0; len];
            let mut buffer = ReadBuf::new(&mut bytes);
            let mut cx = Context::from_waker(&waker);
            let polled = Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer);
            let filled = buffer.filled().to_vec();
            polled.map(|result| result.map(|()| filled).map_err(|error| error.kind()))
        }

        fn write(&mut self, slices: &[&[u8]]) -> Poll<Result<usize, ErrorKind>> {
            let waker = Waker::from(Arc::clone(&self.woken));
            let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
            let mut cx = Context::from_waker(&waker);
            let polled = Pin::new(&mut self.stream).poll_write_vectored(&mut cx, &slices);
            polled.map(|result| result.map_err(|error| error.kind()))
        }

        fn touched(&self) -> Vec<usize> {
            let mut letters = Letters::default();
            self.inbox.take(&mut letters);
            letters.touched
        }

        /// Moves up to so many bytes into a connection.
        fn send(&self, mut room: usize) -> (Vec<u8>, Wishes) {
            let mut sent = Vec::new();
            let wishes = self.link.send(|chunks| {
                let (mut bytes, mut whole) = (0, 0);
                for chunk in chunks {
                    let len = chunk.len().min(room);
                    sent.extend_from_slice(&chunk.split_to(len));
                    (room, bytes) = (room - len, bytes + len);
                    whole += usize::from(chunk.is_empty());
                }
                if bytes == 0 {
                    Err(WriteError::Blocked)
                } else {
                    Ok(Written { bytes, chunks: whole })
                }
            });
            (sent, wishes)
        }

        fn woken(&self) -> usize {
            self.woken.0.swap(0, Ordering::Relaxed)
        }
    }

    fn deliver(pipe: &Pipe, pieces: &[&'static [u8]], end: Option<End>) {
        let mut pieces = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
        pipe.link.deliver(&mut pieces, end);
        assert!(pieces.is_empty());
    }

    #[test]
    fn received_bytes_are_read_in_order_and_then_the_end() {
        let mut pipe = pipe(9);
        assert_eq!(pipe.read(4), Poll::Pending);
        deliver(&pipe, &[b"abc", b"defg"], None);
        assert_eq!(pipe.woken(), 1);
        assert_eq!(pipe.read(4), Poll::Ready(Ok(b"abcd".to_vec())));
        deliver(&pipe, &[b"hi"], Some(End::Fin));
        pipe.link.lose(End::Lost(ErrorKind::TimedOut));
        assert_eq!(pipe.read(9), Poll::Ready(Ok(b"efghi".to_vec())));
        assert_eq!(pipe.read(9), Poll::Ready(Ok(Vec::new())), "the end came first");
        assert_eq!(pipe.write(&[b"x"]), Poll::Ready(Err(ErrorKind::BrokenPipe)));
    }

    #[test]
    fn a_pipe_without_room_asks_for_more_once_it_is_half_empty() {
        let mut pipe = pipe(9);
        assert_eq!(pipe.link.room(), PIECES);
        deliver(&pipe, &[&b"a"[..]; PIECES], None);
        assert_eq!(pipe.link.room(), 0);
        for _ in 0..PIECES / 2 - 1 {
            assert_eq!(pipe.read(1), Poll::Ready(Ok(b"a".to_vec())));
        }
        assert!(pipe.touched().is_empty());
        assert_eq!(pipe.read(1), Poll::Ready(Ok(b"a".to_vec())));
        assert_eq!(pipe.touched(), [7]);
        assert_eq!(pipe.read(1), Poll::Ready(Ok(b"a".to_vec())));
        assert_eq!((pipe.touched(), pipe.link.room()), (vec![], PIECES / 2 + 1));
    }

    #[test]
    fn bytes_to_be_sent_are_bounded_and_their_writer_is_woken_by_room() {
        let mut pipe = pipe(5);
        assert_eq!(pipe.write(&[b"ab", b"cdef"]), Poll::Ready(Ok(5)));
        assert_eq!(pipe.touched(), [7]);
        assert_eq!(pipe.write(&[b"f"]), Poll::Pending);
        assert!(pipe.touched().is_empty(), "its thread is about to look");
        assert_eq!(pipe.send(0), (Vec::new(), Wishes::default()));
        assert_eq!(pipe.woken(), 0);
        assert_eq!(pipe.send(2).0, b"ab");
        assert_eq!(pipe.woken(), 1);
        assert_eq!(pipe.write(&[b"fgh"]), Poll::Ready(Ok(2)));
        assert_eq!(pipe.touched(), [7]);
        assert_eq!(pipe.send(9).0, b"cdefg");
    }

    #[test]
    fn an_end_is_wished_for_behind_the_last_byte() {
        let mut pipe = pipe(9);
        assert_eq!(pipe.write(&[b"abc"]), Poll::Ready(Ok(3)));
        drop(pipe.touched());
        assert!(pipe.link.send(|_| Err(WriteError::Blocked)) == Wishes::default());
        let waker = Waker::from(Arc::clone(&pipe.woken));
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut pipe.stream).poll_shutdown(&mut cx).is_ready());
        assert_eq!(pipe.touched(), [7]);
        assert_eq!(pipe.send(2).1, Wishes::default());
        let shut = Wishes { is_shut: true, is_dropped: false };
        assert_eq!(pipe.send(2), (b"c".to_vec(), shut));
        let Pipe { link, stream, inbox, .. } = pipe;
        drop(stream);
        let mut letters = Letters::default();
        inbox.take(&mut letters);
        assert_eq!(letters.touched, [7]);
        let over = Wishes { is_shut: true, is_dropped: true };
        assert_eq!(link.send(|_| Err(WriteError::Blocked)), over);
    }

    #[test]
    fn a_stream_that_its_peer_has_stopped_takes_no_more() {
        let mut pipe = pipe(9);
        assert_eq!(pipe.read(1), Poll::Pending);
        assert_eq!(pipe.write(&[b"abc"]), Poll::Ready(Ok(3)));
        assert!(pipe.link.send(|_| Err(WriteError::Stopped(0u32.into()))) == Wishes::default());
        assert_eq!(pipe.woken(), 1, "to see that it is broken");
        assert_eq!(pipe.write(&[b"d"]), Poll::Ready(Err(ErrorKind::BrokenPipe)));
    }
}
