//! Writer: a single task that makes all changes to the log, so that ids, commits and deliveries
//! have one order.
//!
//! It takes all waiting jobs, stores them in one transaction, answers, and delivers; while a disk
//! syncs, the next batch gathers, so load makes batches larger instead of syncs more frequent.
//! Reading for sessions that catch up runs concurrently, a few pages at a time.
//!
//! * `job`: jobs; `engine`: a batch of jobs, from the transaction to the answers;
//! * `plan`, `act`, `change`: messages, revokes and focuses, and changes of groups in a batch;
//! * `committed`: its deliveries;
//! * `receipts`: acks of entries of groups, until they are written;
//! * `feeds`, `sessions`, `joining`, `stream`: next deliveries of each session, by its `catch_up`;
//! * `outlet`, `reply`: deliveries and answers.

mod act;
mod change;
mod committed;
mod engine;
mod feeds;
pub(crate) mod job;
mod joining;
mod outlet;
mod plan;
mod receipts;
pub(crate) mod reply;
mod sessions;
mod shared;
mod stream;

use std::future::ready;
use std::hash::Hash;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use comet_dtalk::clock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

pub(crate) use engine::Engine;
pub(crate) use feeds::ReadRequest;
pub(crate) use outlet::{GatewayOutlet, Outlet, group_of, room};
pub(crate) use shared::Shared;

use crate::db::{Page, ReadPool};
use crate::{Membership, Outbox};
use job::Job;

/// Delay before a session without room is retried.
const RETRY: Duration = Duration::from_millis(20);
/// A session that acknowledges nothing for this long, at most twice that, gets its next page
/// anyway.
const PATIENCE: Duration = Duration::from_secs(30);

/// Queue and limits of the task.
pub(crate) struct Intake<S> {
    pub(crate) jobs: mpsc::UnboundedReceiver<Job<S>>,
    /// Maximum number of jobs in one transaction.
    pub(crate) batch: usize,
    /// Maximum number of pages read concurrently.
    pub(crate) readers: usize,
    /// Changes of groups, which come from another backend.
    pub(crate) outbox: Outbox,
}

/// Interval at which acks of entries of groups are written, and what a failed transaction left is
/// tried again.
const TICK: Duration = Duration::from_secs(1);

type PageRead<S> = (ReadRequest<S>, Result<Page, comet_sql::Error>);

/// Runs until told to close, or until no handle is left to send jobs.
///
/// `outlet` is called before each use: the gateway becomes known with the first session.
pub(crate) async fn run<S, O>(
    mut engine: Engine<S>,
    reads: ReadPool,
    mut intake: Intake<S>,
    outlet: impl Fn() -> O,
) where
    S: Copy + Eq + Hash + Send + 'static,
    O: Outlet<S>,
{
    let membership = Arc::clone(&engine.shared.membership);
    let mut jobs = Vec::with_capacity(intake.batch);
    let mut pages: JoinSet<PageRead<S>> = JoinSet::new();
    let mut nudges = interval(PATIENCE);
    nudges.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut retry_at = None;
    engine.wake();
    loop {
        tokio::select! {
            () = intake.outbox.woken() => engine.wake(),
            () = ready(()), if engine.has_more() => {
                engine.turn(iter::empty(), clock::unix_ms(), &mut outlet()).await;
            }
            count = intake.jobs.recv_many(&mut jobs, intake.batch) => {
                // Sessions that begin are in the groups of these changes already.
                tokio::select! {
                    biased;
                    () = intake.outbox.woken() => engine.wake(),
                    () = ready(()) => {}
                }
                let close = engine.turn(jobs.drain(..), clock::unix_ms(), &mut outlet()).await;
                if count == 0 || close.is_some() {
                    // In this order: the last connection checkpoints the WAL into the database, and
                    // reading connections may not write.
                    reads.close().await;
                    engine.close().await;
                    // The receiver may have stopped waiting.
                    let _gone = close.map(|done| done.send(()));
                    return;
                }
            }
            Some(read) = pages.join_next() => match read {
                Ok((request, page)) => engine.feeds.page_read(&request, page, &mut outlet()),
                Err(error) => tracing::error!(%error, "page of the log not read"),
            },
            () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {
                engine.feeds.retry(&mut outlet());
                retry_at = None;
            }
            _ = ticks.tick() => {
                engine.tick();
                engine.feeds.read_again(&mut outlet());
                engine.turn(iter::empty(), clock::unix_ms(), &mut outlet()).await;
            }
            _ = nudges.tick() => engine.feeds.nudge(&mut outlet()),
        }
        engine.feeds.settle_held(&mut outlet());
        if retry_at.is_none() && engine.feeds.has_behind() {
            retry_at = Some(Instant::now() + RETRY);
        }
        while pages.len() < intake.readers
            && let Some(request) = engine.feeds.next_read()
        {
            pages.spawn(read_page(reads.clone(), Arc::clone(&membership), request));
        }
    }
}

async fn read_page<S>(
    reads: ReadPool,
    membership: Arc<dyn Membership>,
    request: ReadRequest<S>,
) -> PageRead<S> {
    let has_entries = request.range.source.has_entries();
    let groups = if has_entries { membership.groups_of(&request.uid) } else { Vec::new() };
    let page = reads.page(&request.uid, request.range, &groups).await;
    (request, page)
}

#[cfg(test)]
mod tests;
