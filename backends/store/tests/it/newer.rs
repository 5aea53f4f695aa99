//! Messages of the newer protocol, sent over HTTP.

use comet_dtalk::newer::NewerMessage;
use comet_sql_testing::{Database, on_each_database};
use prost::Message as _;
use serde_json::{Value, json};

use crate::support::{Server, text, to_group};

on_each_database!(
    a_message_of_the_newer_protocol_is_stored_and_delivered_in_the_older,
    refusals_of_newer_messages_are_in_their_answer,
);

const BAD: &str = r#"{"result":-1012,"message":"bad parameters","data":{}}"#;

fn newer(cid: &str, target: &str) -> NewerMessage {
    let common = text(cid, target);
    NewerMessage {
        cid: common.msg_id,
        target: common.target,
        msg_type: common.msg_type,
        content: common.msg,
        ..NewerMessage::default()
    }
}

impl Server {
    async fn send_newer(&self, user: &str, message: &NewerMessage) -> Value {
        let answer = self.post_bytes(user, "/app/record/send", message.encode_to_vec()).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["result"], 0, "{answer}");
        answer["data"].clone()
    }
}

async fn a_message_of_the_newer_protocol_is_stored_and_delivered_in_the_older(database: Database) {
    let server = Server::start(database).await;
    let mut bob = server.login("bob");
    server.sessions(1).await;
    let mut message = newer("c-1", "bob");
    message.from = "mallory".into();
    let sent = server.send_newer("alice", &message).await;
    let got = bob.message();
    assert_eq!((&*got.from, &*got.msg_id, &got.msg), ("alice", "c-1", &message.content));
    let mid = got.log_id.to_string();
    let expected = json!({"code": 0, "mid": mid, "datetime": got.datetime, "repeat": false});
    assert_eq!(sent, expected);

    let again = server.send_newer("alice", &message).await;
    let expected = json!({"code": 0, "mid": mid, "datetime": got.datetime, "repeat": true});
    assert_eq!(again, expected, "a repeat has the first answer");
    // The same id of another sender is another message.
    assert_eq!(server.send_newer("carol", &message).await["repeat"], false);
    assert_eq!(&*bob.message().from, "carol");
    let group = NewerMessage { channel_type: 1, ..newer("c-2", &to_group("").target) };
    assert_eq!(server.send_newer("alice", &group).await["code"], 0);
    assert_eq!(bob.message().msg_id, "c-2");
    server.stop().await;
}

async fn refusals_of_newer_messages_are_in_their_answer(database: Database) {
    let server = Server::start(database).await;
    let group = NewerMessage { channel_type: 1, ..newer("c-1", &to_group("").target) };
    let long = NewerMessage { content: vec![1; 16_384].into(), ..newer("c-1", "bob") };
    for (message, code) in [
        (newer("", "bob"), 4),
        (newer("c-1", ""), 4),
        (long, 4),
        (NewerMessage { msg_type: 7, ..newer("c-1", "bob") }, 2),
        (NewerMessage { channel_type: 2, ..newer("c-1", "bob") }, 2),
        (group, 3),
    ] {
        let refused = json!({"code": code, "mid": "", "datetime": 0, "repeat": false});
        assert_eq!(server.send_newer("mallory", &message).await, refused);
    }
    let empty = r#"{"result":-10500,"message":"message is empty","data":{}}"#;
    assert_eq!(server.post_bytes("alice", "/app/record/send", vec![]).await, empty);
    assert_eq!(server.post_bytes("alice", "/app/record/send", vec![1; 100_000]).await, BAD);
    let garbage = server.post_bytes("alice", "/app/record/send", vec![0xff]).await;
    assert!(garbage.contains(r#""code":4"#), "{garbage}");
    assert_eq!(server.store.stats().stored, 0);
    server.stop().await;
}
