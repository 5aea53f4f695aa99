//! A batch that the database gives up because of a deadlock: it is written again, and its senders
//! are answered.
//!
//! Triggers report the deadlocks, so that there are as many as the test wants. Sequences count
//! them, because they are not rolled back.

use comet_sql_testing::{Database, Kind};
use comet_store::Config;

use crate::support::{Server, text};

async fn a_batch_that_loses_a_deadlock_is_written_again(kind: Kind) {
    let database = Database::new(kind).await;
    let server = Server::start_with(database, Config::default()).await;
    let mut db = server.database.pool().lend().await.unwrap();
    db.run("CREATE SEQUENCE deadlocks").await.unwrap();
    match kind {
        Kind::MariaDb => db.run(
            "CREATE TRIGGER deadlock BEFORE INSERT ON dtalk_msg_relation FOR EACH ROW
             IF NEXTVAL(deadlocks) <= 2 THEN
                 SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213;
             END IF",
        ),
        _ => db.run(
            "CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('deadlocks') <= 2 THEN
                     RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER deadlock BEFORE INSERT ON dtalk_msg_relation
                 FOR EACH ROW EXECUTE FUNCTION deadlock();",
        ),
    }
    .await
    .unwrap();

    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    server.sessions(2).await;
    let seq = alice.send(&text("m-1", "bob"));
    let mid = alice.answer_among_deliveries(seq).log_id;
    assert_eq!(bob.message().log_id, mid);
    let stats = server.store.stats();
    assert_eq!((stats.stored, stats.repeated, stats.failed_commits), (1, 0, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    a_batch_that_loses_a_deadlock_is_written_again(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    a_batch_that_loses_a_deadlock_is_written_again(Kind::Postgres).await;
}
