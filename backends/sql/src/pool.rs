//! Connections to one database, lent one user at a time, and transactions.
//!
//! One rule for every database: a connection with a failed operation, or with work abandoned
//! halfway, is closed. After a full disk SQLite may or may not have ended the transaction, and a
//! connection returned to its pool in that state fails for all later users. Therefore the default
//! is inverted here: a connection returns to the pool only when its user reports success.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::fence::Fence;
use crate::location::{IDLE, Location, Settings};
use crate::retry::Retry;
use crate::row::FromRow;
use crate::statement::{Statement, sql};

/// After a server did not answer in time nobody else waits for it for so long: they are refused.
const SILENCE: Duration = Duration::from_millis(300);

/// Connections to one database. A cheap handle.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    location: Location,
    settings: Settings,
    places: Arc<Semaphore>,
    state: Mutex<State>,
    fence: OnceLock<Fence>,
}

/// Held only to change it, never while waiting.
#[derive(Default)]
struct State {
    idle: Vec<(Connection, Instant)>,
    /// Connections of earlier generations are not used again: the server went away since.
    generation: u64,
    silent_until: Option<Instant>,
}

/// Connection of the pool. If dropped without [`Loan::done`], it is closed, which rolls back a
/// transaction open on it.
pub struct Loan {
    connection: Option<Connection>,
    generation: u64,
    pool: Arc<Inner>,
    _place: OwnedSemaphorePermit,
}

/// Write transaction. If dropped without [`Transaction::commit`], it is rolled back and its
/// connection closed.
#[derive(Debug)]
pub struct Transaction(Loan);

impl Pool {
    /// Connections to a database; the first is opened when it is needed.
    #[must_use]
    pub fn new(location: Location, settings: Settings) -> Self {
        let places = Arc::new(Semaphore::new(settings.connections.max(1) as usize));
        let (state, fence) = (Mutex::default(), OnceLock::new());
        Self(Arc::new(Inner { location, settings, places, state, fence }))
    }

    /// Kind of the database.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.0.location.dialect()
    }

    /// Location of the database.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Takes a connection; waits for one if all are in use.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database cannot be opened, or no connection became free in
    /// time; [`Error::Closed`].
    pub async fn lend(&self) -> Result<Loan, Error> {
        let inner = &self.0;
        let place = timeout(inner.settings.wait, Arc::clone(&inner.places).acquire_owned());
        let place = place.await.map_err(|_| Error::unavailable("all connections are in use"))?;
        let place = place.map_err(|_| Error::Closed)?;
        let (connection, generation) = match inner.idle() {
            (Some(connection), generation) => (connection, generation),
            (None, generation) => (inner.connect().await?, generation),
        };
        let (connection, pool) = (Some(connection), Arc::clone(inner));
        Ok(Loan { connection, generation, pool, _place: place })
    }

    /// Begins a write transaction. If the pool has a [`Fence`], the transaction fails unless the
    /// lease is still ours, and keeps it from being taken over until it ends.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::lend`]; also if another process has locked the database, or it cannot be
    /// written; [`Error::Fenced`].
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let mut retry = Retry::new();
        loop {
            match self.begin_once().await {
                // It was idle while the server was started anew. Nothing has been done yet.
                Err(error @ Error::Lost(_)) => retry.after(error).await?,
                outcome => return outcome,
            }
        }
    }

    async fn begin_once(&self) -> Result<Transaction, Error> {
        let mut loan = self.lend().await?;
        loan.bracket(self.dialect().begin()).await?;
        if let Some(fence) = self.0.fence.get() {
            fence.check(&mut loan).await?;
        }
        Ok(Transaction(loan))
    }

    /// Lets every write transaction from now on check a lease. Only the first call has an effect.
    pub fn guard(&self, fence: Fence) {
        let _only_the_first = self.0.fence.set(fence);
    }

    /// Checks that the database answers now.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::lend`]
    pub async fn check(&self) -> Result<(), Error> {
        self.read::<i64>(sql("SELECT 1")).await.map(|_| ())
    }

    /// All rows of the answer to one statement that reads. If the connection turns out to be lost,
    /// as those are that were idle while the server was started anew, another is asked.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::lend`], and of the statement
    pub async fn read<T: FromRow>(&self, statement: Statement<'_>) -> Result<Vec<T>, Error> {
        if !self.dialect().is_server() {
            return self.read_once(statement).await;
        }
        let mut retry = Retry::new();
        loop {
            match self.read_once(statement.clone()).await {
                Ok(rows) => return Ok(rows),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn read_once<T: FromRow>(&self, statement: Statement<'_>) -> Result<Vec<T>, Error> {
        let mut db = self.lend().await?;
        let rows = statement.all(&mut db).await?;
        db.done();
        Ok(rows)
    }

    /// Checks that the database can be written now, by a transaction that changes nothing. It needs
    /// a migrated [`Part`](crate::Part).
    ///
    /// # Errors
    ///
    /// Those of [`Pool::begin`]
    pub async fn check_writing(&self) -> Result<(), Error> {
        let mut db = self.begin().await?;
        sql("UPDATE comet_schema SET statement = statement").execute(&mut db).await?;
        db.commit().await
    }

    /// Closes all connections, once they have been returned.
    pub async fn close(&self) {
        let all = self.0.settings.connections.max(1);
        // Nobody gets one any more, but those who have one are waited for.
        let places = Arc::clone(&self.0.places).acquire_many_owned(all).await;
        self.0.places.close();
        let idle = std::mem::take(&mut self.0.state.lock().idle);
        for (connection, _) in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, database = %self.0.location, "connection not closed");
            }
        }
        drop(places);
    }
}

