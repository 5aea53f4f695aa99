//! The HTTP side, with sockets where they matter.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::message::{FrameProto, SignalRevoke};
use prost::Message as _;
use serde_json::Value;

use comet_sql_testing::{Database, on_each_database};

use crate::support::{Client, Server, message_in, proto_of, text, to_group};

on_each_database!(
    a_message_pushed_over_http_is_stored_delivered_and_answered_like_any_other,
    what_a_phone_pushed_is_not_replayed_to_it,
    what_cannot_be_pushed_is_refused_in_the_envelope,
    a_pull_has_both_directions_then_groups_and_only_what_is_later,
    a_pull_of_more_than_a_thousand_has_the_newest_and_says_so,
    a_desktop_that_goes_on_from_the_newest_it_got_misses_nothing,
    what_is_stored_between_pull_and_login_comes_after_the_login,
    history_goes_back_from_the_newest_or_from_an_id,
    a_message_is_taken_back_and_marked_over_http,
    hostile_requests_are_bad_parameters,
);

const BAD: &str = r#"{"result":-1012,"message":"bad parameters","data":{}}"#;
const DENIED: &str = r#"{"result":-1000,"message":"permission denied","data":{}}"#;
const DONE: &str = r#"{"result":0,"message":"","data":{}}"#;

async fn send(client: &mut Client, common: &comet_dtalk::message::Common) -> i64 {
    let seq = client.send(common);
    let mid = client.answer(seq).log_id;
    assert_eq!(client.message().log_id, mid);
    mid
}

/// The messages of a `sync-record` answer, and whether there are more.
async fn sync(server: &Server, user: &str, body: &str) -> (Vec<String>, bool) {
    let answer = server.post_json(user, "/app/record/sync-record", body).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["result"], 0, "{answer}");
    let records = answer["data"]["records"].as_array().unwrap();
    assert_eq!(answer["data"]["record_count"], records.len());
    let msg_id = |record: &Value| {
        let body = STANDARD.decode(record.as_str().unwrap()).unwrap();
        message_in(&body).msg_id
    };
    (records.iter().map(msg_id).collect(), answer["data"]["has_more"].as_bool().unwrap())
}

