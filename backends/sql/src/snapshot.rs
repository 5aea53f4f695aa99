//! Copies of SQLite files: of one that may be in use, and the check of one that is not.
//!
//! Not here: which files belong together, and copies of databases on a server, which their own
//! tools make.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::connection::{Connection, Driver};
use crate::error::Error;
use crate::statement::sql;

/// Copies an SQLite file, which may be in use, to a path where nothing or an empty file is.
///
/// The copy is one consistent state, with what is in the write-ahead log, which a plain copy of the
/// file would miss. It is not synced to the disk. Waits for locks up to `busy`.
///
/// # Errors
///
/// [`Error`]; what is at `to` then is of no use.
pub async fn snapshot(from: &Path, to: &Path, busy: Duration) -> Result<(), Error> {
    let options = SqliteConnectOptions::new().filename(from).busy_timeout(busy);
    let mut db = open(options).await?;
    copy(&mut db, to).await?;
    db.close().await
}

/// Copies the open database to another path.
pub(crate) async fn copy(db: &mut Connection, to: &Path) -> Result<(), Error> {
    let to = to.to_str().ok_or_else(|| Error::other("a path that is not UTF-8"))?;
    sql("VACUUM INTO ?").bind(to).execute(db).await.map(|_| ())
}

/// Checks the integrity of an SQLite file that is not in use, without changing anything beside it.
///
/// # Errors
///
/// [`Error::Corrupt`] if it is damaged, or no database; another [`Error`] if it cannot be read.
pub async fn verify(path: &Path) -> Result<(), Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let mut db = open(options).await?;
    let found: String = sql("PRAGMA quick_check(1)").one(&mut db).await?;
    if found != "ok" {
        return Err(Error::corrupt(found));
    }
    db.close().await
}

async fn open(options: SqliteConnectOptions) -> Result<Connection, Error> {
    let opened = options.disable_statement_logging().connect().await.map_err(Error::opening)?;
    Ok(Connection::new(Driver::Sqlite(opened), None))
}
