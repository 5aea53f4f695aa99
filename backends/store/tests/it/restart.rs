//! What outlives the process.

use std::path::PathBuf;

use comet_sql_testing::{Database, Kind};
use comet_store::Config;

use crate::support::{Server, open, text};

fn file(database: &Database) -> PathBuf {
    database.location().path().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_message_survives_a_crash() {
    let server = Server::start(Database::new(Kind::Sqlite).await).await;
    let mut alice = server.login("alice");
    let mut mids = Vec::new();
    for n in 0..50 {
        let seq = alice.send(&text(&format!("m-{n}"), "bob"));
        mids.push(alice.answer(seq).log_id);
        assert_eq!(alice.message().log_id, mids[n]);
    }
    // As a crash leaves them: the files as they are, while the old process still has them open.
    let crashed = Database::new(Kind::Sqlite).await;
    let [from, to] = [file(&server.database), file(&crashed)];
    for end in ["db", "db-wal"] {
        std::fs::copy(from.with_extension(end), to.with_extension(end)).unwrap();
    }
    server.stop().await;

    let server = Server::start(crashed).await;
    let mut bob = server.login("bob+phone");
    for mid in &mids {
        assert_eq!(bob.message().log_id, *mid);
    }
    let mut alice = server.login("alice");
    server.sessions(2).await;
    let seq = alice.send(&text("m-7", "bob"));
    assert_eq!(alice.answer_among_deliveries(seq).log_id, mids[7], "a repeat is still one");
    let seq = alice.send(&text("m-50", "bob"));
    assert!(alice.answer_among_deliveries(seq).log_id > mids[49]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_refuses_and_can_be_opened_again() {
    let server = Server::start(Database::new(Kind::Sqlite).await).await;
    let mut alice = server.login("alice");
    let seq = alice.send(&text("m-1", "alice"));
    alice.answer(seq);
    server.store.close().await;
    server.store.close().await;
    server.store.flush().await;
    let path = file(&server.database);
    assert!(!path.with_extension("db-wal").exists(), "folded into the database");

    let answer = server.post_form("alice", "/record/push", b"").await;
    assert_eq!(answer, r#"{"result":-1012,"message":"bad parameters","data":{}}"#);
    let body = crate::support::proto_of(&text("m-2", "alice"));
    let answer = server.post_form("alice", "/record/push", &body).await;
    assert_eq!(answer, r#"{"result":-5001,"message":"message not sent","data":{}}"#);

    let again = open(&server.database, Config::default()).await;
    assert_eq!(again.stats().stored, 0);
    again.close().await;
}