async fn a_message_pushed_over_http_is_stored_delivered_and_answered_like_any_other(
    database: Database,
) {
    let server = Server::start(database).await;
    let mut bob = server.login("bob");
    server.sessions(1).await;
    let body = proto_of(&text("m-1", "bob"));

    let answer = server.post_form("alice", "/record/push", &body).await;
    let got = bob.message();
    assert_eq!(&*got.from, "alice");
    let (mid, datetime) = (got.log_id, got.datetime);
    let expected =
        format!(r#"{{"result":0,"message":"","data":{{"logId":{mid},"datetime":{datetime}}}}}"#);
    assert_eq!(answer, expected);

    let frame = FrameProto { ver: 1, op: 7, seq: 0, ack: 0, body };
    let again = server.post_form("alice", "/record/push2", &frame.encode_to_vec()).await;
    assert_eq!(again, expected, "a repeat over the other way");
    let group = proto_of(&to_group("m-2"));
    server.post_form("alice", "/record/push", &group).await;
    assert_eq!(bob.message().msg_id, "m-2");
    server.stop().await;
}

async fn what_a_phone_pushed_is_not_replayed_to_it(database: Database) {
    let server = Server::start(database).await;
    for (device, msg_id) in [("Android", "m-1"), ("PC", "m-2"), ("IOS", "m-3"), ("Web", "m-4")] {
        let body = proto_of(&text(msg_id, "bob"));
        server.post_form_from(device, "alice", "/record/push", &body).await;
    }
    let mut alice = server.login("alice+phone");
    assert_eq!(alice.message().msg_id, "m-2");
    assert_eq!(alice.message().msg_id, "m-4");
    server.stop().await;
}

async fn what_cannot_be_pushed_is_refused_in_the_envelope(database: Database) {
    let server = Server::start(database).await;
    let mut notice = text("m-1", "bob");
    notice.msg_type = 7;
    let mut long = text("m-1", "bob");
    long.msg = vec![1; 16_384].into();
    let mut huge = text("m-1", "bob");
    huge.msg = vec![1; 100_000].into();
    for body in [&b""[..], b"\xff", &proto_of(&notice), &proto_of(&long), &proto_of(&huge)] {
        assert_eq!(server.post_form("alice", "/record/push", body).await, BAD);
        assert_eq!(server.post_form("alice", "/record/push2", body).await, BAD);
    }
    let ack = FrameProto { op: 10, body: proto_of(&text("m-1", "bob")), ..FrameProto::default() };
    assert_eq!(server.post_form("alice", "/record/push2", &ack.encode_to_vec()).await, BAD);
    let group = proto_of(&to_group("m-1"));
    assert_eq!(
        server.post_form("mallory", "/record/push", &group).await,
        r#"{"result":-10015,"message":"you are not in the group","data":{}}"#
    );
    for content_type in ["text/plain", "multipart/form-data", "multipart/form-data; boundary=x"] {
        let request = Request::post("/record/push")
            .header("FZM-SIGNATURE", "alice")
            .header("content-type", content_type);
        assert_eq!(server.post(request.body("x".into()).unwrap()).await, BAD, "{content_type}");
    }
    let stranger = Request::post("/record/push").body(Body::empty()).unwrap();
    let invalid = r#"{"result":-1010,"message":"signature invalid","data":{}}"#;
    assert_eq!(server.post(stranger).await, invalid);
    assert_eq!(server.store.stats().stored, 0);
    server.stop().await;
}

async fn a_pull_has_both_directions_then_groups_and_only_what_is_later(database: Database) {
    let server = Server::start(database).await;
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    server.sessions(2).await;
    let first = send(&mut alice, &text("m-1", "bob")).await;
    bob.message();
    send(&mut bob, &to_group("m-2")).await;
    alice.message();
    send(&mut bob, &text("m-3", "alice")).await;
    alice.message();
    send(&mut alice, &text("m-4", "carol")).await;

    let all = ["m-1", "m-3", "m-4", "m-2"].map(String::from).to_vec();
    assert_eq!(sync(&server, "alice", r#"{"count":20}"#).await, (all.clone(), false));
    assert_eq!(sync(&server, "alice", r#"{"count":1,"start":0}"#).await, (all, false));
    let later = ["m-3", "m-4", "m-2"].map(String::from).to_vec();
    let start = format!(r#"{{"count":20,"start":{first}}}"#);
    assert_eq!(sync(&server, "alice", &start).await, (later, false));
    let before = format!(r#"{{"count":20,"before":"{}"}}"#, first + 1);
    assert_eq!(sync(&server, "alice", &before).await, (vec!["m-1".into()], false));
    assert_eq!(sync(&server, "mallory", r#"{"count":20}"#).await, (vec![], false));
    server.stop().await;
}

async fn a_pull_of_more_than_a_thousand_has_the_newest_and_says_so(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    for n in 0..1_001 {
        alice.send(&text(&format!("m-{n}"), "bob"));
    }
    while alice.message_or_answer() != "m-1000" {}

    let (newest, more) = sync(&server, "bob", r#"{"count":20}"#).await;
    assert_eq!((newest.len(), &*newest[0], &*newest[999], more), (1000, "m-1", "m-1000", true));
    let answer = server.post_json("bob", "/app/record/sync-record", r#"{"count":20}"#).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let oldest = answer["data"]["records"][0].as_str().unwrap();
    let oldest = message_in(&STANDARD.decode(oldest).unwrap()).log_id;
    let rest = sync(&server, "bob", &format!(r#"{{"count":20,"before":{oldest}}}"#)).await;
    assert_eq!(rest, (vec!["m-0".into()], false));
    server.stop().await;
}

/// The newest id of an answer may be a private message's or a group's: what is committed while the
/// answer is made must be in it as a whole, or not at all.
async fn a_desktop_that_goes_on_from_the_newest_it_got_misses_nothing(database: Database) {
    const COUNT: usize = 1_500;
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let writing = tokio::spawn(async move {
        for n in 0..COUNT {
            let msg_id = format!("m-{n}");
            let common = if n % 2 == 0 { text(&msg_id, "bob") } else { to_group(&msg_id) };
            alice.send(&common);
            let mut answers = if n % 5 == 4 { 5 } else { 0 };
            while answers > 0 {
                answers -= usize::from(alice.message_or_answer().is_empty());
            }
        }
    });
    let (mut start, mut seen) = (0, HashSet::new());
    loop {
        let is_last = writing.is_finished();
        let body = format!(r#"{{"count":20,"start":{start}}}"#);
        let answer = server.post_json("bob", "/app/record/sync-record", &body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["data"]["hasMore"], false);
        for record in answer["data"]["records"].as_array().unwrap() {
            let body = STANDARD.decode(record.as_str().unwrap()).unwrap();
            let common = message_in(&body);
            start = start.max(common.log_id);
            assert!(seen.insert(common.msg_id));
        }
        if is_last {
            break;
        }
    }
    writing.await.unwrap();
    assert_eq!(seen.len(), COUNT);
    server.stop().await;
}

async fn what_is_stored_between_pull_and_login_comes_after_the_login(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    send(&mut alice, &text("m-1", "bob")).await;
    assert_eq!(sync(&server, "bob", r#"{"count":20}"#).await.0, ["m-1"]);
    send(&mut alice, &text("m-2", "bob")).await;
    send(&mut alice, &to_group("m-3")).await;

    let mut bob = server.login("bob");
    server.sessions(2).await;
    send(&mut alice, &text("m-4", "bob")).await;
    for expected in ["m-2", "m-3", "m-4"] {
        assert_eq!(bob.message().msg_id, expected);
    }
    server.stop().await;
}

async fn history_goes_back_from_the_newest_or_from_an_id(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    server.sessions(2).await;
    let first = send(&mut alice, &text("m-1", "bob")).await;
    bob.message();
    let second = send(&mut bob, &text("m-2", "alice")).await;
    assert_eq!(alice.message().log_id, second);
    send(&mut bob, &text("m-3", "carol")).await;
    let third = send(&mut alice, &text("m-4", "bob")).await;

    let path = "/store/app/pri-chat-record";
    let newest = server.post_json("alice", path, r#"{"targetId":"bob","count":100}"#).await;
    let newest: Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(newest["data"]["record_count"], 3);
    assert_eq!(newest["data"]["records"][0]["logId"], third.to_string());
    let record = &newest["data"]["records"][1];
    assert_eq!(record["logId"], second.to_string());
    assert_eq!((&record["msgId"], &record["fromId"]), (&"m-2".into(), &"bob".into()));
    assert_eq!((&record["targetId"], &record["msgType"]), (&"alice".into(), &1.into()));
    assert_eq!(record["content"], "CgJoaQ==");
    assert!(record["createTime"].is_u64());
    assert_eq!(newest["data"]["records"][2]["logId"], first.to_string());

    for (log_id, expected) in [
        (format!("\"{second}\""), vec!["m-1"]),
        (second.to_string(), vec!["m-1"]),
        ("\"\"".into(), vec!["m-4"]),
        ("0".into(), vec!["m-4"]),
        ("null".into(), vec!["m-4"]),
        (first.to_string(), vec![]),
    ] {
        let body = format!(r#"{{"targetId":"bob","count":1,"logId":{log_id}}}"#);
        let answer: Value =
            serde_json::from_str(&server.post_json("alice", path, &body).await).unwrap();
        let records = answer["data"]["records"].as_array().unwrap();
        let msg_ids: Vec<_> = records.iter().map(|record| &record["msgId"]).collect();
        assert_eq!(msg_ids, expected, "{log_id}");
    }
    server.stop().await;
}

async fn a_message_is_taken_back_and_marked_over_http(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    server.sessions(2).await;
    let mid = send(&mut alice, &text("m-1", "bob")).await;
    bob.message();
    let body = format!(r#"{{"type":0,"logId":{mid}}}"#);

    assert_eq!(server.post_json("alice", "/app/record/focus", &body).await, DENIED);
    assert_eq!(server.post_json("bob", "/app/record/focus", &body).await, DONE);
    assert_eq!(alice.signal().r#type, 13);
    assert_eq!(server.post_json("bob", "/app/record/revoke", &body).await, DENIED);
    assert_eq!(server.post_json("alice", "/app/record/revoke", &body).await, DONE);
    for client in [&mut alice, &mut bob] {
        let signal = client.signal();
        let revoked = SignalRevoke::decode(signal.body).unwrap();
        let expected = SignalRevoke { mid, operator: "alice".into(), by_sender: true };
        assert_eq!((signal.r#type, revoked), (1, expected));
    }
    assert_eq!(server.post_json("alice", "/app/record/revoke", &body).await, DENIED, "gone");
    assert_eq!(sync(&server, "bob", r#"{"count":20}"#).await.0, [""; 0]);
    server.stop().await;
}

async fn hostile_requests_are_bad_parameters(database: Database) {
    let server = Server::start(database).await;
    for (path, bodies) in [
        (
            "/app/record/sync-record",
            &[
                "",
                "{}",
                "[]",
                "null",
                r#"{"count":0}"#,
                r#"{"count":1001}"#,
                r#"{"count":-1}"#,
                r#"{"count":1e3}"#,
                r#"{"count":"x"}"#,
                r#"{"count":9223372036854775808}"#,
                r#"{"count":1,"start":"x"}"#,
                r#"{"count":1,"start":1.5}"#,
            ][..],
        ),
        (
            "/store/app/pri-chat-record",
            &[
                "",
                r#"{"targetId":"bob"}"#,
                r#"{"targetId":"bob","count":0}"#,
                r#"{"targetId":"bob","count":101}"#,
                r#"{"targetId":"bob","count":-1}"#,
                r#"{"count":1}"#,
                r#"{"targetId":7,"count":1}"#,
                r#"{"targetId":"bob","count":1,"logId":"x"}"#,
            ],
        ),
        (
            "/app/record/revoke",
            &[
                "",
                r#"{"type":0}"#,
                r#"{"logId":1}"#,
                r#"{"type":2,"logId":1}"#,
                r#"{"type":0,"logId":0}"#,
                r#"{"type":0,"logId":-1}"#,
                r#"{"type":0,"logId":9007199254740992}"#,
                r#"{"type":0,"logId":1.5}"#,
            ],
        ),
    ] {
        for body in bodies {
            assert_eq!(server.post_json("alice", path, body).await, BAD, "{path} {body}");
        }
    }
    let long = format!(r#"{{"targetId":"{}","count":1}}"#, "x".repeat(41));
    assert_eq!(server.post_json("alice", "/store/app/pri-chat-record", &long).await, BAD);
    let huge = " ".repeat(70_000);
    assert_eq!(server.post_json("alice", "/app/record/revoke", &huge).await, BAD);
    let far = r#"{"count":1,"start":9223372036854775807}"#;
    assert_eq!(sync(&server, "alice", far).await, (vec![], false));
    let foreign = r#"{"type":0,"logId":9007199254740991}"#;
    assert_eq!(server.post_json("alice", "/app/record/revoke", foreign).await, DENIED);
    server.stop().await;
}
