//! A connection in memory: two pipes, and what becomes of them.
//!
//! The gateway holds one [`End`]; who simulates the peer and the network between holds the
//! [`Wire`]. As on Linux, an edge reports everything that is so at that moment; bytes that have
//! arrived can be read after a reset, what has not left is destroyed by it, and the error is told
//! once; a socket that is closed with unread bytes resets the connection instead of ending it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::shard::board::{Board, Source, Watch};
use crate::shard::readiness::{Ready, Token};

/// What either side can have on its way, as long as nobody says otherwise.
const CAPACITY: usize = 64 * 1024;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Wire {
    remote: SocketAddr,
    /// The peer keeps nothing of what is written from now on.
    discards: AtomicBool,
    state: Mutex<State>,
}

/// The gateway's socket. Dropping it closes it.
pub(crate) struct End {
    /// `None` once what is written is discarded and nobody holds the other end.
    wire: Cell<Option<Arc<Wire>>>,
}

#[derive(Debug, Default)]
struct State {
    /// What the gateway can read.
    to_gateway: Pipe,
    /// What the gateway has written and nobody has fetched.
    from_gateway: Pipe,
    /// The peer sends no more.
    peer_shut: bool,
    /// The gateway sends no more.
    shut: bool,
    /// The gateway has no socket any more.
    closed: bool,
    reset: Option<Reset>,
    /// The error of a reset, until somebody is told of it.
    error: Option<ErrorKind>,
    /// The gateway was given less space than it wanted.
    wants_space: bool,
    watch: Option<Watch>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reset {
    ByPeer,
    ByGateway,
}

impl End {
    pub(super) fn new(wire: &Arc<Wire>) -> Self {
        Self { wire: Cell::new(Some(Arc::clone(wire))) }
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        self.wire().map_or(nowhere, |wire| wire.remote)
    }

    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.wire()?.lock().error.take().map(Into::into)
    }

    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        let Some(wire) = self.wire() else { return Ok(()) };
        let mut state = wire.lock();
        state.post(&wire);
        if state.reset.is_some() {
            return Err(ErrorKind::NotConnected.into());
        }
        state.shut = true;
        Ok(())
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(wire) = self.wire() else { return Err(ErrorKind::WouldBlock.into()) };
        let mut state = wire.lock();
        let count = state.to_gateway.take(buffer);
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        if state.peer_shut {
            return Ok(0);
        }
        if let Some(error) = state.error.take() {
            return Err(error.into());
        }
        if state.reset.is_some() { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    #[inline]
    pub(crate) fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let wanted = match slices {
            [all] => all.len(),
            _ => slices.iter().map(|slice| slice.len()).sum(),
        };
        if self.discards() { Ok(wanted) } else { self.put(slices, wanted) }
    }

