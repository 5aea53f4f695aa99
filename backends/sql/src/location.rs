//! Location of a database: a URL, and how connections to it are opened.
//!
//! Each connection is set up alike: byte-wise keys need no help, but time limits for locks,
//! isolation, strictness and the character set are settled here, whatever the server's defaults.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::connection::{Connection, Driver};
use crate::dialect::Dialect;
use crate::error::Error;

/// Location of a database. Its `Display` has no password.
#[derive(Clone)]
pub struct Location(Kind);

#[derive(Clone)]
enum Kind {
    Sqlite(PathBuf),
    MySql(Box<MySqlConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// Reason why a text is no location.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// Another scheme, or none.
    #[error("the URL of a database begins with sqlite:, mysql://, mariadb:// or postgres://")]
    Scheme,
    /// No path of a file.
    #[error("sqlite: is followed by the path of a file")]
    Path,
    /// The URL of a server cannot be used.
    #[error("the URL of the database cannot be used: {0}")]
    Url(String),
    /// The URL of a server names no database.
    #[error("the URL names no database: mysql://USER@HOST/NAME")]
    Name,
}

/// Settings of the connections to a database.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Maximum number of connections of a pool.
    pub connections: u32,
    /// Longest wait for a free connection; on a server also for a new one, and for the answer to
    /// one statement. Two of them pass at most before a failure is known.
    pub wait: Duration,
    /// Settings that only SQLite has.
    pub sqlite: SqliteSettings,
}

/// Settings of connections to SQLite.
#[derive(Clone, Copy, Debug)]
pub struct SqliteSettings {
    /// Longest wait for the lock of another process or connection.
    pub busy: Duration,
    /// Whether a commit waits for the disk; if not, a power failure may undo the last ones.
    pub durable: bool,
    /// Whether the connections only read.
    pub read_only: bool,
    /// Page cache of each connection, in KiB; 0 for the default.
    pub cache: usize,
    /// Pages in the log before they are put into the database; 0 for the default.
    pub checkpoint: u32,
}

impl Default for Settings {
    /// 4 connections, a wait of 1.5 s, durable.
    fn default() -> Self {
        Self {
            connections: 4,
            wait: Duration::from_millis(1_500),
            sqlite: SqliteSettings {
                busy: Duration::from_secs(5),
                durable: true,
                read_only: false,
                cache: 0,
                checkpoint: 0,
            },
        }
    }
}

impl Location {
    /// A file of SQLite.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Sqlite(path.into()))
    }

    /// Kind of the database.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.0 {
            Kind::Sqlite(_) => Dialect::Sqlite,
            Kind::MySql(_) => Dialect::MySql,
            Kind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The file, on SQLite.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Sqlite(path) => Some(path),
            Kind::MySql(_) | Kind::Postgres(_) => None,
        }
    }

    pub(crate) async fn connect(&self, settings: &Settings) -> Result<Connection, Error> {
        let driver = match &self.0 {
            Kind::Sqlite(path) => {
                let opened = settings.sqlite.options(path).connect().await;
                return Ok(Connection::new(Driver::Sqlite(opened.map_err(Error::opening)?), None));
            }
            Kind::MySql(options) => options.connect().await.map(Driver::MySql),
            Kind::Postgres(options) => options.connect().await.map(Driver::Postgres),
        };
        let driver = driver.map_err(Error::opening)?;
        let mut connection = Connection::new(driver, Some(settings.wait));
        let session = session(self.dialect(), settings.wait);
        connection.run_owned(session).await?;
        Ok(connection)
    }
}

impl From<PathBuf> for Location {
    fn from(file: PathBuf) -> Self {
        Self::file(file)
    }
}

impl From<&Path> for Location {
    fn from(file: &Path) -> Self {
        Self::file(file)
    }
}

/// Statements that a connection to a server keeps prepared: more than there are.
const PREPARED: usize = 512;
/// Idle connections are not kept longer than this; servers end them, and what is open on them,
/// after twice that.
pub(crate) const IDLE: Duration = Duration::from_secs(5);

/// Statement that sets up a session of a server.
///
/// Waits for locks are shorter than those for statements, so that they are told apart. A session
/// whose client vanished without a word must not hold locks for long. `READ COMMITTED` has no locks
/// on gaps, and is what both have.
fn session(dialect: Dialect, wait: Duration) -> String {
    let (lock, idle) = ((wait * 3 / 4).max(Duration::from_millis(100)), 2 * IDLE);
    match dialect {
        Dialect::Sqlite => String::new(),
        Dialect::MySql => format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ANSI_QUOTES,\
             PIPES_AS_CONCAT', SESSION innodb_lock_wait_timeout = {}, SESSION wait_timeout = {}; \
             SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            lock.as_secs().max(1),
            idle.as_secs(),
        ),
        Dialect::Postgres => format!(
            "SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET default_transaction_isolation = 'read committed'",
            lock.as_millis(),
            idle.as_millis(),
        ),
    }
}

