//! Retention: old messages go, new ones stay, and nobody waits for what is gone.

use std::time::Duration;

use comet_sql::{FromRow, Statement, sql};
use comet_sql_testing::{Database, on_each_database};
use comet_store::{Change, Config, Keep, Outbox, Retention};
use serde_json::Value;

use crate::support::{Client, Server, proto_of, text, to_group, until};

on_each_database!(
    the_newest_messages_of_each_conversation_stay,
    messages_go_when_they_are_too_old,
    a_group_keeps_its_newest_entries_and_phones_wait_for_no_other,
    signals_and_deduplication_rows_go_when_they_are_too_old,
);

const DAY: Duration = Duration::from_secs(86_400);

/// Walks often.
fn often() -> Retention {
    Retention::default().every(Duration::from_millis(20))
}

fn newest(count: u32) -> Keep {
    Keep { count: Some(count), ..Keep::default() }
}

fn younger(age: Duration) -> Keep {
    Keep { age: Some(age), ..Keep::default() }
}

async fn start(database: Database, retention: Retention) -> (Server, Outbox) {
    let outbox = Outbox::default();
    let config = Config::default().retention(retention).outbox(outbox.clone());
    (Server::start_with(database, config).await, outbox)
}

impl Server {
    /// Stores a message of a desktop; returns the answer.
    async fn store_message(&self, from: &str, common: &comet_dtalk::message::Common) -> Value {
        let answer = self.post_form(from, "/record/push", &proto_of(common)).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["result"], 0, "{answer}");
        answer["data"].clone()
    }

    async fn execute(&self, statement: Statement<'_>) {
        let mut tx = self.database.pool().begin().await.unwrap();
        assert_ne!(statement.execute(&mut tx).await.unwrap(), 0);
        tx.commit().await.unwrap();
    }

    async fn rows<T: FromRow>(&self, statement: Statement<'_>) -> Vec<T> {
        self.database.pool().read(statement).await.unwrap()
    }

    /// Waits until so many messages are deleted; then a whole walk deletes no other.
    async fn expired(&self, messages: u64, unreceived: u64) {
        until(async || self.store.stats().expired >= messages).await;
        let before = self.store.stats();
        assert_eq!((before.expired, before.expired_unreceived), (messages, unreceived));
    }

    /// Client ids of the messages that a desktop of the user can pull.
    async fn pulled(&self, user: &str) -> Vec<String> {
        let answer = self.post_json(user, "/app/record/sync-record", r#"{"count":1000}"#).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let records = answer["data"]["records"].as_array().unwrap();
        records.iter().map(|record| message_id(record.as_str().unwrap())).collect()
    }
}

fn message_id(record: &str) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.decode(record).unwrap();
    crate::support::message_in(&body).msg_id
}

async fn the_newest_messages_of_each_conversation_stay(database: Database) {
    let (server, _) = start(database, often().private(newest(3))).await;
    for (from, to, id) in [
        ("alice", "bob", "m-1"),
        ("bob", "alice", "m-2"),
        ("alice", "carol", "m-3"),
        ("alice", "alice", "m-4"),
        ("bob", "alice", "m-5"),
        ("alice", "bob", "m-6"),
        ("bob", "alice", "m-7"),
    ] {
        server.store_message(from, &text(id, to)).await;
    }
    server.expired(2, 2).await;
    assert_eq!(server.pulled("alice").await, ["m-3", "m-4", "m-5", "m-6", "m-7"]);
    let logged = "SELECT COUNT(*) FROM dtalk_msg_relation";
    assert_eq!(server.rows::<i64>(sql(logged)).await, [9], "two of each, one of the note");

    // A message that is gone is not new when it is sent again.
    server.store_message("alice", &text("m-1", "bob")).await;
    assert_eq!(server.store.stats().repeated, 1);
    server.stop().await;
}

async fn messages_go_when_they_are_too_old(database: Database) {
    let (server, _) = start(database, often().private(younger(DAY))).await;
    let mut bob = server.login("bob+phone");
    server.sessions(1).await;
    for n in 0..300 {
        server.store_message("alice", &text(&format!("m-{n}"), "bob")).await;
        if n < 10 {
            bob.message();
        }
    }
    let received = "SELECT COUNT(*) FROM dtalk_msg_relation WHERE type = 1 AND state = 1";
    until(async || server.rows::<i64>(sql(received)).await == [10]).await;
    let last = server.store_message("alice", &text("last", "bob")).await;
    assert_eq!(server.store.stats().expired, 0);

    let older = "UPDATE dtalk_msg_content SET create_time = create_time - ? WHERE mid < ?";
    let days = i64::try_from(2 * DAY.as_millis()).unwrap();
    let mid = last["logId"].as_i64().unwrap();
    server.execute(sql(older).bind(days).bind(mid)).await;
    server.expired(300, 290).await;
    assert_eq!(server.pulled("alice").await, ["last"]);
    drop(bob);
    server.stop().await;
}

