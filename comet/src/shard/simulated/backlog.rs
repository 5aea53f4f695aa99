//! A listener: connections that wait to be accepted.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::wire::{End, Wire};
use crate::shard::board::{Board, Source, Watch};
use crate::shard::readiness::{Ready, Token};

/// The gateway's side of a listener. Dropping it resets who waits.
#[derive(Debug)]
pub(crate) struct Backlog(Arc<Queue>);

/// The network's side of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<Queue>);

#[derive(Debug)]
struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<End>,
    is_closed: bool,
    watch: Option<Watch>,
}

impl Backlog {
    pub(crate) fn new() -> (Self, Door) {
        let queue = Arc::new(Queue(Mutex::default()));
        (Self(Arc::clone(&queue)), Door(queue))
    }

    pub(crate) fn accept(&self) -> io::Result<End> {
        self.0.lock().waiting.pop_front().ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    pub(crate) fn watch(&self, board: &Arc<Board>, token: Token) {
        let mut state = self.0.lock();
        let mut watch = Watch::new(board, token);
        if !state.waiting.is_empty() {
            watch.post(&self.0);
        }
        state.watch = Some(watch);
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        state.watch = None;
        state.waiting.drain(..).for_each(End::abort);
    }
}

impl Door {
    pub(crate) fn is_open(&self) -> bool {
        !self.0.lock().is_closed
    }

    /// Lets a connection wait, or resets it if nobody will accept it.
    pub(crate) fn knock(&self, wire: &Arc<Wire>) {
        let end = End::new(wire);
        let mut state = self.0.lock();
        if state.is_closed {
            return end.abort();
        }
        state.waiting.push_back(end);
        if let Some(watch) = &mut state.watch {
            watch.post(&self.0);
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Queue {
    fn report(&self, board: &Board) -> Option<Ready> {
        let mut state = self.lock();
        let token = state.watch.as_mut()?.take(board)?;
        let readable = !state.waiting.is_empty();
        readable.then_some(Ready {
            token,
            readable,
            writable: false,
            read_closed: false,
            error: false,
        })
    }
}
