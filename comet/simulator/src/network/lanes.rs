//! A connection with lanes and datagrams, in memory: what QUIC is to a gateway.
//!
//! Not here: the network between (`connection`).

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use comet::tokio::LaneStream;
use comet::{Adoption, Client, Gateway, Lane};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes on their way in each direction of each stream, as long as nobody says otherwise.
const CAPACITY: usize = 64 * 1024;

/// Bytes of the longest datagram.
const LONGEST: usize = 1_200;

/// Lanes, and behind them the stream of the session.
const STREAM: usize = 3;

#[derive(Debug)]
struct State {
    to_gateway: VecDeque<u8>,
    from_gateway: [VecDeque<u8>; 4],
    datagrams: Vec<Vec<u8>>,
    capacity: (usize, usize),
    /// The peer sends no more.
    is_peer_shut: bool,
    /// The gateway sends no more.
    is_shut: bool,
    /// The gateway has let go of the connection.
    is_closed: bool,
    is_reset: bool,
    waker: Option<Waker>,
}

/// The peer's end.
#[derive(Debug)]
pub(crate) struct LanesEndpoint(Arc<Mutex<State>>);

/// The gateway's end.
#[derive(Debug)]
struct GatewayEnd(Arc<Mutex<State>>);

impl LanesEndpoint {
    /// Connects to a gateway. The connection is closed at once if there is no place.
    pub(crate) fn connect(gateway: &Gateway, remote: SocketAddr) -> Self {
        let state = Arc::new(Mutex::new(State {
            to_gateway: VecDeque::new(),
            from_gateway: Default::default(),
            datagrams: Vec::new(),
            capacity: (CAPACITY, CAPACITY),
            is_peer_shut: false,
            is_shut: false,
            is_closed: false,
            is_reset: false,
            waker: None,
        }));
        let end = GatewayEnd(Arc::clone(&state));
        if let Ok(place) = gateway.reserve_stream(Client::Direct(remote.ip())) {
            // An end that is not taken is dropped, which this end sees.
            let _ = place.adopt_lanes(end, Adoption::stream().remote(remote));
        }
        Self(state)
    }

    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        let mut state = self.0.lock();
        if state.is_closed || state.is_peer_shut || state.is_reset {
            return 0;
        }
        let count = bytes.len().min(state.capacity.0.saturating_sub(state.to_gateway.len()));
        state.to_gateway.extend(&bytes[..count]);
        if count > 0 {
            state.wake();
        }
        count
    }

    pub(super) fn read(&self, out: &mut Vec<u8>, max: usize) -> usize {
        self.read_lane(STREAM, out, max)
    }

    pub(super) fn read_lane(&self, lane: usize, out: &mut Vec<u8>, max: usize) -> usize {
        let mut state = self.0.lock();
        let count = state.from_gateway[lane].len().min(max);
        out.extend(state.from_gateway[lane].drain(..count));
        if count > 0 {
            state.wake();
        }
        count
    }

    pub(super) fn take_datagrams(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.lock().datagrams)
    }

    pub(super) fn set_capacity(&self, to_gateway: usize, from_gateway: usize) {
        let mut state = self.0.lock();
        state.capacity = (to_gateway, from_gateway);
        state.wake();
    }

    pub(super) fn shutdown(&self) {
        let mut state = self.0.lock();
        state.is_peer_shut = true;
        state.wake();
    }

    pub(super) fn reset(&self) {
        let mut state = self.0.lock();
        state.is_reset = true;
        state.from_gateway = Default::default();
        state.wake();
    }

    pub(super) fn is_shutdown(&self) -> bool {
        let state = self.0.lock();
        let is_read = state.from_gateway.iter().all(VecDeque::is_empty);
        (state.is_shut || state.is_closed) && !state.is_reset && is_read
    }

    /// The gateway ends its streams behind what it wrote, and does not reset them.
    #[expect(clippy::unused_self, reason = "as of other connections")]
    pub(super) const fn is_reset(&self) -> bool {
        false
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.lock().is_closed
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn write(
        &mut self,
        at: usize,
        cx: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_shut || self.is_reset {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let mut room = self.capacity.1.saturating_sub(self.from_gateway[at].len());
        if room == 0 {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            let count = slice.len().min(room);
            self.from_gateway[at].extend(&slice[..count]);
            (room, written) = (room - count, written + count);
        }
        Poll::Ready(Ok(written))
    }
}

impl AsyncRead for GatewayEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.to_gateway.is_empty() {
            if state.is_reset {
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            if state.is_peer_shut {
                return Poll::Ready(Ok(()));
            }
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.remaining().min(state.to_gateway.len());
        let bytes: Vec<u8> = state.to_gateway.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for GatewayEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().write(STREAM, cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().write(STREAM, cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().is_shut = true;
        Poll::Ready(Ok(()))
    }
}

impl LaneStream for GatewayEnd {
    fn has_datagrams(&self) -> bool {
        true
    }

    fn poll_write_lane(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        lane: Lane,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().write(lane as usize, cx, slices)
    }

    fn send_datagram(self: Pin<&mut Self>, bytes: Bytes) -> bool {
        let fits = bytes.len() <= LONGEST;
        if fits {
            self.0.lock().datagrams.push(bytes.to_vec());
        }
        fits
    }
}

impl Drop for GatewayEnd {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
    }
}