impl SqliteSettings {
    fn options(&self, path: &Path) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(self.busy)
            .row_buffer_size(512)
            .disable_statement_logging();
        let options = if self.read_only {
            options.read_only(true)
        } else {
            let durable = SqliteSynchronous::Full;
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(if self.durable { durable } else { SqliteSynchronous::Normal })
        };
        let options = match self.cache {
            0 => options,
            // Negative numbers are KiB.
            kib => options.pragma("cache_size", format!("-{kib}")),
        };
        match self.checkpoint {
            0 => options,
            pages => options.pragma("wal_autocheckpoint", pages.to_string()),
        }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    /// `sqlite:PATH`, `mysql://USER:PASSWORD@HOST:PORT/NAME` (or `mariadb://`) or
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME`. A part of the drivers' parameters may follow:
    /// `?ssl-mode=VERIFY_IDENTITY`, `?socket=PATH` (MySQL), `?sslmode=verify-full`, `?host=PATH`
    /// (PostgreSQL).
    fn from_str(url: &str) -> Result<Self, LocationError> {
        let (scheme, rest) = url.split_once(':').ok_or(LocationError::Scheme)?;
        let refused = |error: sqlx::Error| LocationError::Url(error.to_string());
        match scheme {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(LocationError::Path),
                path if path.starts_with(":memory:") => Err(LocationError::Path),
                path => Ok(Self::file(path)),
            },
            "mysql" | "mariadb" => {
                let options = MySqlConnectOptions::from_str(&format!("mysql:{rest}"));
                let options = options.map_err(refused)?;
                options.get_database().ok_or(LocationError::Name)?;
                let options = options.charset("utf8mb4").collation("utf8mb4_bin");
                let options = options.statement_cache_capacity(PREPARED);
                let options = options.disable_statement_logging();
                Ok(Self(Kind::MySql(Box::new(options))))
            }
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(refused)?;
                options.get_database().ok_or(LocationError::Name)?;
                let options = options.statement_cache_capacity(PREPARED);
                let options = options.application_name("comet").disable_statement_logging();
                Ok(Self(Kind::Postgres(Box::new(options))))
            }
            _ => Err(LocationError::Scheme),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Kind::MySql(options) => {
                let (host, port) = (options.get_host(), options.get_port());
                let name = options.get_database().unwrap_or_default();
                write!(f, "mysql://{}@{host}:{port}/{name}", options.get_username())
            }
            Kind::Postgres(options) => {
                let (host, port) = (options.get_host(), options.get_port());
                let name = options.get_database().unwrap_or_default();
                write!(f, "postgres://{}@{host}:{port}/{name}", options.get_username())
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_says_which_database_it_is_and_the_password_is_not_shown() {
        for (url, dialect, shown) in [
            ("sqlite:a/b.db", Dialect::Sqlite, "sqlite:a/b.db"),
            ("sqlite:///a/b.db", Dialect::Sqlite, "sqlite:/a/b.db"),
            ("mysql://u:secret@h:3307/n", Dialect::MySql, "mysql://u@h:3307/n"),
            ("mariadb://u:secret@h/n", Dialect::MySql, "mysql://u@h:3306/n"),
            ("postgres://u:secret@h/n", Dialect::Postgres, "postgres://u@h:5432/n"),
        ] {
            let location: Location = url.parse().unwrap();
            assert_eq!((location.dialect(), location.to_string()), (dialect, shown.to_owned()));
            assert!(!format!("{location:?}").contains("secret"));
        }
    }

    #[test]
    fn what_is_no_location_is_refused_with_a_hint() {
        let refused = |url: &str| url.parse::<Location>().unwrap_err();
        assert!(matches!(refused("/var/lib/a.db"), LocationError::Scheme));
        assert!(matches!(refused("oracle://u@h/n"), LocationError::Scheme));
        assert!(matches!(refused("sqlite:"), LocationError::Path));
        assert!(matches!(refused("sqlite::memory:"), LocationError::Path));
        assert!(matches!(refused("mysql://u@h"), LocationError::Name));
        assert!(matches!(refused("mysql://u@h:port/n"), LocationError::Url(_)));
    }
}
