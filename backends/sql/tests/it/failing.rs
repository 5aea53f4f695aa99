//! Servers that are killed, frozen or full.

use std::process::Command;
use std::time::{Duration, Instant};

use comet_sql::{Error, Pool, Retry, Settings, insert, sql};
use comet_sql_testing::{Kind, Server};
use tempfile::TempDir;

use crate::support::{COLUMNS, PART, count, store};

/// What a send may take that is refused.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);

async fn tables(server: &Server) -> Pool {
    let location = server.database().await.parse().unwrap();
    let pool = Pool::new(location, Settings::default());
    PART.migrate(&pool).await.unwrap();
    pool
}

async fn store_again(pool: &Pool, id: i64) -> Result<(), Error> {
    let mut retry = Retry::new();
    while let Err(error) = store(pool, "a", id).await {
        retry.after(error).await?;
    }
    Ok(())
}

async fn a_killed_server_refuses_at_once_and_is_used_again_when_it_is_back(kind: Kind) {
    let server = Server::start(kind);
    let pool = tables(&server).await;
    store(&pool, "a", 1).await.unwrap();
    let held = pool.lend().await.unwrap();
    server.kill();

    for id in 2..5 {
        let began = Instant::now();
        let error = store_again(&pool, id).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        assert!(began.elapsed() < REFUSED_WITHIN, "{:?}", began.elapsed());
    }
    assert!(matches!(pool.check().await, Err(Error::Unavailable(_))));

    server.resume();
    store_again(&pool, 5).await.unwrap();
    pool.check().await.unwrap();
    // One from before is not put back.
    held.done();
    store(&pool, "a", 6).await.unwrap();
    assert!(count(&pool).await.unwrap() >= 2);
}

async fn connections_from_before_a_restart_are_replaced(kind: Kind) {
    let server = Server::start(kind);
    let pool = tables(&server).await;
    let loans = [pool.lend().await.unwrap(), pool.lend().await.unwrap()];
    for loan in loans {
        loan.done();
    }
    server.kill();
    server.resume();
    // Without an attempt that fails: nothing was under way.
    store(&pool, "a", 1).await.unwrap();
    let loans = [pool.lend().await.unwrap(), pool.lend().await.unwrap()];
    for loan in loans {
        loan.done();
    }
    server.kill();
    server.resume();
    assert_eq!(pool.read::<i64>(sql("SELECT count(*) FROM item")).await.unwrap(), [1]);
}

/// All who come within two seconds are refused within two seconds, not one after the other.
async fn a_frozen_server_holds_nobody_up(kind: Kind) {
    let server = Server::start(kind);
    let pool = tables(&server).await;
    store(&pool, "a", 1).await.unwrap();
    server.freeze();
    let sends = (2..22).map(|id| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            (store(&pool, "a", id).await, began.elapsed())
        })
    });
    for send in sends.collect::<Vec<_>>() {
        let (outcome, took) = send.await.unwrap();
        assert!(matches!(outcome, Err(Error::Unavailable(_) | Error::Lost(_))), "{outcome:?}");
        // Begun while the last one was still waited for.
        assert!(took < REFUSED_WITHIN + Duration::from_millis(500), "{took:?}");
    }
    server.thaw();
    let back = Instant::now();
    while let Err(error) = store(&pool, "a", 30).await {
        assert!(matches!(error, Error::Unavailable(_) | Error::Lost(_)), "{error:?}");
        assert!(back.elapsed() < REFUSED_WITHIN, "{:?}", back.elapsed());
    }
}

/// Directory of 200 MiB, unmounted with the test.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mount = ["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs"];
        Self::run(Command::new(mount[0]).args(&mount[1..]).arg(dir.path()));
        Self(dir)
    }

    fn run(command: &mut Command) {
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    /// Takes all that is left.
    fn fill(&self) {
        let full = std::fs::File::create(self.0.path().join("full")).unwrap();
        let wrote = std::io::copy(&mut std::io::repeat(1), &mut &full);
        assert_eq!(wrote.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.path().join("full")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Self::run(Command::new("umount").arg("-l").arg(self.0.path()));
    }
}

/// So much that the server must extend its files. In small parts: MariaDB 10.11 ends itself when it
/// finds no room for a body that has pages of its own.
async fn store_much(pool: &Pool) -> Result<(), Error> {
    let body = vec![1_u8; 4_000];
    let row = |id: i64| ["b".into(), id.into(), 0.into(), "".into(), (&*body).into()];
    let mut db = pool.begin().await?;
    insert("item", COLUMNS).rows((0..10_000).map(row)).execute(&mut db).await?;
    db.commit().await
}

async fn a_full_disk_refuses_until_there_is_room(kind: Kind) {
    let disk = SmallDisk::new();
    let server = Server::start_in(kind, disk.0.path());
    let pool = tables(&server).await;
    store(&pool, "a", 1).await.unwrap();
    disk.fill();
    let error = store_much(&pool).await.unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    disk.empty();
    // Another one, and all of what the first tried.
    store_much(&pool).await.unwrap();
    assert_eq!(count(&pool).await.unwrap(), 10_001);
}

macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use comet_sql_testing::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                super::$test(Kind::MariaDb).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(Kind::Postgres).await;
            }
        }
    )+};
}

on_each_server!(
    a_killed_server_refuses_at_once_and_is_used_again_when_it_is_back,
    connections_from_before_a_restart_are_replaced,
    a_frozen_server_holds_nobody_up,
    a_full_disk_refuses_until_there_is_room,
);
