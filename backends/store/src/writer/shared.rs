//! State that the writer shares with the rest of the store, and the error of a batch.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use comet_dtalk::id::Exhausted;
use parking_lot::Mutex;

use crate::Membership;
use crate::stats::Counters;
use crate::sync_marks::SyncMarks;

/// State shared between the writer and the rest of the store.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) membership: Arc<dyn Membership>,
    pub(crate) marks: Arc<Mutex<SyncMarks>>,
    /// Greatest durable id.
    pub(crate) committed: Arc<AtomicI64>,
    pub(crate) counters: Arc<Counters>,
}

/// Reason why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error(transparent)]
    Ids(#[from] Exhausted),
    #[error(transparent)]
    Database(#[from] comet_sql::Error),
}
