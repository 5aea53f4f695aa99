//! Database: one writing connection, a pool of reading connections, and the statements of both.
//!
//! SQLite in WAL mode, so that readers and the writer do not wait for each other. The writing
//! connection syncs at every commit: committed data survives a power failure.
//!
//! Not here: content and order of writes (`writer`).

mod act;
mod append;
mod excerpt;
mod high_mark;
mod mark;
mod page;
mod row;

use std::io;
use std::path::Path;
use std::time::Duration;

use comet_dtalk::id::Id;
use comet_sql::sqlite::Pool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

pub(crate) use act::{Found, Kind, add_focus, erase, find};
pub(crate) use append::{Appended, Message, Original, OutSignal, append, insert_signals};
pub(crate) use excerpt::{Choice, Range};
use high_mark::HighMark;
pub(crate) use mark::{mark_messages, mark_signals};
pub(crate) use page::Page;

/// Version of [`SCHEMA`], stored in the file.
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = include_str!("schema.sql");

/// Variables per insert statement; the limit of SQLite is 32,766.
const MAX_VARIABLES: usize = 30_000;

/// Pages of 4 KiB in the WAL before a checkpoint: at the default of 1,000 nearly each large batch
/// would pay for one. At most 64 MiB of disk, briefly more under load.
const CHECKPOINT_PAGES: &str = "16384";
/// Minimum page caches, in KiB: of the writing connection, and of each reading one.
const LEAST_CACHES: [usize; 2] = [1_024, 256];
/// Divisor of the writer's cache for the cache of each reading connection.
const READER_SHARE: usize = 32;

/// Reason for failing to open a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Error of SQLite.
    #[error("cannot open the message database: {0}")]
    Sqlite(#[from] sqlx::Error),
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
    /// The file was changed by a later version of this program.
    #[error("message database has schema {found}, this program knows up to {known}")]
    NewerSchema {
        /// Version of the file.
        found: i64,
        /// Latest version known.
        known: i64,
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
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    mark: HighMark,
}

impl WriteConnection {
    /// Starts a transaction. Dropping the connection without [`WriteConnection::commit`] rolls it
    /// back.
    pub(crate) async fn begin(&mut self) -> Result<SqliteConnection, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
        Ok(connection)
    }

    /// Makes a transaction durable; no id above `last` was assigned in it.
    pub(crate) async fn commit(
        &mut self,
        mut tx: SqliteConnection,
        last: i64,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE comet_last_id SET id = max(id, ?)").bind(last).execute(&mut tx).await?;
        sqlx::query("COMMIT").execute(&mut tx).await?;
        // Only a connection without any failure is reused, as in `comet_sql`.
        self.connection = Some(tx);
        self.mark.advance(last);
        Ok(())
    }

    /// Gives up the missing messages above `last`.
    pub(crate) fn accept_loss(&mut self, last: i64) {
        self.mark.reset(last);
    }

    /// Closes the connection, which also checkpoints the WAL if it is the last one.
    pub(crate) async fn close(&mut self) -> Result<(), sqlx::Error> {
        match self.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

/// Reading connections.
#[derive(Clone, Debug)]
pub(crate) struct ReadPool(Pool);

impl ReadPool {
    /// Checks that the database can be read.
    pub(crate) async fn check(&self) -> Result<(), sqlx::Error> {
        let mut db = self.0.lend().await?;
        sqlx::query("SELECT id FROM comet_last_id").fetch_one(&mut *db).await?;
        db.done();
        Ok(())
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

/// Opens the database at `path`, and creates it if there is none.
pub(crate) async fn open(
    path: &Path,
    readers: u32,
    cache: usize,
    timeouts: Timeouts,
) -> Result<Opened, OpenError> {
    let [writer_cache, reader_cache] = caches(cache);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(timeouts.busy)
        .row_buffer_size(512)
        .disable_statement_logging();
    let writing = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", writer_cache);
    let mark = HighMark::open(path).map_err(OpenError::Mark)?;
    let marked = mark.get();
    let mut writer_db = WriteConnection { options: writing, connection: None, mark };
    prepare_schema(&mut writer_db).await?;
    let pool = SqlitePoolOptions::new()
        .max_connections(readers)
        .acquire_timeout(timeouts.reader)
        .connect_with(options.pragma("cache_size", reader_cache).read_only(true))
        .await?;
    let last: i64 = sqlx::query_scalar("SELECT id FROM comet_last_id").fetch_one(&pool).await?;
    let lost = Id::new(marked).filter(|marked| marked.get() > last);
    writer_db.mark.advance(last);
    Ok(Opened { writer_db, reads: ReadPool(pool.into()), last: Id::new(last), lost })
}

/// Page caches in the notation of SQLite, of the writing connection and of each reading one:
/// negative numbers are KiB.
fn caches(bytes: usize) -> [String; 2] {
    let [writer, reader] = LEAST_CACHES;
    let kib = [(bytes / 1_024).max(writer), (bytes / 1_024 / READER_SHARE).max(reader)];
    kib.map(|kib| format!("-{kib}"))
}

async fn prepare_schema(writer_db: &mut WriteConnection) -> Result<(), OpenError> {
    let mut tx = writer_db.begin().await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut tx).await?;
    match found {
        0 => {
            sqlx::raw_sql(SCHEMA).execute(&mut tx).await?;
            sqlx::raw_sql("PRAGMA user_version = 1").execute(&mut tx).await?;
        }
        SCHEMA_VERSION => {}
        found => return Err(OpenError::NewerSchema { found, known: SCHEMA_VERSION }),
    }
    Ok(writer_db.commit(tx, 0).await?)
}
