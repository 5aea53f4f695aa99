//! The surroundings of a shard's parts: configuration and limits, the router, the time of the turn.
//!
//! Not here: anything that belongs to a session or a connection (`endpoints`).

use std::sync::Arc;

use super::mailbox::Mailbox;
use super::shared::Shared;
use super::sink::Sink;
use crate::session::Limits;
use crate::stats::Counters;
use crate::time::Time;

/// Context of one shard.
pub(super) struct Context {
    /// Number of the shard.
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) limits: Limits,
    /// When the turn began; time stands still within one.
    pub(super) now: Time,
    /// The shard ends its sessions, and parks none.
    pub(super) is_draining: bool,
}

impl Context {
    pub(super) fn new(index: usize, shared: Arc<Shared>, sink: Arc<dyn Sink>) -> Self {
        let limits = Limits::new(&shared.config);
        let now = shared.clock.now();
        Self { index, shared, sink, limits, now, is_draining: false }
    }

    #[inline]
    pub(super) fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }

    /// The shard's own mailbox.
    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.shared.mailboxes[self.index]
    }
}
