//! Lease of a database: one process at a time writes to it.
//!
//! On SQLite it is a lock of a file beside the database, which the system frees when the process
//! ends, however it ends. On a server it is a row that the holder renews. Another process watches
//! it; if it is not renewed for the time of two renewals, it takes the lease over, under a new
//! epoch. Each write transaction of the holder checks the epoch, and keeps the row from being
//! changed until it ends. So a process that was suspended, or cut off, and comes back after its
//! lease was taken over cannot write: not by its clock, but because the database refuses it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::dialect::Dialect;
use crate::error::Error;
use crate::fence::Fence;
use crate::insert::insert;
use crate::pool::Pool;
use crate::retry::Retry;
use crate::schema::{MigrateError, Part};
use crate::statement::sql;

/// The row. There is one lease in a database.
const PART: Part = Part {
    name: "lease",
    steps: &["CREATE TABLE comet_lease (
    name   {key:64} NOT NULL PRIMARY KEY,
    epoch  {int} NOT NULL,          -- grows with each holder
    beat   {int} NOT NULL,          -- grows with each renewal
    holder {key:255} NOT NULL       -- empty if it was given back
) {table};"],
    user_version: false,
};

/// Times of a lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTimes {
    /// Between two renewals.
    pub renew: Duration,
    /// Without a renewal for so long, a lease may be taken over.
    pub lapse: Duration,
    /// Longest wait for a lease that another process has.
    pub wait: Duration,
}

impl Default for LeaseTimes {
    /// Renewed each 5 s, lapsed after 11 s, waited for 15 s.
    fn default() -> Self {
        let [renew, lapse, wait] = [5, 11, 15].map(Duration::from_secs);
        Self { renew, lapse, wait }
    }
}

/// Held lease. If dropped without [`Lease::release`], it is not renewed any more, and lapses.
#[derive(Debug)]
pub struct Lease {
    fence: Fence,
    pool: Pool,
    lost: watch::Receiver<Option<String>>,
    renewal: Option<JoinHandle<()>>,
    _file: Option<File>,
}

/// Reason for not getting a lease.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Another process has it.
    #[error("the database {database} is in use by {holder}")]
    Held {
        /// The database.
        database: String,
        /// Name that the holder gave itself.
        holder: String,
    },
    /// The file for the lock cannot be used.
    #[error("cannot lock {path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// Reason.
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
    /// The table of the lease cannot be used.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// Lease as found.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    epoch: i64,
    beat: i64,
    holder: String,
}

impl Lease {
    /// Takes the lease, and guards the pool with it. Waits for another holder to give it back, or
    /// to be gone. `holder` is told to others: process and host, for instance, in 255 bytes.
    ///
    /// # Errors
    ///
    /// [`LeaseError`]
    pub async fn take(pool: &Pool, holder: &str, times: LeaseTimes) -> Result<Self, LeaseError> {
        let (file, epoch) = match pool.location().path() {
            Some(path) => (Some(lock_file(pool, path, holder, times).await?), None),
            None => (None, Some(take_row(pool, holder, times).await?)),
        };
        let (told, lost) = watch::channel(None);
        let renewal = epoch.map(|epoch| tokio::spawn(renew(pool.clone(), epoch, times, told)));
        let fence = Fence::new(epoch);
        pool.guard(fence);
        Ok(Self { fence, pool: pool.clone(), lost, renewal, _file: file })
    }

