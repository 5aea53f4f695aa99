//! Database: one writing connection, a pool of reading connections, and the statements of both.
//!
//! On SQLite in WAL mode, so that readers and the writer do not wait for each other; the writing
//! connection syncs at every commit: committed data survives a power failure. On a server that is
//! its setting, and its default.
//!
//! Not here: content and order of writes (`writer`).

mod act;
mod append;
mod excerpt;
mod expiry;
mod high_mark;
mod mark;
mod page;
mod receipt;
mod row;
mod stay;
mod timeline;
mod unread;
mod unreceived;

use std::io;
use std::time::Duration;

use comet_dtalk::id::Id;
use comet_sql::{
    Connection, Error, Fence, FromRow, Location, MigrateError, Part, Pool, Settings, Statement,
    Transaction, sql,
};

pub(crate) use act::{Found, Kind, add_focus, erase, find};
pub(crate) use append::{Appended, Message, Original, OutSignal, append, insert_signals};
pub(crate) use excerpt::{Choice, Range};
pub(crate) use expiry::{AGED, Aged, Deleted, Deletion, EntryPlace};
use high_mark::HighMark;
pub(crate) use mark::{mark_messages, mark_signals};
pub(crate) use page::Page;
pub(crate) use receipt::mark_entries;
pub(crate) use stay::{Place, begin_stays, end_all_stays, end_stays};
pub(crate) use timeline::{append_entries, last_positions};
pub(crate) use unread::{Conversation, mark_read};

/// Tables of messages, also those that `comet_focus` and the like name.
pub(crate) const PART: Part = Part {
    name: "messages",
    steps: &[include_str!("schema.sql"), include_str!("schema-2.sql")],
    user_version: true,
};

/// Pages of 4 KiB in the WAL before a checkpoint: at the default of 1,000 nearly each large batch
/// would pay for one. At most 64 MiB of disk, briefly more under load.
const CHECKPOINT_PAGES: u32 = 16_384;
/// Minimum page caches, in KiB: of the writing connection, and of each reading one.
const LEAST_CACHES: [usize; 2] = [1_024, 256];
/// Divisor of the writer's cache for the cache of each reading connection.
const READER_SHARE: usize = 32;

/// Reason for failing to open a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database failed.
    #[error("cannot open the message database: {0}")]
    Database(#[from] Error),
    /// The tables could not be created or brought to the latest version.
    #[error("cannot prepare the message database: {0}")]
    Tables(#[source] MigrateError),
    /// The high mark beside the database cannot be used.
    #[error("cannot use the mark of the message database: {0}")]
    Mark(#[source] io::Error),
    /// Stored messages are missing: the write-ahead log was deleted or damaged, or the database is
    /// an older copy.
    #[error(
        "messages that were stored are missing: the database ends at id {found} and went to \
         {marked}; its write-ahead log was deleted or damaged, or it is an older copy"
    )]
    Lost {
        /// Greatest id in the database.
        found: i64,
        /// Greatest id that was durable.
        marked: i64,
    },
    /// The database was changed by a later version of this program.
    #[error("message database has schema {found}, this program knows up to {known}")]
    NewerSchema {
        /// Version of the database.
        found: u32,
        /// Latest version known.
        known: u32,
    },
}

/// Timeouts for locks and connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For another process that has locked the database.
    pub(crate) busy: Duration,
    /// For a reading connection.
    pub(crate) reader: Duration,
}

/// The writing connection.
#[derive(Debug)]
pub(crate) struct WriteConnection {
    pool: Pool,
    /// Of SQLite: a server does not lose its end.
    mark: Option<HighMark>,
}

impl WriteConnection {
    /// Starts a transaction. Dropping it without [`WriteConnection::commit`] rolls it back.
    pub(crate) async fn begin(&mut self) -> Result<Transaction, Error> {
        self.pool.begin().await
    }

    /// Makes a transaction durable, in which the greatest id is [marked](mark_last) as `last`.
    pub(crate) async fn commit(&mut self, tx: Transaction, last: i64) -> Result<(), Error> {
        tx.commit().await?;
        if let Some(mark) = &mut self.mark {
            mark.advance(last);
        }
        Ok(())
    }