    /// Writes to somebody who may read it.
    #[inline(never)]
    fn put(&self, slices: &[IoSlice<'_>], wanted: usize) -> io::Result<usize> {
        let Some(wire) = self.wire() else { return Ok(wanted) };
        let mut state = wire.lock();
        if let Some(error) = state.error.take() {
            return Err(error.into());
        }
        if state.shut || state.reset.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let written = slices.iter().map(|slice| state.from_gateway.put(slice)).sum();
        state.wants_space |= written < wanted;
        if written == 0 && wanted > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(written)
    }

    /// Whether what is written goes nowhere. A wire that nobody else has is let go then.
    #[inline]
    fn discards(&self) -> bool {
        let Some(wire) = self.wire.take() else { return true };
        let discards = wire.discards.load(Ordering::Relaxed);
        let is_of_use = !discards || Arc::strong_count(&wire) > 1;
        self.wire.set(is_of_use.then_some(wire));
        discards
    }

    fn wire(&self) -> Option<Arc<Wire>> {
        let wire = self.wire.take();
        self.wire.set(wire.clone());
        wire
    }

    pub(crate) fn watch(&self, board: &Arc<Board>, token: Token) {
        let Some(wire) = self.wire() else { return };
        let mut state = wire.lock();
        state.watch = Some(Watch::new(board, token));
        state.post(&wire);
    }

    pub(crate) fn unwatch(&self) {
        if let Some(wire) = self.wire() {
            wire.lock().watch = None;
        }
    }

    /// Closes the socket with a reset.
    pub(super) fn abort(self) {
        if let Some(wire) = self.wire() {
            wire.lock().reset_by(Reset::ByGateway);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(wire) = self.wire() else { return };
        let mut state = wire.lock();
        state.closed = true;
        state.watch = None;
        if !state.to_gateway.bytes.is_empty() {
            state.reset_by(Reset::ByGateway);
        }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").field("remote", &self.remote()).finish_non_exhaustive()
    }
}

/// The other side's view.
impl Wire {
    pub(crate) fn new(remote: SocketAddr) -> Arc<Self> {
        let discards = AtomicBool::new(false);
        Arc::new(Self { remote, discards, state: Mutex::default() })
    }

    /// Lets bytes arrive at the gateway, as many as it has room for. How many that was.
    pub(crate) fn send(self: &Arc<Self>, bytes: &[u8]) -> usize {
        let mut state = self.lock();
        if state.closed || state.peer_shut || state.reset.is_some() {
            return 0;
        }
        let count = state.to_gateway.put(bytes);
        if count > 0 {
            state.post(self);
        }
        count
    }

    /// Fetches up to `max` of the bytes that the gateway has written. How many that was.
    pub(crate) fn fetch(self: &Arc<Self>, out: &mut Vec<u8>, max: usize) -> usize {
        let mut state = self.lock();
        let start = out.len();
        let count = state.from_gateway.bytes.len().min(max);
        out.resize(start + count, 0);
        state.from_gateway.take(&mut out[start..]);
        state.tell_of_space(self);
        count
    }

    pub(crate) fn set_capacity(self: &Arc<Self>, to_gateway: usize, from_gateway: usize) {
        let mut state = self.lock();
        state.to_gateway.capacity = to_gateway;
        state.from_gateway.capacity = from_gateway;
        state.tell_of_space(self);
    }

    /// The peer takes whatever the gateway writes, and keeps nothing of it.
    pub(crate) fn discard(self: &Arc<Self>) {
        self.discards.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        state.from_gateway = Pipe::default();
        state.tell_of_space(self);
    }

    /// Nobody takes the connection.
    pub(crate) fn refuse(self: &Arc<Self>) {
        End::new(self).abort();
    }

    /// The peer sends no more.
    pub(crate) fn shutdown(self: &Arc<Self>) {
        let mut state = self.lock();
        if !state.peer_shut && state.reset.is_none() {
            state.peer_shut = true;
            state.post(self);
        }
    }

    /// The peer, or something on the way, ends the connection.
    pub(crate) fn reset(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.reset.is_none() {
            state.reset_by(Reset::ByPeer);
            // Whose end was known before has broken no promise but to read.
            let after_end = state.peer_shut;
            let error = if after_end { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset };
            state.error = Some(error);
            state.post(self);
        }
    }

    /// Whether the gateway has ended its stream, and all of it has been fetched.
    pub(crate) fn is_shut(&self) -> bool {
        let state = self.lock();
        (state.shut || state.closed) && state.reset.is_none() && state.from_gateway.bytes.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether the gateway's side has reset the connection.
    pub(crate) fn is_reset(&self) -> bool {
        self.lock().reset == Some(Reset::ByGateway)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Wire {
    fn report(&self, board: &Board) -> Option<Ready> {
        let mut state = self.lock();
        let token = state.watch.as_mut()?.take(board)?;
        let cannot_wait = state.reset.is_some() || state.shut;
        let ready = Ready {
            token,
            readable: state.is_ended() || !state.to_gateway.bytes.is_empty(),
            writable: cannot_wait || state.from_gateway.free() > 0,
            read_closed: state.is_ended(),
            error: state.error.is_some(),
        };
        (ready.readable || ready.writable || ready.error).then_some(ready)
    }
}

impl State {
    /// The peer sends no more.
    fn is_ended(&self) -> bool {
        self.peer_shut || self.reset.is_some()
    }

    fn post(&mut self, wire: &Arc<Wire>) {
        if let Some(watch) = &mut self.watch {
            watch.post(wire);
        }
    }

    fn tell_of_space(&mut self, wire: &Arc<Wire>) {
        if self.wants_space && self.from_gateway.free() > 0 {
            self.wants_space = false;
            self.post(wire);
        }
    }

    fn reset_by(&mut self, who: Reset) {
        self.reset.get_or_insert(who);
        self.from_gateway.bytes.clear();
    }
}

/// One direction.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    capacity: usize,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { bytes: VecDeque::new(), capacity: CAPACITY }
    }
}

impl Pipe {
    fn free(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.free());
        self.bytes.extend(&bytes[..count]);
        count
    }

    /// Fills the buffer as far as the bytes reach.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        let split = count.min(front.len());
        buffer[..split].copy_from_slice(&front[..split]);
        buffer[split..count].copy_from_slice(&back[..count - split]);
        self.bytes.drain(..count);
        count
    }
}
