//! [`Pushes`]: the tasks that push, from start to stop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use comet_dtalk::message::Device;
use comet_sql::{MigrateError, Pool};
use comet_store::Store;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::config::Config;
use crate::counters::{Counters, Stats};
use crate::dispatch::Dispatch;
use crate::lane::Lane;
use crate::mark::Mark;
use crate::scanner::Scanner;
use crate::sources::{Names, Tokens};
use crate::vendor::PushVendor;

/// Time for requests that are under way at a stop.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

/// Reason why pushes cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The table of the mark cannot be used.
    #[error("the table of pushes cannot be used: {0}")]
    Table(#[from] MigrateError),
}

/// Vendors by device type. Each has a queue and requests of its own.
#[derive(Clone, Debug, Default)]
pub struct Vendors(Vec<(Vec<Device>, Arc<dyn PushVendor>)>);

impl Vendors {
    /// Sends pushes to devices of these types through a vendor. Types with none get no pushes.
    #[must_use]
    pub fn with(mut self, devices: &[Device], vendor: Arc<dyn PushVendor>) -> Self {
        self.0.push((devices.to_vec(), vendor));
        self
    }

    /// Whether there are none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Pushes to phones. A cheap handle.
#[derive(Clone)]
pub struct Pushes(Arc<Inner>);

struct Inner {
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Pushes {
    /// Starts to push what is stored from now on, and what an earlier run has left. The mark is
    /// kept in the database of `pool`, which need not be that of the store. Requires a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the table of the mark can be neither created nor read.
    pub async fn start(
        (store, pool): (Store, Pool),
        config: Config,
        vendors: Vendors,
        (tokens, names): (Arc<dyn Tokens>, Arc<dyn Names>),
    ) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::default());
        let mark = Mark::open(pool, store.last_id()).await?;
        let (stop, stopped) = watch::channel(false);
        let (mut lanes, mut of, mut workers) = (Vec::new(), Vec::new(), JoinSet::new());
        for (devices, vendor) in vendors.0 {
            let lane = Arc::new(Lane::new(vendor, &config, &counters));
            for _ in 0..config.requests {
                let (lane, tokens) = (Arc::clone(&lane), Arc::clone(&tokens));
                let stopped = stopped.clone();
                workers.spawn(async move { lane.run(&*tokens, stopped).await });
            }
            of.extend(devices.into_iter().map(|device| (device, lanes.len())));
            lanes.push(lane);
        }
        let dispatch = Dispatch::new((lanes, of), (tokens, names), Arc::clone(&counters), &config);
        let scanner = Scanner::new(store, Arc::new(dispatch), mark, &config);
        let task = tokio::spawn(run(scanner, workers, stopped));
        Ok(Self(Arc::new(Inner { counters, stop, task: Mutex::new(Some(task)) })))
    }

    /// Counters so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.counters.read()
    }

    /// Ends it; requests under way have 3 s to end. What was not pushed is pushed by the next run.
    pub async fn stop(&self) {
        // Without a receiver it has ended.
        let _ended = self.0.stop.send(true);
        let task = self.0.task.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "pushes ended badly");
        }
    }
}

async fn run(mut scanner: Scanner, mut workers: JoinSet<()>, stopped: watch::Receiver<bool>) {
    scanner.run(stopped).await;
    let all = async { while workers.join_next().await.is_some() {} };
    let in_time = timeout(LAST_REQUESTS, all).await;
    // Those that are aborted now still hold their batches: they come again.
    scanner.write_mark().await;
    if in_time.is_err() {
        tracing::warn!("requests to push vendors did not end");
    }
}

impl fmt::Debug for Pushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushes").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