impl Inner {
    /// An idle connection, the one used last, and the present generation.
    fn idle(&self) -> (Option<Connection>, u64) {
        let mut state = self.state.lock();
        let idle = state.idle.pop();
        let fresh = idle
            .filter(|(_, since)| !self.location.dialect().is_server() || since.elapsed() < IDLE);
        if fresh.is_none() {
            // Those below it are idle for longer.
            state.idle.clear();
        }
        (fresh.map(|(connection, _)| connection), state.generation)
    }

    async fn connect(&self) -> Result<Connection, Error> {
        if self.state.lock().silent_until.is_some_and(|until| Instant::now() < until) {
            return Err(Error::unavailable("it does not answer"));
        }
        let opening = self.location.connect(&self.settings);
        if !self.location.dialect().is_server() {
            return opening.await;
        }
        match timeout(self.settings.wait, opening).await {
            Ok(connection) => connection.inspect_err(|_| self.gone(false)),
            Err(_) => {
                self.gone(true);
                Err(Error::unavailable("no connection in time"))
            }
        }
    }

    /// The server went away: no connection to it is used again.
    fn gone(&self, silent: bool) {
        let mut state = self.state.lock();
        state.generation += 1;
        state.idle.clear();
        if silent {
            state.silent_until = Some(Instant::now() + SILENCE);
        }
    }
}

impl Loan {
    /// Returns the connection to the pool: everything on it succeeded.
    pub fn done(mut self) {
        let mut state = self.pool.state.lock();
        if state.generation == self.generation
            && !self.pool.places.is_closed()
            && let Some(connection) = self.connection.take()
        {
            state.idle.push((connection, Instant::now()));
        }
    }

    /// Closes the connection in an orderly way.
    pub(crate) async fn close(mut self) -> Result<(), Error> {
        match self.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && connection.is_lost()
        {
            self.pool.gone(connection.was_silent());
        }
    }
}

impl Deref for Loan {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a connection until it is given back")
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a connection until it is given back")
    }
}

impl Transaction {
    /// Makes the changes durable.
    ///
    /// # Errors
    ///
    /// The database could not write the changes, and none of them are kept; but after
    /// [`Error::Lost`] they may have been.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.0.bracket("COMMIT").await?;
        self.0.done();
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.0.location)
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loan({})", self.pool.location)
    }
}
