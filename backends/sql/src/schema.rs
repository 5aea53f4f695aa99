//! Migrations: the tables of each part, brought to the version that this program knows, once.
//!
//! A part (messages, devices, ...) numbers its own steps. `comet_schema` records how far each has
//! come. Two processes that start together run a step once: on SQLite within the write lock, on
//! servers under a lock of the server that ends with its connection. A step is one transaction, but
//! on MySQL, where `CREATE` and `ALTER` commit by themselves: there each statement is recorded, and
//! an interrupted step goes on where it stopped.
//!
//! Before a step changes a file of SQLite that has data, a copy is made beside it. Of a database on
//! a server no copy is made; the log says so.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::insert::insert;
use crate::pool::{Loan, Pool};
use crate::snapshot;
use crate::statement::sql;

/// Longest wait for another process that migrates, in seconds.
const LOCK_SECONDS: u32 = 60;

/// Wait before a file that was in use is tried again.
const AGAIN: Duration = Duration::from_millis(20);

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS comet_schema (
    part      {key:64} NOT NULL PRIMARY KEY,
    version   {int} NOT NULL,   -- steps taken
    statement {int} NOT NULL    -- statements of the next step that are executed
) {table};";

/// Tables that belong together, and how they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its name, for ever.
    pub name: &'static str,
    /// SQL of each step, with the tokens of this crate. Released steps never change.
    pub steps: &'static [&'static str],
    /// Whether the version is also the `user_version` of an SQLite file, which then has no other
    /// part that says so.
    pub user_version: bool,
}

/// What was done to a part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Migration {
    /// Version before; 0 if there was nothing.
    pub from: u32,
    /// Version now.
    pub to: u32,
    /// Copy of the database as it was before, if one was made.
    pub backup: Option<PathBuf>,
}

