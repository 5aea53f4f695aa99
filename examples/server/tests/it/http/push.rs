//! Sending without a socket.

use bytes::Bytes;
use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::{Common, MsgType};
use comet_server_testkit::client::Transport;
use comet_server_testkit::http::{Answer, post_form};
use comet_server_testkit::message::{body_of, to_group, to_user};
use comet_server_testkit::person::{Person, phone};
use comet_server_testkit::server::Server;
use comet_testkit::protobuf::{field, varint};
use serde_json::Value;

fn people() -> [Person; 2] {
    ["alice", "bob"].map(Person::new)
}

fn push(server: &Server, path: &str, person: &Person, part: (&str, &[u8])) -> Answer {
    let token = person.token();
    let headers = [("FZM-SIGNATURE", token.as_str())];
    post_form(server.addresses.http, path, &headers, part)
}

/// The body of op 7, as the desktop posts it.
fn push_body(server: &Server, person: &Person, common: &Common) -> Answer {
    push(server, "/record/push", person, ("message", &body_of(common)))
}

/// A frame of op 7 in protobuf, as Android posts it.
fn push_frame(server: &Server, person: &Person, common: &Common) -> Answer {
    push(server, "/record/push2", person, ("message", &frame_of(7, &body_of(common))))
}

fn frame_of(op: u64, body: &[u8]) -> Vec<u8> {
    [&[0x08, 1, 0x10][..], &varint(op), &[0x18, 0, 0x20, 0], &field(5, body)].concat()
}

/// The id as the desktop parses it from the text: digits right after the colon.
fn log_id_in(answer: &Answer) -> i64 {
    let (_, rest) = answer.text().split_once("\"logId\":").expect("a logId");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("digits")
}

#[test]
fn a_pushed_message_is_stored_and_delivered_like_any_other() {
    let server = Server::start();
    let [alice, bob] = people();
    let mut of_alice = server.client(Transport::WebSocket, &alice, None);
    let mut of_bob = server.client(Transport::Tcp, &bob, None);
    for (number, push) in (1..).zip([push_body, push_frame]) {
        let before = unix_ms();
        let mut common = to_user(&bob.uid, &format!("m-{number}"), (0..=255).collect::<Vec<_>>());
        common.from = "someone else".to_owned();
        let answer = push(&server, &alice, &common);
        let data = answer.data();
        let log_id = log_id_in(&answer);
        assert_eq!(data["logId"], log_id);
        assert!(log_id > 0 && log_id < 1 << 53);
        let datetime = data["datetime"].as_u64().expect("milliseconds");
        assert!((before..=unix_ms()).contains(&datetime));
        let expected = Common { log_id, datetime, from: alice.uid.clone(), ..common };
        assert_eq!(of_bob.takes(number).message(), expected);
        assert_eq!(of_alice.takes(number).message(), expected);
    }
}

#[test]
fn pushing_again_by_any_way_gives_the_first_answer() {
    let server = Server::start();
    let [alice, bob] = people();
    let mut of_bob = server.client(Transport::Tcp, &bob, None);
    let common = to_user(&bob.uid, "m-1", "hi");
    let first = push_frame(&server, &alice, &common).data();
    for _ in 0..3 {
        assert_eq!(push_frame(&server, &alice, &common).data(), first);
        assert_eq!(push_body(&server, &alice, &common).data(), first);
    }
    let mut of_alice = server.client(Transport::Tcp, &alice, None);
    let answer = of_alice.ask(&common);
    assert_eq!(
        (first["logId"].as_i64(), first["datetime"].as_u64()),
        (Some(answer.log_id), Some(answer.datetime))
    );
    of_alice.beat();
    of_bob.takes(1);
    of_bob.beat();
}

#[test]
fn a_message_pushed_from_a_phone_is_not_replayed_to_it() {
    let server = Server::start();
    let [alice, bob] = people();
    let token = alice.token();
    for (number, kind) in [(1, "Android"), (2, "IOS"), (3, "PC"), (4, "")] {
        let headers = [("FZM-SIGNATURE", &*token), ("FZM-DEVICE", kind)];
        let body = body_of(&to_user(&bob.uid, &format!("m-{number}"), "hi"));
        let address = server.addresses.http;
        post_form(address, "/record/push", &headers, ("message", &body)).data();
    }
    let mut client = server.client(Transport::Tcp, &alice, Some(&phone("p-1")));
    assert_eq!(client.takes(1).message().msg_id, "m-3");
    assert_eq!(client.takes(2).message().msg_id, "m-4");
    client.beat();
}

#[test]
fn what_may_not_be_sent_is_refused_with_its_code() {
    let server = Server::start();
    let [alice, bob] = people();
    let good = || to_user(&bob.uid, "m-1", "hi");
    let code = |common: Common| {
        let codes = [push_body, push_frame].map(|push| push(&server, &alice, &common).code());
        assert_eq!(codes[0], codes[1]);
        codes[0]
    };
    assert_eq!(code(Common { msg_type: MsgType::Notice as i32, ..good() }), -1012);
    assert_eq!(code(Common { msg_id: String::new(), ..good() }), -1012);
    assert_eq!(code(Common { target: "x".repeat(41), ..good() }), -1012);
    assert_eq!(code(to_group(12_345, "m-1", "hi")), -10_020, "no such group");
    assert_eq!(code(to_group(1, "m-1", "hi")), -10_015, "not in the demo's group");

    let body = body_of(&good());
    let in_part =
        |path: &str, name: &str, bytes: &[u8]| push(&server, path, &alice, (name, bytes)).code();
    assert_eq!(in_part("/record/push", "messages", &body), -1012);
    assert_eq!(in_part("/record/push", "message", b""), -1012);
    assert_eq!(in_part("/record/push2", "message", &body), -1012, "no frame");
    assert_eq!(in_part("/record/push2", "message", &frame_of(9, &body)), -1012, "not op 7");
    let long = body_of(&to_user(&bob.uid, "m-1", Bytes::from(vec![7; 16_384])));
    assert_eq!(in_part("/record/push", "message", &long), -1012);

    // None of them was stored.
    let request = r#"{"count":20}"#;
    let data: Value = server.post("/app/record/sync-record", Some(&alice), request).data();
    assert_eq!(data["record_count"], 0);
}
