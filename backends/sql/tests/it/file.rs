//! SQLite alone: files that are full, foreign or read-only.

use comet_sql::{Error, Location, Pool, Settings, sql};
use comet_sql_testing::{Database, Kind};

use crate::support::{PART, count, store};

/// One connection, so that the next user gets the one that failed.
async fn one_connection(database: &Database) -> Pool {
    let pool = Pool::new(database.location(), Settings { connections: 1, ..Settings::default() });
    PART.migrate(&pool).await.unwrap();
    pool
}

#[tokio::test]
async fn after_a_full_disk_the_next_transaction_has_a_connection_that_works() {
    let database = Database::new(Kind::Sqlite).await;
    let pool = one_connection(&database).await;
    let mut db = pool.lend().await.unwrap();
    // A limit of this connection only, absent on one opened later.
    db.run("PRAGMA max_page_count = 1").await.unwrap();
    db.done();
    let long = "x".repeat(10_000);
    let error = store(&pool, &long, 1).await.unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    assert!(!error.is_transient());
    store(&pool, &long, 1).await.unwrap();
    assert_eq!(count(&pool).await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "no database, but long enough to be taken for one".repeat(100)).unwrap();
    let pool = Pool::new(Location::file(path), Settings::default());
    let error = pool.check().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn a_reading_connection_reads_and_does_not_write() {
    let database = Database::new(Kind::Sqlite).await;
    let pool = one_connection(&database).await;
    store(&pool, "a", 1).await.unwrap();
    let mut settings = Settings::default();
    settings.sqlite.read_only = true;
    let reading = Pool::new(database.location(), settings);
    assert_eq!(count(&reading).await.unwrap(), 1);
    let error = store(&reading, "b", 1).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly(_)), "{error:?}");
}

#[tokio::test]
async fn a_missing_directory_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Pool::new(Location::file(dir.path().join("none/a.db")), Settings::default());
    let error = pool.check().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn settings_reach_the_connection() {
    let database = Database::new(Kind::Sqlite).await;
    let mut settings = Settings::default();
    settings.sqlite.cache = 777;
    settings.sqlite.checkpoint = 99;
    settings.sqlite.durable = false;
    let pool = Pool::new(database.location(), settings);
    let mut db = pool.lend().await.unwrap();
    let mut found = Vec::new();
    for pragma in ["PRAGMA cache_size", "PRAGMA wal_autocheckpoint", "PRAGMA synchronous"] {
        found.push(sql(pragma).one::<i64>(&mut db).await.unwrap());
    }
    assert_eq!(found, [-777, 99, 1]);
}