/// Reason why a part cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// It was changed by a later version of this program.
    #[error("{part} has schema {found}, this program knows up to {known}")]
    Newer {
        /// Name of the part.
        part: &'static str,
        /// Version of the database.
        found: u32,
        /// Latest version known.
        known: u32,
    },
    /// Another process migrates, and does not come to an end.
    #[error("another process has been migrating the database for {LOCK_SECONDS} s")]
    Locked,
    /// No copy could be made, so nothing was changed.
    #[error("cannot copy the database before it is migrated: {0}")]
    Backup(#[source] io::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl Part {
    const fn known(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "some dozen steps")]
        let known = self.steps.len() as u32;
        known
    }

    /// Brings the tables to the latest version.
    ///
    /// # Errors
    ///
    /// [`MigrateError`]
    pub async fn migrate(&self, pool: &Pool) -> Result<Migration, MigrateError> {
        let migration = match pool.dialect() {
            Dialect::Sqlite => self.in_file_when_free(pool).await?,
            Dialect::MySql | Dialect::Postgres => self.on_server(pool).await?,
        };
        if migration.from != migration.to {
            let Migration { from, to, backup } = &migration;
            let (part, database) = (self.name, pool.location());
            match backup {
                Some(copy) => {
                    let copy = copy.display();
                    tracing::info!(part, from, to, %copy, %database, "tables migrated, copy kept");
                }
                None if *from == 0 => tracing::info!(part, to, %database, "tables created"),
                None => tracing::warn!(part, from, to, %database, "tables migrated WITHOUT a copy"),
            }
        }
        Ok(migration)
    }

    /// Of processes that open a new file at the same moment SQLite refuses some at once, without
    /// waiting for `busy`: while one changes the journal's mode, or when two would wait for each
    /// other. They try again, for as long as `busy`.
    async fn in_file_when_free(&self, pool: &Pool) -> Result<Migration, MigrateError> {
        let until = Instant::now() + pool.settings().sqlite.busy;
        loop {
            match self.in_file(pool).await {
                Err(MigrateError::Database(Error::Busy(_))) if Instant::now() < until => {
                    sleep(AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn in_file(&self, pool: &Pool) -> Result<Migration, MigrateError> {
        let mut db = pool.lend().await?;
        let before = self.version(&mut db).await?;
        let mut backup = None;
        if before > 0 && before < self.known() {
            let file = pool.location().path().expect("SQLite has a file");
            backup = Some(copy(&mut db, file, before).await?);
        }
        db.done();
        let mut db = pool.begin().await?;
        let from = self.version(&mut db).await?;
        for (step, version) in self.steps.iter().zip(1..).skip(from as usize) {
            for statement in Dialect::Sqlite.statements(step) {
                db.run_owned(statement).await?;
            }
            self.record(&mut db, version, 0).await?;
        }
        if self.user_version && from < self.known() {
            db.run_owned(format!("PRAGMA user_version = {}", self.known())).await?;
        }
        db.commit().await?;
        Ok(Migration { from, to: self.known(), backup })
    }

    async fn on_server(&self, pool: &Pool) -> Result<Migration, MigrateError> {
        let mut db = locked(pool).await?;
        let from = self.version(&mut db).await?;
        for (step, version) in self.steps.iter().zip(1..).skip(from as usize) {
            if pool.dialect() == Dialect::MySql {
                self.step_by_statement(&mut db, step, version).await?;
            } else {
                db.run("BEGIN").await?;
                for statement in Dialect::Postgres.statements(step) {
                    db.run_owned(statement).await?;
                }
                self.record(&mut db, version, 0).await?;
                db.run("COMMIT").await?;
            }
        }
        // The lock ends with the connection.
        db.close().await?;
        Ok(Migration { from, to: self.known(), backup: None })
    }

    async fn step_by_statement(
        &self,
        db: &mut Connection,
        step: &str,
        version: u32,
    ) -> Result<(), Error> {
        let done = sql("SELECT statement FROM comet_schema WHERE part = ?").bind(self.name);
        let done: i64 = done.optional(db).await?.unwrap_or(0);
        for (statement, number) in Dialect::MySql.statements(step).into_iter().zip(1..) {
            if number > done {
                match db.run_owned(statement).await {
                    // Executed by a process that ended before it could record that.
                    Err(Error::Exists(_)) => {}
                    outcome => outcome?,
                }
                self.record(db, version - 1, number).await?;
            }
        }
        self.record(db, version, 0).await
    }

    /// Steps taken so far. Creates `comet_schema` if there is none.
    async fn version(&self, db: &mut Connection) -> Result<u32, MigrateError> {
        for statement in db.dialect().statements(SCHEMA) {
            db.run_owned(statement).await?;
        }
        let recorded = sql("SELECT version FROM comet_schema WHERE part = ?").bind(self.name);
        let mut found: i64 = recorded.optional(db).await?.unwrap_or(0);
        if self.user_version && db.dialect() == Dialect::Sqlite {
            found = found.max(sql("PRAGMA user_version").one(db).await?);
        }
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        if found > self.known() {
            return Err(MigrateError::Newer { part: self.name, found, known: self.known() });
        }
        Ok(found)
    }

    async fn record(&self, db: &mut Connection, version: u32, done: i64) -> Result<(), Error> {
        let row = [self.name.into(), version.into(), done.into()];
        let rows = insert("comet_schema", &["part", "version", "statement"]).row(row);
        rows.replace(db, &["part"]).await
    }
}

/// Connection of a server with the lock for migrations.
async fn locked(pool: &Pool) -> Result<Loan, MigrateError> {
    let mut db = pool.lend().await?;
    db.wait_without_limit();
    if db.dialect() == Dialect::MySql {
        let lock = sql("SELECT GET_LOCK(CONCAT('comet ', SHA1(DATABASE())), ?)").bind(LOCK_SECONDS);
        return if lock.one::<i64>(&mut db).await? == 1 {
            Ok(db)
        } else {
            Err(MigrateError::Locked)
        };
    }
    db.run_owned(format!("SET lock_timeout = '{LOCK_SECONDS}s'")).await?;
    // The number has no meaning; locks belong to one database of a server.
    match db.run("SELECT pg_advisory_lock(4832147)").await {
        Ok(()) => {}
        Err(Error::Busy(_)) => return Err(MigrateError::Locked),
        Err(error) => return Err(error.into()),
    }
    db.run("SET lock_timeout = 0").await?;
    Ok(db)
}

/// Copies the database to a file beside it, whole or not at all.
async fn copy(db: &mut Connection, file: &Path, version: u32) -> Result<PathBuf, MigrateError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".v{version}-{now}"));
    let copy = PathBuf::from(name);
    let half = copy.with_added_extension("half");
    match fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(MigrateError::Backup(error));
        }
        Ok(()) | Err(_) => {}
    }
    snapshot::copy(db, &half).await?;
    let whole = fs::File::open(&half).and_then(|half| half.sync_all());
    let whole = whole.and_then(|()| fs::rename(&half, &copy));
    whole.map_err(MigrateError::Backup)?;
    Ok(copy)
}
