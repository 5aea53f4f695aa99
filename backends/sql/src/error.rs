//! Errors of the databases, by what a caller can do about them.
//!
//! The only place that knows their codes: result codes of SQLite, error numbers of MySQL, SQLSTATE
//! of PostgreSQL.

use std::fmt;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// A failed operation on a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process or transaction held a lock for too long.
    #[error("the database is locked: {0}")]
    Busy(Cause),
    /// A deadlock, or transactions that cannot be put into an order: this one was rolled back.
    #[error("the transaction conflicts with another: {0}")]
    Conflict(Cause),
    /// The connection was lost, or did not answer in time. Whether the last statement had an effect
    /// is unknown; after a lost `COMMIT`, whether the transaction had.
    #[error("the connection to the database was lost: {0}")]
    Lost(Cause),
    /// No connection in time; nothing was done.
    #[error("the database is unavailable: {0}")]
    Unavailable(Cause),
    /// No space is left for the database.
    #[error("the database is full: {0}")]
    Full(Cause),
    /// The files are damaged, or no database.
    #[error("the database is damaged: {0}")]
    Corrupt(Cause),
    /// The database takes no writes: file permissions, or a server that is a replica.
    #[error("the database is read-only: {0}")]
    ReadOnly(Cause),
    /// The server refused the user or the password, or the user may not do this.
    #[error("access to the database is denied: {0}")]
    Denied(Cause),
    /// A uniqueness or another constraint of the schema.
    #[error("a constraint of the database is violated: {0}")]
    Constraint(Cause),
    /// Another process has taken the lease of this database.
    #[error("the lease of the database was taken over by {holder}")]
    Fenced {
        /// The present holder.
        holder: String,
    },
    /// A table, column or index to be created is there already.
    #[error("the schema has it already: {0}")]
    Exists(Cause),
    /// The pool was closed.
    #[error("the database was closed")]
    Closed,
    /// A row does not have the expected columns, or there is none.
    #[error("unexpected row of the database: {0}")]
    Row(Cause),
    /// Everything else.
    #[error("the database failed: {0}")]
    Other(Cause),
}

/// Message of a driver or a database, for the log.
pub struct Cause(Box<dyn fmt::Display + Send + Sync>);

impl Error {
    /// Whether the same transaction, repeated from its beginning, may succeed soon.
    ///
    /// A lost connection counts too, see [`Retry`](crate::Retry): after a lost `COMMIT` the caller
    /// has to bear that the transaction is executed twice.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Conflict(_) | Self::Lost(_))
    }

    pub(crate) fn lost(what: &'static str) -> Self {
        Self::Lost(Cause::from(what))
    }

    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self::Unavailable(Cause::from(what))
    }

    pub(crate) fn corrupt(found: String) -> Self {
        Self::Corrupt(Cause(Box::new(found)))
    }

    pub(crate) fn row(what: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self::Row(Cause(Box::new(what)))
    }

    pub(crate) fn other(what: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self::Other(Cause(Box::new(what)))
    }

    /// Error while a connection was being opened: nothing has been done, so nothing is lost.
    pub(crate) fn opening(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Lost(cause) => Self::Unavailable(cause),
            error => error,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let class = match &error {
            sqlx::Error::Database(error) => of_database(&**error),
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::Lost
            }
            sqlx::Error::Tls(_) => Self::Unavailable,
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_) => Self::Row,
            _ => Self::Other,
        };
        class(Cause(Box::new(error)))
    }
}

type Class = fn(Cause) -> Error;

fn of_database(error: &dyn DatabaseError) -> Class {
    if error.try_downcast_ref::<SqliteError>().is_some() {
        let code = error.code().and_then(|code| code.parse().ok());
        return code.map_or(Error::Other, of_sqlite);
    }
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return of_mysql(error.number(), error.message());
    }
    let code = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code);
    code.map_or(Error::Other, of_postgres)
}

/// Result codes: <https://sqlite.org/rescode.html>. The lower byte is the primary code.
fn of_sqlite(code: u32) -> Class {
    match code & 0xff {
        5 | 6 => Error::Busy,
        8 => Error::ReadOnly,
        10 | 14 => Error::Unavailable,
        11 | 26 => Error::Corrupt,
        13 => Error::Full,
        19 => Error::Constraint,
        23 => Error::Denied,
        _ => Error::Other,
    }
}

/// Error numbers, the same in MySQL and MariaDB below 1,900.
fn of_mysql(number: u16, message: &str) -> Class {
    match number {
        // ER_LOCK_WAIT_TIMEOUT, ER_CANT_LOCK, and the statement timeouts of both.
        1205 | 1015 | 1969 | 3024 => Error::Busy,
        // ER_LOCK_DEADLOCK, ER_CHECKREAD; also of a prepared statement whose table was changed.
        1213 | 1020 | 1615 => Error::Conflict,
        // ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED.
        1053 | 1077 | 1317 | 1927 | 2006 | 2013 => Error::Lost,
        // Too many connections, of all or of this user; blocked hosts; out of memory.
        1040 | 1203 | 1226 | 1129 | 1037 | 1041 | 1135 => Error::Unavailable,
        // ER_DISK_FULL, ER_RECORD_FILE_FULL.
        1021 | 1114 => Error::Full,
        // These have the number of the operating system only within the text: 28 is ENOSPC.
        3 | 1026 | 1030 if message.contains("rror 28") || message.contains("rrcode: 28") => {
            Error::Full
        }
        // ER_TABLE_EXISTS_ERROR, ER_DUP_FIELDNAME, ER_DUP_KEYNAME.
        1050 | 1060 | 1061 => Error::Exists,
        1034 | 1035 | 1194 | 1195 | 1712 => Error::Corrupt,
        // ER_OPTION_PREVENTS_STATEMENT (read_only), ER_READ_ONLY_MODE, ER_OPEN_AS_READONLY.
        1290 | 1836 | 1036 => Error::ReadOnly,
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => Error::Denied,
        1048 | 1062 | 1169 | 1216 | 1217 | 1451 | 1452 | 1557 | 1586 | 1761 | 3819 | 4025 => {
            Error::Constraint
        }
        _ => Error::Other,
    }
}

/// SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(code: &str) -> Class {
    match (code.get(..2), code) {
        (_, "40001" | "40P01") => Error::Conflict,
        (_, "55P03" | "55006" | "57014") => Error::Busy,
        (_, "57P03" | "53300") => Error::Unavailable,
        (_, "53100" | "54000") => Error::Full,
        (_, "25006") => Error::ReadOnly,
        (_, "42501") | (Some("28"), _) => Error::Denied,
        (_, "57P01" | "57P02" | "57P05" | "25P03") | (Some("08"), _) => Error::Lost,
        (_, "42P07" | "42701" | "42710") => Error::Exists,
        (Some("23"), _) => Error::Constraint,
        (_, "XX001" | "XX002") => Error::Corrupt,
        (Some("53" | "58"), _) => Error::Unavailable,
        _ => Error::Other,
    }
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Self(Box::new(text))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}
