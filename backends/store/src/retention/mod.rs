//! Retention: messages, signals and deduplication rows are deleted after a time, or once a
//! conversation has newer ones.
//!
//! A task walks the tables at intervals, a slice at a time, on a reading connection, and hands the
//! keys of what is due to the writer, which deletes each batch in a transaction between two batches
//! of messages. After each slice and each batch the task rests for four times as long as that took,
//! so that deleting takes at most a fifth of the writer's time and of a reading connection.
//!
//! Positions of groups and ids are not given out again, and received cursors of a group move over
//! what was deleted. A message is deleted whether a phone has received it or not; those that none
//! had are counted.

mod rules;
mod walk;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

pub use rules::{Keep, Retention};

use crate::db::{Deletion, ReadPool};
use crate::writer::job::Job;
use walk::Walk;

/// Rest after work, as a multiple of its duration.
const REST: u32 = 4;

/// The walk cannot go on: the database failed, or the writer has closed.
#[derive(Debug)]
enum Interrupted {
    Failed(comet_sql::Error),
    /// The writer could not delete; it logs the reason.
    Refused,
    Closed,
}

impl From<comet_sql::Error> for Interrupted {
    fn from(error: comet_sql::Error) -> Self {
        match error {
            comet_sql::Error::Closed => Self::Closed,
            error => Self::Failed(error),
        }
    }
}

/// The writer as the task sees it. It does not keep the writer alive.
pub(crate) struct Deleter<S> {
    jobs: mpsc::WeakUnboundedSender<Job<S>>,
}

impl<S> Deleter<S> {
    pub(crate) fn new(jobs: &mpsc::UnboundedSender<Job<S>>) -> Self {
        Self { jobs: jobs.downgrade() }
    }

    /// Deletes a batch; returns once it is durable.
    async fn delete(&self, deletion: Deletion) -> Result<(), Interrupted> {
        let began = Instant::now();
        let (done, is_done) = oneshot::channel();
        let jobs = self.jobs.upgrade().ok_or(Interrupted::Closed)?;
        jobs.send(Job::Delete(Box::new(deletion), done)).map_err(|_| Interrupted::Closed)?;
        drop(jobs);
        if !is_done.await.map_err(|_| Interrupted::Closed)? {
            return Err(Interrupted::Refused);
        }
        rest(began).await;
        Ok(())
    }
}

/// Rests after work that began then.
async fn rest(began: Instant) {
    sleep(began.elapsed() * REST).await;
}

/// Deletes what is due at each interval, until the writer has closed.
pub(crate) async fn run<S>(retention: Retention, reads: ReadPool, deleter: Deleter<S>) {
    loop {
        match Walk::new(&retention, &reads, &deleter).all().await {
            Ok(()) => {}
            Err(Interrupted::Closed) => return,
            Err(Interrupted::Refused) => tracing::warn!("retention goes on later"),
            Err(Interrupted::Failed(error)) => tracing::warn!(%error, "retention goes on later"),
        }
        sleep(retention.every).await;
    }
}
