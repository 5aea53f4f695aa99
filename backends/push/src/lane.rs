//! Lane of one vendor: what waits for it, and the tasks that send it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comet::Repeats;
use comet_dtalk::clock;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::sleep;

use crate::backoff;
use crate::batches::Batch;
use crate::config::Config;
use crate::counters::Counters;
use crate::push::Push;
use crate::queue::{Queue, Waiting};
use crate::sources::Tokens;
use crate::vendor::{Outcome, PushVendor};

/// Queue and state of a vendor.
pub(crate) struct Lane {
    vendor: Arc<dyn PushVendor>,
    queue: Mutex<Queue>,
    /// Of the queue and of what is being sent.
    places: Arc<Semaphore>,
    filled: Notify,
    /// Batches of what a stop has left in the midst of its repeats.
    left: Mutex<Vec<Arc<Batch>>>,
    /// Whether the last request failed in a way that may pass.
    failing: AtomicBool,
    counters: Arc<Counters>,
    failures: Repeats,
}

impl Lane {
    pub(crate) fn new(
        vendor: Arc<dyn PushVendor>,
        config: &Config,
        counters: &Arc<Counters>,
    ) -> Self {
        let places = config.queue.min(Semaphore::MAX_PERMITS);
        Self {
            vendor,
            queue: Mutex::default(),
            places: Arc::new(Semaphore::new(places)),
            filled: Notify::new(),
            left: Mutex::default(),
            failing: AtomicBool::new(false),
            counters: Arc::clone(counters),
            failures: Repeats::new(),
        }
    }

    /// Adds pushes, together so that requests are full. Waits for places unless the vendor fails.
    pub(crate) async fn put(&self, pushes: Vec<Push>, batch: &Arc<Batch>) {
        let mut ready = Vec::with_capacity(pushes.len());
        for push in pushes {
            let mut place = Arc::clone(&self.places).try_acquire_owned().ok();
            if place.is_none() {
                self.fill(&mut ready);
                if !self.failing.load(Ordering::Relaxed) {
                    place = Arc::clone(&self.places).acquire_owned().await.ok();
                }
            }
            match place {
                Some(_) => ready.push(Waiting { push, batch: Arc::clone(batch), place }),
                None => self.counters.dropped.add(1),
            }
        }
        self.fill(&mut ready);
    }

    fn fill(&self, ready: &mut Vec<Waiting>) {
        let count = ready.len();
        let replaced = {
            let mut queue = self.queue.lock();
            ready.drain(..).map(|waiting| queue.put(waiting)).filter(|replaced| *replaced).count()
        };
        self.counters.collapsed.add(replaced);
        self.counters.waiting.add(count - replaced);
        self.filled.notify_one();
    }

    /// Sends what waits, one request after the other, until `stopped`.
    pub(crate) async fn run(&self, tokens: &dyn Tokens, mut stopped: watch::Receiver<bool>) {
        loop {
            let waiting = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                waiting = self.take() => waiting,
            };
            self.deliver(waiting, tokens, &mut stopped).await;
        }
    }

    /// The next pushes, at least one.
    async fn take(&self) -> Vec<Waiting> {
        loop {
            let (taken, more) = {
                let mut queue = self.queue.lock();
                (queue.take(self.vendor.at_once().max(1)), !queue.is_empty())
            };
            if more {
                self.filled.notify_one();
            }
            if !taken.is_empty() {
                return taken;
            }
            self.filled.notified().await;
        }
    }

    /// Sends pushes in one request, repeated while that makes sense. Those that are left at a stop
    /// keep their batch from being done, so that they come again.
    async fn deliver(
        &self,
        waiting: Vec<Waiting>,
        tokens: &dyn Tokens,
        stopped: &mut watch::Receiver<bool>,
    ) {
        self.counters.waiting.sub(waiting.len());
        let (mut pushes, mut held) = (Vec::new(), Vec::new());
        for Waiting { push, batch, place } in waiting {
            pushes.push(push);
            held.push((batch, place));
        }
        let mut attempts = 0;
        loop {
            let (now, before) = (clock::unix_ms(), pushes.len());
            pushes.retain(|push| !push.is_expired(now));
            self.counters.expired.add(before - pushes.len());
            if pushes.is_empty() {
                return;
            }
            self.counters.requests.add(1);
            let outcome = self.vendor.send(&pushes).await;
            attempts += 1;
            let is_later = matches!(outcome, Outcome::Later { .. });
            self.failing.store(is_later, Ordering::Relaxed);
            let Outcome::Later { after, reason } = outcome else {
                return self.settle(&outcome, &pushes, tokens).await;
            };
            self.counters.retried.add(1);
            self.warn(&reason);
            let Some(wait) = backoff::wait(attempts, after, rand::random()) else {
                return self.counters.refused.add(pushes.len());
            };
            tokio::select! {
                () = sleep(wait) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {
                    return self.left.lock().extend(held.into_iter().map(|(batch, _)| batch));
                }
            }
        }
    }

    async fn settle(&self, outcome: &Outcome, pushes: &[Push], tokens: &dyn Tokens) {
        match outcome {
            Outcome::Sent => self.counters.sent.add(pushes.len()),
            Outcome::InvalidToken => {
                for Push { user, token, login, .. } in pushes {
                    self.counters.invalid_tokens.add(1);
                    if let Err(error) = tokens.forget(user, token, *login).await {
                        tracing::warn!(%error, user, "invalid token not forgotten");
                    }
                }
            }
            Outcome::Refused(reason) => {
                self.counters.refused.add(pushes.len());
                self.warn(reason);
            }
            Outcome::Later { .. } => {}
        }
    }

    fn warn(&self, reason: &str) {
        if let Some(more) = self.failures.admit(clock::unix()) {
            let vendor = self.vendor.name();
            tracing::warn!(vendor, reason, "push not taken{more}");
        }
    }
}
