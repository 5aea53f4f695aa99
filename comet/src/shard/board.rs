//! Readiness of sources without a descriptor: a list of those with an edge, as epoll keeps it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::readiness::{Ready, Token};
use super::waker::Waker;

/// The sources of one poll that have something to report, in the order in which they began to.
#[derive(Debug)]
pub(crate) struct Board {
    ready: Mutex<Vec<Weak<dyn Source>>>,
    /// Ends the wait of the poll.
    waker: Waker,
}

/// Something that is watched.
pub(in crate::shard) trait Source: std::fmt::Debug + Send + Sync {
    /// What is to be said of it on this board at present, if it is there with an edge.
    fn report(&self, board: &Board) -> Option<Ready>;
}

impl Board {
    pub(super) fn new(waker: Waker) -> Self {
        Self { ready: Mutex::default(), waker }
    }

    /// A board whose reports are fetched by the driver of a simulation.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated() -> Self {
        Self::new(Waker::Virtual)
    }

    /// Adds a source with an edge; the first one wakes the poll, which takes all.
    fn post(&self, source: Weak<dyn Source>) {
        let mut ready = self.lock();
        let was_empty = ready.is_empty();
        ready.push(source);
        drop(ready);
        if was_empty && let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "cannot wake a shard");
        }
    }

    /// Moves every report to `out`. A source that has gone since, or moved, says nothing.
    pub(crate) fn take(&self, out: &mut Vec<Ready>) {
        let ready = std::mem::take(&mut *self.lock());
        out.extend(ready.iter().filter_map(Weak::upgrade).filter_map(|it| it.report(self)));
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<dyn Source>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a source is watched, and whether an edge of it waits there.
#[derive(Debug)]
pub(in crate::shard) struct Watch {
    board: Arc<Board>,
    token: Token,
    is_posted: bool,
}

impl Watch {
    pub(super) fn new(board: &Arc<Board>, token: Token) -> Self {
        Self { board: Arc::clone(board), token, is_posted: false }
    }

    /// Reports the source once, however many edges it has until then.
    pub(super) fn post<S: Source + 'static>(&mut self, source: &Arc<S>) {
        if !std::mem::replace(&mut self.is_posted, true) {
            let source: Weak<S> = Arc::downgrade(source);
            self.board.post(source);
        }
    }

    /// The token to report under, if an edge waits on this board.
    pub(super) fn take(&mut self, board: &Board) -> Option<Token> {
        let is_here = std::ptr::eq(&raw const *self.board, board);
        (is_here && std::mem::take(&mut self.is_posted)).then_some(self.token)
    }
}
