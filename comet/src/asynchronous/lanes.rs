//! Jobs in lanes: those of one session one after the other, lanes side by side.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use crate::{Gateway, SessionId};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Locks are many, so that shards seldom meet at one.
const STRIPES: usize = 64;

/// The lanes that have something to do.
pub(super) struct Lanes {
    /// What waits behind the job that each lane is busy with.
    stripes: [Mutex<HashMap<SessionId, VecDeque<Job>>>; STRIPES],
}

impl Default for Lanes {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

impl Lanes {
    /// Puts a job at the end of its session's lane.
    pub(super) fn push<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        gateway: &Gateway,
        session: SessionId,
        job: F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut lanes = self.stripe(session);
        if let Some(lane) = lanes.get_mut(&session) {
            lane.push_back(Box::pin(job));
            return;
        }
        lanes.insert(session, VecDeque::new());
        drop(lanes);
        let (this, gateway) = (Arc::clone(self), gateway.clone());
        runtime.spawn(async move { this.run(gateway, session, Box::pin(job)).await });
    }

    async fn run(&self, gateway: Gateway, session: SessionId, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            // A task of its own, so that a panic ends the job and not the lane.
            if tokio::spawn(job).await.is_err() {
                // Counted before the kick, so that the count is there once the peer sees its end.
                let told = gateway.count_panic();
                let kicked = gateway.kick(session, "router panicked");
                if let Some(more) = told {
                    tracing::error!(%session, ?kicked, "the async router panicked{more}");
                }
            }
            next = self.next(session);
        }
    }

    /// The lane's next job; without one the lane is gone.
    fn next(&self, session: SessionId) -> Option<Job> {
        let mut lanes = self.stripe(session);
        let job = lanes.get_mut(&session)?.pop_front();
        if job.is_none() {
            lanes.remove(&session);
        }
        job
    }

    fn stripe(&self, session: SessionId) -> MutexGuard<'_, HashMap<SessionId, VecDeque<Job>>> {
        // Slots are dense, so that their last bits spread sessions well.
        let stripe = session.slot() as usize % STRIPES;
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
