//! SQLite connections and transactions of the backends.
//!
//! One rule for every database: a connection with a failed operation, or with work abandoned
//! halfway, is closed. After a full disk SQLite may or may not have ended the transaction, and a
//! connection returned to its pool in that state fails for all later users. Therefore the default
//! is inverted here: a connection returns to the pool only when its user reports success.
//!
//! Not here: tables and statements of a backend.

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
    use tempfile::TempDir;

    use super::*;

    /// Database with one connection, so that the next user gets the one that failed.
    async fn database(dir: &TempDir) -> Pool {
        let options = SqliteConnectOptions::new()
            .filename(dir.path().join("test.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(20))
            .connect_with(options)
            .await
            .unwrap();
        let pool = Pool::from(pool);
        let mut db = pool.lend().await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (x)").execute(&mut *db).await.unwrap();
        db.done();
        pool
    }

    async fn insert(pool: &Pool, bytes: i64) -> sqlx::Result<()> {
        let mut transaction = pool.begin().await?;
        sqlx::query("INSERT INTO t VALUES (zeroblob(?))")
            .bind(bytes)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    async fn rows(pool: &Pool) -> i64 {
        let mut db = pool.lend().await.unwrap();
        let rows = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut *db).await.unwrap();
        db.done();
        rows
    }

    /// Limit of this connection only, absent on one opened later.
    async fn limit_pages(pool: &Pool) {
        let mut db = pool.lend().await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 4").execute(&mut *db).await.unwrap();
        db.done();
    }

    #[tokio::test]
    async fn after_a_full_disk_the_next_transaction_has_a_connection_that_works() {
        let dir = TempDir::new().unwrap();
        let pool = database(&dir).await;
        limit_pages(&pool).await;
        insert(&pool, 1).await.unwrap();
        let error = insert(&pool, 1_000_000).await.unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        insert(&pool, 1_000_000).await.unwrap();
        assert_eq!(rows(&pool).await, 2);
    }

    #[tokio::test]
    async fn a_transaction_that_is_given_up_is_undone() {
        let dir = TempDir::new().unwrap();
        let pool = database(&dir).await;
        let mut transaction = pool.begin().await.unwrap();
        sqlx::raw_sql("INSERT INTO t VALUES (1)").execute(&mut *transaction).await.unwrap();
        drop(transaction);
        assert_eq!(rows(&pool).await, 0);
        insert(&pool, 1).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_succeeded_is_used_again() {
        let dir = TempDir::new().unwrap();
        let pool = database(&dir).await;
        limit_pages(&pool).await;
        insert(&pool, 1).await.unwrap();
        assert_eq!(rows(&pool).await, 1);
        // The limit is still set.
        insert(&pool, 1_000_000).await.unwrap_err();
    }
}
