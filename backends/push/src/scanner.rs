//! Scanner: the task that walks over the record as messages become due.

use std::sync::Arc;
use std::time::Duration;

use comet::Repeats;
use comet_dtalk::clock;
use comet_sql::Error;
use comet_store::Store;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::batches::Batches;
use crate::config::Config;
use crate::dispatch::Dispatch;
use crate::mark::Mark;
use crate::work::{Work, split};

/// Rows of the record in one slice.
const ROWS: usize = 512;
/// Interval at which it looks for new messages while there are none; costs no statement.
const LOOK: Duration = Duration::from_millis(250);
/// Least time between two looks: what becomes due meanwhile is one batch.
const GATHER: Duration = Duration::from_millis(100);
/// Interval at which the mark is written.
const WRITE: Duration = Duration::from_secs(1);
/// Wait after a failure of the database.
const RETRY: Duration = Duration::from_secs(1);

/// Reader of the record.
pub(crate) struct Scanner {
    store: Store,
    dispatch: Arc<Dispatch>,
    mark: Mark,
    batches: Batches,
    /// Id up to which everything was handed over, or was not due to anybody.
    position: i64,
    work: Option<Work>,
    after: Duration,
    limit: Duration,
    written: Instant,
    failures: Repeats,
}

impl Scanner {
    pub(crate) fn new(store: Store, dispatch: Arc<Dispatch>, mark: Mark, config: &Config) -> Self {
        let position = mark.get();
        Self {
            store,
            dispatch,
            batches: Batches::after(position),
            position,
            mark,
            work: None,
            after: config.after,
            limit: config.time_limit,
            written: Instant::now(),
            failures: Repeats::new(),
        }
    }

    /// Runs until `stopped`.
    pub(crate) async fn run(&mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let round = async {
                let wait = self.round().await.unwrap_or_else(|error| {
                    self.warn(&error);
                    RETRY
                });
                if self.written.elapsed() >= WRITE {
                    self.write_mark().await;
                }
                sleep(wait).await;
            };
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = round => {}
            }
        }
    }

    /// Hands over what is due now. Returns the time until it is to look again.
    async fn round(&mut self) -> Result<Duration, Error> {
        let (began, now) = (Instant::now(), clock::unix_ms());
        let mut acks_count = false;
        loop {
            self.hand_over().await?;
            let slice = self.store.heads(self.position, ROWS).await?;
            let more = slice.more;
            let due = split(slice, now, millis(self.after), millis(self.limit));
            if !due.heads.is_empty() {
                if !acks_count {
                    // Acks that came before `now` are recorded; once, because it costs a commit.
                    self.store.flush().await;
                    acks_count = true;
                }
                self.work = Some(Work::new(due.heads, due.through));
                continue;
            }
            self.position = due.through;
            match due.next_in.map(Duration::from_millis) {
                Some(wait) => {
                    return Ok(wait.saturating_sub(began.elapsed()).clamp(GATHER, WRITE));
                }
                None if more => {}
                None => return Ok(LOOK),
            }
        }
    }

    /// Hands the batch at hand over to its end.
    async fn hand_over(&mut self) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        while let Some(read) = work.read(&self.store).await? {
            self.dispatch.hand_over(&read.page, work.batch()).await?;
            work.advance(read);
        }
        self.batches.add(work.through(), work.batch());
        self.position = work.through();
        self.work = None;
        Ok(())
    }

    /// Writes how far everything is done, if that has changed.
    pub(crate) async fn write_mark(&mut self) {
        self.written = Instant::now();
        let done = self.batches.done();
        if done > self.mark.get()
            && let Err(error) = self.mark.write(done).await
        {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &Error) {
        if let Some(more) = self.failures.admit(clock::unix()) {
            tracing::warn!(%error, "pushes wait for the database{more}");
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
