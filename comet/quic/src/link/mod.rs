//! The pipe between a QUIC stream and its session.
//!
//! One end is polled by a shard, the other is driven by the thread that owns the connection. Bytes
//! that were received stay in the datagrams' buffers until the session reads them; bytes to be sent
//! are copied once, and move on into the connection without another copy. Both directions are
//! bounded, and an empty pipe keeps no buffer. Beside the stream are the lanes of deliveries, each
//! with a bound of its own, and datagrams, of which the oldest give way.

mod outbound;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use comet::Lane;
use comet::tokio::LaneStream;
use quinn_proto::{WriteError, Written};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::inbox::Inbox;
use outbound::{Datagrams, Outbound};

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
    queued: Outbound,
    /// Once something has left on a lane.
    lanes: Option<Box<[Outbound; 3]>>,
    datagrams: Datagrams,
    /// Who waits for room: a bit for each lane, and one for the stream.
    waiting: u8,
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

/// The bit of a session's stream among those who wait.
const STREAM: u8 = 1 << 3;

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
    /// Lanes have had bytes.
    pub(crate) has_lanes: bool,
    /// Datagrams wait.
    pub(crate) has_datagrams: bool,
}

impl Link {
    /// A pipe for this connection of the inbox's thread, and its session's end.
    pub(crate) fn new(
        connection: usize,
        inbox: &Arc<Inbox>,
        capacity: usize,
        longest_datagram: usize,
    ) -> (Arc<Self>, SessionStream) {
        let datagrams = Datagrams::new(longest_datagram);
        let state = Mutex::new(State { datagrams, ..State::default() });
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

    /// Moves bytes of the stream into the connection until it takes no more.
    pub(crate) fn send(
        &self,
        write: impl FnMut(&mut [Bytes]) -> Result<Written, WriteError>,
    ) -> Wishes {
        let mut guard = self.lock();
        let state = &mut *guard;
        // Whatever comes from now on is noted anew.
        state.is_noted = false;
        if state.queued.send(write).is_err() {
            state.break_off();
        }
        let writer = state.writer_if(STREAM, state.queued.len() < self.capacity);
        let is_shut = state.queued.len() == 0 && (state.is_shut || state.is_dropped);
        let (has_lanes, has_datagrams) = (state.lanes.is_some(), !state.datagrams.is_empty());
        let wishes = Wishes { is_shut, is_dropped: state.is_dropped, has_lanes, has_datagrams };
        drop(guard);
        wake(writer);
        wishes
    }

    /// Bytes that wait for a lane.
    pub(crate) fn lane_len(&self, lane: Lane) -> usize {
        let state = self.lock();
        state.lanes.as_ref().map_or(0, |lanes| lanes[lane as usize].len())
    }

    /// Moves bytes of a lane into its stream, behind the first bytes of that if it is new. Whether
    /// no more bytes follow.
    pub(crate) fn send_lane(
        &self,
        lane: Lane,
        first: Option<Bytes>,
        write: impl FnMut(&mut [Bytes]) -> Result<Written, WriteError>,
    ) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(lanes) = &mut state.lanes else { return state.is_shut || state.is_dropped };
        let queued = &mut lanes[lane as usize];
        if let Some(first) = first {
            queued.push_front(first);
        }
        if queued.send(write).is_err() {
            // The client wants no more of it, and so none of the session.
            state.break_off();
        }
        let len = state.lanes.as_ref().map_or(0, |lanes| lanes[lane as usize].len());
        let writer = state.writer_if(1 << lane as u8, len < self.capacity);
        let is_over = len == 0 && (state.is_shut || state.is_dropped);
        drop(guard);
        wake(writer);
        is_over
    }

    /// Takes the datagrams that wait. From now on they may be so long.
    pub(crate) fn take_datagrams(&self, longest: usize) -> VecDeque<Bytes> {
        self.lock().datagrams.take(longest)
    }

    fn write(
        &self,
        lane: Option<Lane>,
        cx: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        let written = state.write(lane, self.capacity, cx, slices);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.note(state);
        }
        written
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
        self.queued = Outbound::default();
        self.lanes = None;
        self.datagrams = Datagrams::default();
        wake(self.reader.take());
        wake(self.writer.take());
    }

    /// Takes bytes for the stream or a lane, as far as there is room.
    fn write(
        &mut self,
        lane: Option<Lane>,
        capacity: usize,
        cx: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken || self.is_shut {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let (queued, bit) = match lane {
            None => (&mut self.queued, STREAM),
            Some(lane) => {
                let lanes = self.lanes.get_or_insert_default();
                (&mut lanes[lane as usize], 1 << lane as u8)
            }
        };
        let written = queued.push(slices, capacity);
        if written == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            self.waiting |= bit;
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(written))
    }

    /// Whom to wake, if somebody waits for this room and there is some.
    fn writer_if(&mut self, bit: u8, has_room: bool) -> Option<Waker> {
        if !has_room || self.waiting & bit == 0 {
            return None;
        }
        // Everybody is asked again.
        self.waiting = 0;
        self.writer.take()
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
        self.0.write(None, cx, slices)
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

impl LaneStream for SessionStream {
    fn has_datagrams(&self) -> bool {
        self.0.lock().datagrams.longest() > 0
    }

    fn poll_write_lane(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        lane: Lane,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.write(Some(lane), cx, slices)
    }

    fn send_datagram(self: Pin<&mut Self>, bytes: Bytes) -> bool {
        let mut state = self.0.lock();
        if bytes.len() > state.datagrams.longest() {
            return false;
        }
        state.datagrams.push(bytes);
        self.0.note(state);
        true
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
mod tests;