/// Makes changes of group 78, and waits until they are stored.
async fn change(server: &Server, outbox: &Outbox, changes: &[Change]) {
    let mut tx = server.database.pool().begin().await.unwrap();
    outbox.append(&mut tx, 78, changes).await.unwrap();
    tx.commit().await.unwrap();
    outbox.wake();
    server.store.flush().await;
}

fn notice(body: &'static str) -> Change {
    Change::Notice { from: "frank".into(), body: body.into() }
}

fn next_notice(phone: &mut Client) -> String {
    String::from_utf8(phone.message().msg.to_vec()).unwrap()
}

async fn a_group_keeps_its_newest_entries_and_phones_wait_for_no_other(database: Database) {
    let (server, outbox) = start(database, often().group(newest(2))).await;
    let mut phone = server.login("mallory+phone");
    server.sessions(1).await;
    let join = |user: &str| Change::Join(vec![user.into()]);
    change(&server, &outbox, &[join("mallory"), join("peggy"), notice("1")]).await;
    assert_eq!(next_notice(&mut phone), "1");
    let cursors = "SELECT uid, received FROM comet_group_stay WHERE group_id = 78 ORDER BY uid";
    let cursors = async || server.rows::<(String, i64)>(sql(cursors)).await;
    until(async || cursors().await[0].1 == 1).await;
    drop(phone);
    server.sessions(0).await;

    change(&server, &outbox, &["2", "3", "4", "5"].map(notice)).await;
    // Of three entries, peggy had none and mallory one.
    server.expired(3, 5).await;
    assert_eq!(cursors().await, [("mallory".into(), 3), ("peggy".into(), 3)]);
    let mut phone = server.login("mallory+phone");
    assert_eq!([next_notice(&mut phone), next_notice(&mut phone)], ["4", "5"]);
    until(async || cursors().await[0].1 == 5).await;

    // Positions go on.
    drop(phone);
    server.sessions(0).await;
    change(&server, &outbox, &[notice("6")]).await;
    let mut phone = server.login("mallory+phone");
    assert_eq!(next_notice(&mut phone), "6");
    until(async || cursors().await[0].1 == 6).await;
    let left = "SELECT position FROM dtalk_group_msg_content ORDER BY position";
    until(async || server.rows::<i64>(sql(left)).await == [5, 6]).await;
    server.stop().await;
}

async fn signals_and_deduplication_rows_go_when_they_are_too_old(database: Database) {
    let retention = often().signals(DAY).deduplication(Duration::ZERO);
    let (server, _) = start(database, retention).await;
    let first = server.store_message("alice", &text("m-1", "bob")).await;
    server.store_message("alice", &to_group("m-2")).await;
    let revoke = format!(r#"{{"type":0,"logId":"{}"}}"#, first["logId"]);
    server.post_json("alice", "/app/record/revoke", &revoke).await;
    let signals = "SELECT COUNT(*) FROM dtalk_signal_content";
    assert_eq!(server.rows::<i64>(sql(signals)).await, [2]);

    let days = i64::try_from(8 * DAY.as_millis()).unwrap();
    let older = "UPDATE dtalk_signal_content SET create_time = create_time - ? WHERE uid = 'bob'";
    server.execute(sql(older).bind(days)).await;
    until(async || server.store.stats().expired_others == 1).await;
    let older = "UPDATE comet_sent SET create_time = create_time - ? WHERE seq = 'm-1'";
    server.execute(sql(older).bind(days)).await;
    until(async || server.store.stats().expired_others == 2).await;
    assert_eq!(server.rows::<i64>(sql(signals)).await, [1]);

    assert_ne!(server.store_message("alice", &text("m-1", "bob")).await, first);
    server.store_message("alice", &to_group("m-2")).await;
    assert_eq!(server.store.stats().repeated, 1, "a younger row is still there");
    server.stop().await;
}
