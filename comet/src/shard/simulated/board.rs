//! What a poll has to report: a list of sources with an edge, as epoll keeps it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::shard::readiness::{Ready, Token};

/// The sources of one poll that have something to report, in the order in which they began to.
#[derive(Debug, Default)]
pub(crate) struct Board {
    ready: Mutex<Vec<Weak<dyn Source>>>,
}

/// Something that is watched.
pub(super) trait Source: std::fmt::Debug + Send + Sync {
    /// What is to be said of it on this board at present, if it is there with an edge.
    fn report(&self, board: &Board) -> Option<Ready>;
}

impl Board {
    /// Moves every report to `out`. A source that has gone since, or moved, says nothing.
    pub(crate) fn take(&self, out: &mut Vec<Ready>) {
        let ready = std::mem::take(&mut *self.lock());
        out.extend(ready.iter().filter_map(Weak::upgrade).filter_map(|it| it.report(self)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<dyn Source>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a source is watched, and whether an edge of it waits there.
#[derive(Debug)]
pub(super) struct Watch {
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
            self.board.lock().push(source);
        }
    }

    /// The token to report under, if an edge waits on this board.
    pub(super) fn take(&mut self, board: &Board) -> Option<Token> {
        let is_here = std::ptr::eq(&raw const *self.board, board);
        (is_here && std::mem::take(&mut self.is_posted)).then_some(self.token)
    }
}
