//! Transactions and connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use comet_sql::{Error, Pool, Retry, Settings, sql};
use comet_sql_testing::{Database, Kind, on_each_database};
use tokio::sync::Barrier;

use crate::support::{count, put, store, tables};

on_each_database!(
    a_transaction_that_is_given_up_is_undone,
    two_that_deadlock_both_succeed,
    a_locked_row_is_waited_for_but_not_for_ever,
    a_connection_is_used_again_only_after_success,
    who_finds_no_connection_is_refused_in_time,
    a_closed_pool_lends_nothing,
);

async fn a_transaction_that_is_given_up_is_undone(database: Database) {
    let pool = tables(&database).await;
    let mut db = pool.begin().await.unwrap();
    put(&mut db, "a", 1).await.unwrap();
    drop(db);
    store(&pool, "b", 1).await.unwrap();
    assert_eq!(count(&pool).await.unwrap(), 1);
}

/// Adds one to two items, in this order, and meets the other in between the first time.
async fn add(pool: &Pool, ids: [i64; 2], meeting: Option<&Barrier>) -> Result<(), Error> {
    let mut db = pool.begin().await?;
    for id in ids {
        sql("UPDATE item SET state = state + 1 WHERE name = 'a' AND id = ?")
            .bind(id)
            .execute(&mut db)
            .await?;
        if let Some(meeting) = meeting.filter(|_| id == ids[0]) {
            meeting.wait().await;
        }
    }
    db.commit().await
}

async fn two_that_deadlock_both_succeed(database: Database) {
    let pool = tables(&database).await;
    for id in [1, 2] {
        store(&pool, "a", id).await.unwrap();
    }
    // On SQLite the second has to wait at its beginning: they cannot meet.
    let meets = database.kind() != Kind::Sqlite;
    let meeting = Arc::new(Barrier::new(2));
    let tasks = [[1, 2], [2, 1]].map(|ids| {
        let (pool, meeting) = (pool.clone(), Arc::clone(&meeting));
        tokio::spawn(async move {
            let (mut retry, mut attempts) = (Retry::new(), 1);
            let mut meeting = meets.then_some(&*meeting);
            while let Err(error) = add(&pool, ids, meeting.take()).await {
                retry.after(error).await?;
                attempts += 1;
            }
            Ok::<_, Error>(attempts)
        })
    });
    let mut attempts = 0;
    for task in tasks {
        attempts += task.await.unwrap().unwrap();
    }
    assert_eq!(attempts, if meets { 3 } else { 2 });
    let mut db = pool.lend().await.unwrap();
    let sums: Vec<i64> = sql("SELECT state FROM item ORDER BY id").all(&mut db).await.unwrap();
    assert_eq!(sums, [2, 2]);
}

async fn a_locked_row_is_waited_for_but_not_for_ever(database: Database) {
    let pool = tables(&database).await;
    store(&pool, "a", 1).await.unwrap();
    let mut settings = Settings { wait: Duration::from_millis(1_500), ..Settings::default() };
    settings.sqlite.busy = Duration::from_millis(100);
    let other = Pool::new(database.location(), settings);
    let mut db = pool.begin().await.unwrap();
    sql("UPDATE item SET state = 5 WHERE id = 1").execute(&mut db).await.unwrap();

    let began = Instant::now();
    let error = add(&other, [1, 1], None).await.unwrap_err();
    assert!(matches!(error, Error::Busy(_)) && error.is_transient(), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());

    db.commit().await.unwrap();
    add(&other, [1, 1], None).await.unwrap();
}

/// A setting of the connection tells whether it is the same.
async fn a_connection_is_used_again_only_after_success(database: Database) {
    let pool = Pool::new(database.location(), Settings { connections: 1, ..Settings::default() });
    let [set, get] = match database.kind() {
        Kind::Sqlite => ["PRAGMA cache_size = -777", "PRAGMA cache_size"],
        Kind::MariaDb => ["SET @same = -777", "SELECT CAST(COALESCE(@same, 0) AS SIGNED)"],
        Kind::Postgres => [
            "SET comet.same = '-777'",
            "SELECT COALESCE(NULLIF(current_setting('comet.same', true), ''), '0')::bigint",
        ],
    };
    let mut db = pool.lend().await.unwrap();
    db.run(set).await.unwrap();
    db.done();
    let mut db = pool.lend().await.unwrap();
    assert_eq!(sql(get).one::<i64>(&mut db).await.unwrap(), -777);
    drop(db);
    let mut db = pool.lend().await.unwrap();
    assert_ne!(sql(get).one::<i64>(&mut db).await.unwrap(), -777);
}

async fn who_finds_no_connection_is_refused_in_time(database: Database) {
    let settings = Settings { connections: 1, ..Settings::default() };
    let pool = Pool::new(database.location(), settings);
    let held = pool.lend().await.unwrap();
    let began = Instant::now();
    let refused = pool.lend().await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    held.done();
    pool.check().await.unwrap();
}

async fn a_closed_pool_lends_nothing(database: Database) {
    let pool = tables(&database).await;
    pool.close().await;
    assert!(matches!(pool.lend().await, Err(Error::Closed)));
    assert!(matches!(pool.begin().await, Err(Error::Closed)));
}
