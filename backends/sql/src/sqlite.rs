//! Connections to SQLite for users of its driver.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};

/// Connections to one database. A cheap handle.
#[derive(Clone, Debug)]
pub struct Pool(SqlitePool);

/// Connection of the pool. If dropped without [`Loan::done`], it is closed, which rolls back a
/// transaction open on it.
#[derive(Debug)]
pub struct Loan(Option<PoolConnection<Sqlite>>);

/// Write transaction. If dropped without [`Transaction::commit`], it is rolled back and its
/// connection closed.
#[derive(Debug)]
pub struct Transaction(Loan);

impl From<SqlitePool> for Pool {
    fn from(pool: SqlitePool) -> Self {
        Self(pool)
    }
}

impl Pool {
    /// Takes a connection; waits for one if all are in use.
    ///
    /// # Errors
    ///
    /// Those of the pool: the file cannot be opened, or no connection became free in time.
    pub async fn lend(&self) -> sqlx::Result<Loan> {
        Ok(Loan(Some(self.0.acquire().await?)))
    }

    /// Begins a transaction with the write lock from the start: one that reads first and requests
    /// the lock later fails if another connection has written in between.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::lend`]; also if another process has locked the database, or it cannot be
    /// written.
    pub async fn begin(&self) -> sqlx::Result<Transaction> {
        let mut loan = self.lend().await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *loan).await?;
        Ok(Transaction(loan))
    }

    /// Closes all connections, once they have been returned.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

impl Loan {
    /// Returns the connection to the pool: everything on it succeeded.
    pub fn done(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl Deref for Loan {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.0.as_ref().expect("a connection until it is given back")
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.0.as_mut().expect("a connection until it is given back")
    }
}

impl Transaction {
    /// Makes the changes durable.
    ///
    /// # Errors
    ///
    /// The database could not write the changes; none of them are kept.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("COMMIT").execute(&mut *self.0).await?;
        self.0.done();
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}
