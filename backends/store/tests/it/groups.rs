//! Groups that another backend changes, over sockets and HTTP.

use comet_sql_testing::{Database, on_each_database};
use comet_store::{Change, Config, Outbox};
use serde_json::Value;

use crate::support::{Server, proto_of, text, to_group};

on_each_database!(
    members_get_notices_live_and_phones_get_what_they_missed,
    history_of_a_group_is_that_of_the_stays_of_the_caller,
    unread_are_messages_of_others_after_the_last_one_read,
);

/// A server, and the outbox of its groups.
async fn start(database: Database) -> (Server, Outbox) {
    let outbox = Outbox::default();
    let config = Config::default().outbox(outbox.clone());
    (Server::start_with(database, config).await, outbox)
}

/// Makes changes of group 78, and waits until they are stored.
async fn change(server: &Server, outbox: &Outbox, changes: &[Change]) {
    let mut tx = server.database.pool().begin().await.unwrap();
    outbox.append(&mut tx, 78, changes).await.unwrap();
    tx.commit().await.unwrap();
    outbox.wake();
    server.store.flush().await;
}

fn joining(user: &str) -> Change {
    Change::Join(vec![user.into()])
}

fn leaving(user: &str) -> Change {
    Change::Leave(vec![user.into()])
}

fn notice(body: &'static str) -> Change {
    Change::Notice { from: "frank".into(), body: body.into() }
}

/// Texts of the records, and the answer.
async fn history(server: &Server, user: &str, body: &str) -> (Vec<String>, Value) {
    let answer = server.post_json(user, "/store/app/group-chat-record", body).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let records = answer["data"]["records"].as_array().cloned().unwrap_or_default();
    let ids = records.iter().map(|record| record["logId"].as_str().unwrap().to_owned());
    (ids.collect(), answer)
}

async fn members_get_notices_live_and_phones_get_what_they_missed(database: Database) {
    let (server, outbox) = start(database).await;
    let mut mallory = server.login("mallory+phone");
    server.sessions(1).await;
    change(&server, &outbox, &[notice("before"), joining("mallory"), notice("first")]).await;
    let got = mallory.message();
    assert_eq!((&*got.msg, got.msg_type, &*got.from), (&b"first"[..], 7, "frank"));
    drop(mallory);
    server.sessions(0).await;

    let missed = [notice("second"), leaving("mallory"), notice("after")];
    change(&server, &outbox, &missed).await;
    let mut mallory = server.login("mallory+phone");
    assert_eq!(&*mallory.message().msg, b"second");
    let body = proto_of(&text("m-1", "mallory"));
    server.post_form("alice", "/record/push", &body).await;
    assert_eq!(mallory.message().msg_id, "m-1", "and nothing else");
    server.stop().await;
}

async fn history_of_a_group_is_that_of_the_stays_of_the_caller(database: Database) {
    let (server, outbox) = start(database).await;
    change(&server, &outbox, &[notice("0"), joining("mallory"), notice("1"), notice("2")]).await;
    change(&server, &outbox, &[leaving("mallory"), notice("3")]).await;
    change(&server, &outbox, &[joining("mallory"), notice("4")]).await;

    let (ids, answer) = history(&server, "mallory", r#"{"id":78,"count":10,"logId":""}"#).await;
    assert_eq!((ids.len(), &answer["data"]["record_count"]), (3, &Value::from(3)));
    let newest = &answer["data"]["records"][0];
    assert_eq!((&newest["fromId"], &newest["targetId"]), (&"frank".into(), &"78".into()));
    assert_eq!((&newest["msgType"], &newest["content"]), (&7.into(), &"NA==".into()));
    let older = format!(r#"{{"id":1,"idStr":"78","count":1,"logId":"{}"}}"#, ids[0]);
    assert_eq!(history(&server, "mallory", &older).await.0, ids[1..2]);

    let refused = [
        ("alice", r#"{"id":78,"count":10}"#, -10015),
        ("mallory", r#"{"id":79,"count":10}"#, -10015),
        ("mallory", r#"{"count":10}"#, -1012),
        ("mallory", r#"{"id":78,"count":101}"#, -1012),
        ("mallory", r#"{"id":78,"idStr":"x","count":1}"#, -1012),
        ("mallory", r#"{"id":-1,"count":1}"#, -1012),
    ];
    for (user, body, code) in refused {
        assert_eq!(history(&server, user, body).await.1["result"], code, "{body}");
    }
    server.stop().await;
}

/// Target, number of unread messages, and the last read and newest id of each conversation.
async fn unread(server: &Server, user: &str) -> Vec<(Value, i64, String, String)> {
    let answer = server.post_json(user, "/app/record/unread", "").await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let id = |session: &Value, name| session[name].as_str().unwrap().to_owned();
    let sessions = answer["data"]["sessions"].as_array().unwrap().iter().map(|session| {
        let (read, last) = (id(session, "readLogId"), id(session, "lastLogId"));
        assert_eq!(session["target"].to_string().trim_matches('"'), id(session, "targetStr"));
        assert_eq!(session["type"], i32::from(session["target"].is_number()));
        (session["target"].clone(), session["unread"].as_i64().unwrap(), read, last)
    });
    sessions.collect()
}

async fn unread_are_messages_of_others_after_the_last_one_read(database: Database) {
    let (server, outbox) = start(database).await;
    assert_eq!(unread(&server, "bob").await, []);
    let push = async |from: &str, common| {
        let answer = server.post_form(from, "/record/push", &proto_of(&common)).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["data"]["logId"].as_i64().unwrap().to_string()
    };
    let first = push("alice", text("m-1", "bob")).await;
    push("alice", text("m-2", "bob")).await;
    let last = push("bob", text("m-3", "alice")).await;
    let in_group = push("alice", to_group("m-4")).await;
    let of_bob = push("bob", to_group("m-5")).await;
    let mut tx = server.database.pool().begin().await.unwrap();
    outbox.append(&mut tx, 77, &[notice("told")]).await.unwrap();
    tx.commit().await.unwrap();
    outbox.wake();
    server.store.flush().await;

    let [group, private] = &unread(&server, "bob").await[..] else { panic!("two of them") };
    assert_eq!((&group.0, group.1, &*group.2), (&77.into(), 1, "0"));
    assert!(group.3 > of_bob, "the notice is the newest");
    assert_eq!(*private, ("alice".into(), 2, "0".into(), last.clone()));

    let read = async |kind: i32, target: &str, mid: &str| {
        let body = format!(r#"{{"type":{kind},"target":{target},"logId":{mid}}}"#);
        server.post_json("bob", "/app/record/read", &body).await
    };
    let done = r#"{"result":0,"message":"","data":{}}"#;
    assert_eq!(read(0, r#""alice""#, &first).await, done);
    assert_eq!(read(1, "77", &in_group).await, done);
    let [group, private] = &unread(&server, "bob").await[..] else { panic!("two of them") };
    assert_eq!((group.1, &group.2), (0, &in_group));
    assert_eq!((private.1, &private.2), (1, &first));
    assert_eq!(read(0, r#""alice""#, &last).await, done);
    assert_eq!(read(0, r#""alice""#, &first).await, done, "it does not go back");
    assert_eq!(unread(&server, "bob").await[1], ("alice".into(), 0, last.clone(), last));
    assert!(read(0, r#""alice""#, "5").await.contains("-1000"));
    server.stop().await;
}
