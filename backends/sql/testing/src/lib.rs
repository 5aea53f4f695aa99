//! For tests alone: a database of each kind, private and empty.
//!
//! SQLite is a file in a temporary directory. Of the servers, one is started for each test binary,
//! on a free port, from the packages of the system; each test gets a database of its own on it. A
//! test that kills its server starts one for itself ([`Server::start`]). Servers end and their
//! directories vanish with the process that started them, however it ends.
//!
//! Their defaults are unfavourable on purpose: MariaDB's character set is latin1, and PostgreSQL
//! sorts by a locale.
//!
//! These servers do not sync. For claims about durable commits start others
//! ([`Server::start_durable`]).

mod server;
mod template;

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use comet_sql::{Location, Pool, Settings};
use tempfile::TempDir;

pub use server::Server;

/// Kind of database, as packages are called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// Package `mariadb-server`.
    MariaDb,
    /// Package `postgresql`.
    Postgres,
}

/// An empty database.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    url: String,
    _dir: Option<TempDir>,
}

impl Database {
    /// A new one, on the server of this process.
    ///
    /// # Panics
    ///
    /// The server cannot be started: the packages are missing, for instance.
    pub async fn new(kind: Kind) -> Self {
        if kind == Kind::Sqlite {
            let dir = TempDir::new().expect("a temporary directory");
            let url = format!("sqlite:{}", dir.path().join("test.db").display());
            return Self { kind, url, _dir: Some(dir) };
        }
        Self { kind, url: shared(kind).database().await, _dir: None }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its location.
    ///
    /// # Panics
    ///
    /// Never: the URL is one.
    #[must_use]
    pub fn location(&self) -> Location {
        self.url.parse().expect("the URL of a database")
    }

    /// Connections to it with the default settings.
    #[must_use]
    pub fn pool(&self) -> Pool {
        Pool::new(self.location(), Settings::default())
    }
}

/// Server of this process, started when it is first needed.
fn shared(kind: Kind) -> &'static Server {
    static SERVERS: Mutex<[Option<&'static Server>; 2]> = Mutex::new([None; 2]);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers[usize::from(kind == Kind::Postgres)]
        .get_or_insert_with(|| Box::leak(Box::new(Server::start(kind))))
}

/// Name of a database that no other test has.
pub(crate) fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A test that is about to run.
pub type Running = Pin<Box<dyn Future<Output = ()>>>;

/// Runs a test with an empty database, on a runtime of its own with two threads.
///
/// # Panics
///
/// The test panics, or there is no database for it.
pub fn run(kind: Kind, test: fn(Database) -> Running) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { test(Database::new(kind).await).await });
}

/// Runs a test, an `async fn` with a [`Database`], on each kind of database. `on_each_database!(f)`
/// makes the tests `f::sqlite`, `f::mariadb` and `f::postgres`.
#[macro_export]
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            // A pointer to it, so that it is compiled once and not for each database.
            fn test(database: $crate::Database) -> $crate::Running {
                Box::pin(super::$test(database))
            }

            #[test]
            fn sqlite() {
                $crate::run($crate::Kind::Sqlite, test);
            }

            #[test]
            fn mariadb() {
                $crate::run($crate::Kind::MariaDb, test);
            }

            #[test]
            fn postgres() {
                $crate::run($crate::Kind::Postgres, test);
            }
        }
    )+};
}