    /// Deletes what retention says, in a transaction of its own.
    pub(crate) async fn delete(&mut self, deletion: Deletion) -> Result<Deleted, Error> {
        let mut tx = self.pool.begin().await?;
        let deleted = expiry::delete(&mut tx, deletion).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// Lets every transaction from now on check a lease.
    pub(crate) fn guard(&self, fence: Fence) {
        self.pool.guard(fence);
    }

    /// Greatest id that was committed. Waits for a commit that is still under way.
    pub(crate) async fn last_id(&self) -> Result<i64, Error> {
        let mut tx = self.pool.begin().await?;
        let last = sql("SELECT id FROM comet_last_id{lock}").one(&mut tx).await?;
        tx.commit().await?;
        Ok(last)
    }

    /// Gives up the missing messages above `last`.
    pub(crate) fn accept_loss(&mut self, last: i64) {
        if let Some(mark) = &mut self.mark {
            mark.reset(last);
        }
    }

    /// Closes the connection, which on SQLite also checkpoints the WAL if it is the last one.
    pub(crate) async fn close(&mut self) {
        self.pool.close().await;
    }
}

/// Records the greatest id: none above `last` was assigned in this transaction.
pub(crate) async fn mark_last(tx: &mut Connection, last: i64) -> Result<(), Error> {
    let mark = sql("UPDATE comet_last_id SET id = ? WHERE id < ?").bind(last).bind(last);
    mark.execute(tx).await.map(|_| ())
}

/// Reading connections.
#[derive(Clone, Debug)]
pub(crate) struct ReadPool(Pool);

impl ReadPool {
    /// Checks that the database can be read.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        self.all::<i64>(sql("SELECT id FROM comet_last_id")).await.map(|_| ())
    }

    async fn all<T: FromRow>(&self, query: Statement<'_>) -> Result<Vec<T>, Error> {
        self.0.read(query).await
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

/// Open database.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) writer_db: WriteConnection,
    pub(crate) reads: ReadPool,
    /// Greatest id in it.
    pub(crate) last: Option<Id>,
    /// Greatest id that was once durable, if it differs.
    pub(crate) lost: Option<Id>,
}

/// Opens the database, and creates its tables if there are none.
pub(crate) async fn open(
    location: Location,
    readers: u32,
    cache: usize,
    timeouts: Timeouts,
) -> Result<Opened, OpenError> {
    let [writer_cache, reader_cache] = caches(cache);
    let is_server = location.dialect().is_server();
    let mut settings = Settings { connections: 1, ..Settings::default() };
    settings.sqlite.busy = timeouts.busy;
    settings.sqlite.cache = writer_cache;
    settings.sqlite.checkpoint = CHECKPOINT_PAGES;
    let writing = Pool::new(location.clone(), settings);
    settings.connections = readers;
    settings.sqlite.cache = reader_cache;
    settings.sqlite.read_only = true;
    if !is_server {
        settings.wait = timeouts.reader;
    }
    let reads = ReadPool(Pool::new(location.clone(), settings));

    let mark = location.path().map(HighMark::open).transpose().map_err(OpenError::Mark)?;
    let marked = mark.as_ref().map_or(0, HighMark::get);
    PART.migrate(&writing).await?;
    let mut writer_db = WriteConnection { pool: writing, mark };
    let found = reads.all::<i64>(sql("SELECT id FROM comet_last_id")).await?;
    let last = found.first().copied().unwrap_or(0);
    let lost = Id::new(marked).filter(|marked| marked.get() > last);
    if let Some(mark) = &mut writer_db.mark {
        mark.advance(last);
    }
    Ok(Opened { writer_db, reads, last: Id::new(last), lost })
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Newer { found, known, .. } => Self::NewerSchema { found, known },
            MigrateError::Database(error) => Self::Database(error),
            error => Self::Tables(error),
        }
    }
}

/// Page caches in KiB, of the writing connection and of each reading one.
fn caches(bytes: usize) -> [usize; 2] {
    let [writer, reader] = LEAST_CACHES;
    [(bytes / 1_024).max(writer), (bytes / 1_024 / READER_SHARE).max(reader)]
}
