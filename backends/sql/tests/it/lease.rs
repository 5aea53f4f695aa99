//! One writing process at a time.

use std::time::{Duration, Instant};

use comet_sql::{Error, Lease, LeaseError, LeaseTimes, Pool, sql};
use comet_sql_testing::{Database, Kind, on_each_database};

use crate::support::{count, put, store, tables};

on_each_database!(
    a_second_process_waits_and_is_told_who_holds_it,
    what_is_given_back_is_free_at_once,
    a_dead_holder_is_succeeded_within_the_time,
);

/// A tenth of the real ones.
const TIMES: LeaseTimes = LeaseTimes {
    renew: Duration::from_millis(500),
    lapse: Duration::from_millis(1_100),
    wait: Duration::from_millis(1_500),
};

async fn take(pool: &Pool, holder: &str) -> Result<Lease, LeaseError> {
    Lease::take(pool, holder, TIMES).await
}

async fn a_second_process_waits_and_is_told_who_holds_it(database: Database) {
    let first = tables(&database).await;
    let _lease = take(&first, "process 1 on host-a").await.unwrap();
    let began = Instant::now();
    let error = take(&database.pool(), "process 2").await.unwrap_err();
    assert!(began.elapsed() >= TIMES.wait, "{:?}", began.elapsed());
    let said = error.to_string();
    assert!(matches!(error, LeaseError::Held { .. }), "{said}");
    assert!(said.contains("process 1 on host-a"), "{said}");
    store(&first, "a", 1).await.unwrap();
}

async fn what_is_given_back_is_free_at_once(database: Database) {
    let pool = tables(&database).await;
    take(&pool, "first").await.unwrap().release().await.unwrap();
    let began = Instant::now();
    let _lease = take(&database.pool(), "second").await.unwrap();
    assert!(began.elapsed() < TIMES.lapse, "{:?}", began.elapsed());
}

async fn a_dead_holder_is_succeeded_within_the_time(database: Database) {
    let first = tables(&database).await;
    let lease = take(&first, "first").await.unwrap();
    // The second one is there already when the first dies.
    let second = database.pool();
    let taking = tokio::spawn(async move { (take(&second, "second").await, second) });
    drop(lease);
    let began = Instant::now();
    let (lease, second) = taking.await.unwrap();
    let _lease = lease.unwrap();
    assert!(began.elapsed() < TIMES.wait + TIMES.renew, "{:?}", began.elapsed());
    store(&second, "a", 1).await.unwrap();
}

/// As a process that was suspended, and did not notice.
async fn a_holder_that_lost_its_lease_cannot_write(kind: Kind) {
    let database = Database::new(kind).await;
    let first = tables(&database).await;
    let lease = take(&first, "first").await.unwrap();
    store(&first, "a", 1).await.unwrap();
    let mut open = first.begin().await.unwrap();
    put(&mut open, "a", 2).await.unwrap();

    // A transaction in the middle holds the successor up.
    let second = database.pool();
    let begun = Instant::now();
    let mut db = second.lend().await.unwrap();
    let steal = "UPDATE comet_lease SET epoch = epoch + 1, holder = 'second'";
    let error = sql(steal).execute(&mut db).await.unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error:?} after {:?}", begun.elapsed());
    drop(db);
    open.commit().await.unwrap();

    let mut db = second.lend().await.unwrap();
    assert_eq!(sql(steal).execute(&mut db).await.unwrap(), 1);
    db.done();
    let error = store(&first, "a", 3).await.unwrap_err();
    assert!(matches!(&error, Error::Fenced { holder } if holder == "second"), "{error:?}");
    assert!(!error.is_transient());
    assert_eq!(lease.lost().await, "second");
    assert_eq!(count(&second).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_lost_its_lease_cannot_write_to_mariadb() {
    a_holder_that_lost_its_lease_cannot_write(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_lost_its_lease_cannot_write_to_postgres() {
    a_holder_that_lost_its_lease_cannot_write(Kind::Postgres).await;
}
