//! Pulling missed messages, and history.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Server;
use serde_json::{Value, json};

const SYNC: &str = "/app/record/sync-record";
const HISTORY: &str = "/store/app/pri-chat-record";

fn people() -> [Person; 3] {
    ["alice", "bob", "cleo"].map(Person::new)
}

fn sync(server: &Server, person: &Person, request: &Value) -> Vec<Vec<u8>> {
    let data = server.post(SYNC, Some(person), &request.to_string()).data();
    let records = data["records"].as_array().expect("records");
    assert_eq!(data["record_count"], records.len());
    let decode = |record: &Value| STANDARD.decode(record.as_str().expect("a text"));
    records.iter().map(|record| decode(record).expect("base64")).collect()
}

fn ids(bodies: &[Vec<u8>]) -> Vec<i64> {
    bodies.iter().map(|body| Delivered::read(body).message().log_id).collect()
}

/// Sends messages one by one to `target`, and takes the copies delivered back.
fn send_messages(
    client: &mut Client,
    target: &Person,
    first: u32,
    count: u32,
) -> Vec<(i64, Vec<u8>)> {
    let send = |number| {
        let answer = client.ask(&to_user(&target.uid, &format!("m-{number}"), vec![7; 50]));
        let echo = client.receive();
        client.ack(echo.seq);
        assert_eq!(Delivered::by(&echo).message().log_id, answer.log_id);
        (answer.log_id, echo.body)
    };
    (first..first + count).map(send).collect()
}

#[test]
fn a_new_user_gets_an_empty_list_and_never_an_error() {
    let server = Server::start();
    let [alice, ..] = people();
    for request in [r#"{"count":20}"#, r#"{"count":20,"start":1}"#, r#"{"count":20,"start":null}"#]
    {
        let data = server.post(SYNC, Some(&alice), request).data();
        assert_eq!((&data["record_count"], &data["records"]), (&json!(0), &json!([])));
    }
}

#[test]
fn the_count_is_from_1_to_1000_as_a_number_or_as_text() {
    let server = Server::start();
    let [alice, ..] = people();
    let code = |count: Value| {
        let request = json!({ "count": count, "start": "9007199254740991" });
        server.post(SYNC, Some(&alice), &request.to_string()).envelope().0
    };
    for good in [json!(1), json!(20), json!(1000), json!("20")] {
        assert_eq!(code(good.clone()), 0, "{good}");
    }
    for bad in [json!(0), json!(1001), json!(-1), json!("many"), json!(1.5), json!(null)] {
        assert_eq!(code(bad.clone()), -1012, "{bad}");
    }
    assert_eq!(server.post(SYNC, Some(&alice), "{}").code(), -1012);
}

#[test]
fn records_are_the_delivered_bytes_of_both_directions_in_order() {
    let server = Server::start();
    let [alice, bob, cleo] = people();
    let mut from_alice = server.client(Transport::Tcp, &alice, None);
    let mut from_bob = server.client(Transport::Tcp, &bob, None);
    let mut sent = send_messages(&mut from_alice, &bob, 1, 2);
    (1..=2).for_each(|number| drop(from_bob.takes(number)));
    sent.extend(send_messages(&mut from_bob, &alice, 1, 2));
    let others = send_messages(&mut from_bob, &cleo, 3, 1);

    let bodies: Vec<Vec<u8>> = sent.iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(sync(&server, &alice, &json!({ "count": 20 })), bodies);
    // Ids are sent as numbers and as text.
    for start in [json!(sent[1].0), json!(sent[1].0.to_string())] {
        let later = sync(&server, &alice, &json!({ "count": 20, "start": start }));
        assert_eq!(later, bodies[2..]);
    }
    assert_eq!(sync(&server, &cleo, &json!({ "count": 20 })), [others[0].1.clone()]);
}

#[test]
fn a_wide_gap_keeps_the_newest_thousand_and_says_that_there_is_more() {
    let server = Server::start();
    let [alice, bob, _] = people();
    let mut client = server.client(Transport::Tcp, &alice, None);
    let sent: Vec<i64> =
        send_messages(&mut client, &bob, 1, 1_003).iter().map(|(id, _)| *id).collect();

    let newest = sync(&server, &bob, &json!({ "count": 20 }));
    assert_eq!(ids(&newest), sent[3..]);
    let request = json!({ "count": 20, "before": sent[3] });
    assert_eq!(ids(&sync(&server, &bob, &request)), sent[..3]);
    let has_more = |request: Value| {
        server.post(SYNC, Some(&bob), &request.to_string()).data()["has_more"].clone()
    };
    assert_eq!(has_more(json!({ "count": 1 })), true);
    assert_eq!(has_more(request), false);
    assert_eq!(has_more(json!({ "count": 20, "start": sent[2] })), false);
}

#[test]
fn history_is_what_two_wrote_to_each_other_newest_first() {
    let server = Server::start();
    let [alice, bob, cleo] = people();
    let mut client = server.client(Transport::Tcp, &alice, None);
    let msg: Vec<u8> = (0..=255).collect();
    let answer = client.ask(&to_user(&bob.uid, "m-0", msg.clone()));
    client.takes(1);
    let sent = send_messages(&mut client, &bob, 1, 3);
    send_messages(&mut client, &cleo, 4, 1);

    let ask = |request: Value| server.post(HISTORY, Some(&bob), &request.to_string());
    let ids_in = |request: Value| {
        let data = ask(request).data();
        let records = data["records"].as_array().expect("records");
        assert_eq!(data["record_count"], records.len());
        let id = |record: &Value| record["logId"].as_str().and_then(|id| id.parse().ok());
        records.iter().map(|record| id(record).expect("an id")).collect::<Vec<i64>>()
    };
    let (target, last) = (&alice.uid, sent[2].0);
    let page = json!({ "targetId": target, "count": 2, "logId": "" });
    assert_eq!(ids_in(page), [last, sent[1].0]);
    let page = json!({ "targetId": target, "count": 100, "logId": sent[1].0.to_string() });
    assert_eq!(ids_in(page), [sent[0].0, answer.log_id]);
    assert_eq!(ids_in(json!({ "targetId": cleo.uid, "count": 100 })), [0; 0]);

    let oldest = ask(json!({ "targetId": target, "count": 1, "logId": sent[0].0 })).data();
    let expected = json!({
        "logId": answer.log_id.to_string(),
        "msgId": "m-0",
        "fromId": alice.uid,
        "targetId": bob.uid,
        "msgType": 1,
        "content": STANDARD.encode(&msg),
        "createTime": answer.datetime,
    });
    assert_eq!(oldest["records"], json!([expected]));
    for count in [0, 101, -1] {
        assert_eq!(ask(json!({ "targetId": target, "count": count })).code(), -1012);
    }
}

/// Users do not see messages between others.
#[test]
fn a_stranger_finds_nothing() {
    let server = Server::start();
    let [alice, bob, cleo] = people();
    let mut client = server.client(Transport::Tcp, &alice, None);
    send_messages(&mut client, &bob, 1, 1);
    assert_eq!(sync(&server, &cleo, &json!({ "count": 20 })), Vec::<Vec<u8>>::new());
    let request = json!({ "targetId": bob.uid, "count": 100 }).to_string();
    let data = server.post(HISTORY, Some(&cleo), &request).data();
    assert_eq!(data, json!({ "record_count": 0, "records": [] }));
}