    /// For other pools of the same database.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Waits until another process has taken the lease, and returns its name. Never returns
    /// otherwise.
    pub async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(holder) => holder.clone().unwrap_or_default(),
            // SQLite: nobody can take it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives the lease back: the next process has it at once.
    ///
    /// # Errors
    ///
    /// [`Error`]; the lease lapses then.
    pub async fn release(mut self) -> Result<(), Error> {
        self.stop();
        let Some(epoch) = self.fence.epoch() else { return Ok(()) };
        let mut db = self.pool.lend().await?;
        sql("UPDATE comet_lease SET holder = '' WHERE name = 'database' AND epoch = ?")
            .bind(epoch)
            .execute(&mut db)
            .await?;
        db.done();
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(renewal) = self.renewal.take() {
            renewal.abort();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Takes the row of a server. Returns the epoch.
async fn take_row(pool: &Pool, holder: &str, times: LeaseTimes) -> Result<i64, LeaseError> {
    PART.migrate(pool).await?;
    let began = Instant::now();
    let mut last: Option<(Seen, Instant)> = None;
    loop {
        match observe(pool).await {
            Ok(None) => {
                if create(pool, holder).await? {
                    return Ok(1);
                }
            }
            Ok(Some(seen)) => {
                let unchanged = last.take().filter(|(before, _)| *before == seen);
                let since = unchanged.map_or_else(Instant::now, |(_, since)| since);
                let free = seen.holder.is_empty() || since.elapsed() >= times.lapse;
                if free && take_over(pool, &seen, holder).await? {
                    return Ok(seen.epoch + 1);
                }
                if began.elapsed() >= times.wait && since.elapsed() < times.lapse {
                    let database = pool.location().to_string();
                    return Err(LeaseError::Held { database, holder: seen.holder });
                }
                last = Some((seen, since));
            }
            Err(error) if began.elapsed() >= times.wait => return Err(error.into()),
            // The holder's transaction, or a server that is being started.
            Err(error) => tracing::debug!(%error, "lease not read"),
        }
        sleep(times.renew / 20).await;
    }
}

async fn observe(pool: &Pool) -> Result<Option<Seen>, Error> {
    let mut db = pool.lend().await?;
    let row = sql("SELECT epoch, beat, holder FROM comet_lease WHERE name = 'database'");
    let row: Option<(i64, i64, String)> = row.optional(&mut db).await?;
    db.done();
    Ok(row.map(|(epoch, beat, holder)| Seen { epoch, beat, holder }))
}

async fn create(pool: &Pool, holder: &str) -> Result<bool, Error> {
    let mut db = pool.lend().await?;
    let row = insert("comet_lease", &["name", "epoch", "beat", "holder"]);
    let row = row.row(["database".into(), 1_i64.into(), 0_i64.into(), holder.into()]);
    let created = match row.if_new(&mut db, 1, "epoch").await {
        Ok(created) => !created.is_empty(),
        // By another that was faster.
        Err(Error::Conflict(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    db.done();
    Ok(created)
}

/// `false` if another was faster, or the holder is alive after all.
async fn take_over(pool: &Pool, seen: &Seen, holder: &str) -> Result<bool, Error> {
    let mut db = pool.lend().await?;
    let taken = sql("UPDATE comet_lease SET epoch = epoch + 1, beat = 0, holder = ?
                     WHERE name = 'database' AND epoch = ? AND beat = ?")
    .bind(holder)
    .bind(seen.epoch)
    .bind(seen.beat)
    .execute(&mut db)
    .await;
    match taken {
        Ok(rows) => {
            db.done();
            Ok(rows == 1)
        }
        // A transaction of the holder, which the server ends soon if it was abandoned.
        Err(error) if error.is_transient() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renews until another has taken the lease.
async fn renew(pool: Pool, epoch: i64, times: LeaseTimes, lost: watch::Sender<Option<String>>) {
    let mut ticks = interval_at(Instant::now() + times.renew, times.renew);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut retry = Retry::new();
        let outcome = loop {
            match beat(&pool, epoch).await {
                Ok(rows) => break Ok(rows),
                Err(error) => match retry.after(error).await {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
            }
        };
        match outcome {
            Ok(0) => {
                let holder = observe(&pool).await.ok().flatten().map(|seen| seen.holder);
                let holder = holder.unwrap_or_else(|| "another process".to_owned());
                tracing::error!(%holder, "the lease of the database was taken over");
                lost.send_replace(Some(holder));
                return;
            }
            Ok(_) => {}
            // Nobody can take it over meanwhile either, or can read it: the check decides.
            Err(error) => tracing::warn!(%error, "the lease of the database was not renewed"),
        }
    }
}

async fn beat(pool: &Pool, epoch: i64) -> Result<u64, Error> {
    let mut db = pool.lend().await?;
    let rows = sql("UPDATE comet_lease SET beat = beat + 1 WHERE name = 'database' AND epoch = ?");
    let rows = rows.bind(epoch).execute(&mut db).await?;
    db.done();
    Ok(rows)
}

/// Locks a file beside the database of SQLite.
async fn lock_file(
    pool: &Pool,
    database: &Path,
    holder: &str,
    times: LeaseTimes,
) -> Result<File, LeaseError> {
    debug_assert_eq!(pool.dialect(), Dialect::Sqlite);
    let path = database.with_added_extension("lease");
    let failed = |source| LeaseError::File { path: path.display().to_string(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(failed)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if began.elapsed() >= times.wait => {
                let mut holder = String::new();
                // Whoever it is.
                let _unread = file.read_to_string(&mut holder);
                let database = pool.location().to_string();
                return Err(LeaseError::Held { database, holder });
            }
            Err(TryLockError::WouldBlock) => sleep(times.renew / 100).await,
        }
    }
    let named = file.set_len(0).and_then(|()| file.rewind());
    named.and_then(|()| file.write_all(holder.as_bytes())).map_err(failed)?;
    Ok(file)
}
