//! Limits on the size of a response, and on the rate of messages.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_server_testkit::client::Transport;
use comet_server_testkit::http::{Answer, post_form};
use comet_server_testkit::message::{Delivered, body_of, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::{clock, usage};
use serde_json::{Value, json};
use socket2::{Domain, Socket as System, Type};

const SYNC: &str = "/app/record/sync-record";
const MEMORY: &str = "comet_gateway_memory";

/// The longest content of a message with its field names.
const LONG: usize = 16_000;

/// Sends a number of long messages to a user.
fn fill(server: &Server, from: &Person, to: &Person, count: usize) -> Vec<i64> {
    let mut client = server.client(Transport::Tcp, from, None);
    let send = |number| {
        let log_id = client.ask(&to_user(&to.uid, &format!("m-{number}"), vec![7; LONG])).log_id;
        let echo = client.receive();
        client.ack(echo.seq);
        log_id
    };
    (0..count).map(send).collect()
}

fn sync(server: &Server, person: &Person, request: &Value) -> (Vec<i64>, Value, usize) {
    let answer = server.post(SYNC, Some(person), &request.to_string());
    let data = answer.data();
    let id = |record: &Value| {
        let body = STANDARD.decode(record.as_str().expect("a text")).expect("base64");
        Delivered::read(&body).message().log_id
    };
    let ids = data["records"].as_array().expect("records").iter().map(id).collect();
    (ids, data, answer.body.len())
}

#[test]
fn an_answer_ends_at_four_mebibytes_and_says_how_to_go_on() {
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let sent = fill(&server, &alice, &bob, 300);

    let (newest, data, bytes) = sync(&server, &bob, &json!({ "count": 20 }));
    assert!((3_900_000..=4 << 20).contains(&bytes), "{bytes}");
    assert!(sent.ends_with(&newest), "the newest, without a hole");
    assert_eq!((&data["hasMore"], &data["has_more"]), (&json!(true), &json!(true)));
    assert_eq!(data["before"], newest[0]);

    let (rest, data, _) = sync(&server, &bob, &json!({ "count": 20, "before": data["before"] }));
    assert_eq!([rest, newest].concat(), sent);
    assert_eq!((&data["hasMore"], &data["before"]), (&json!(false), &Value::Null));
}

/// A hundred and fifty requests with unread responses.
#[test]
fn answers_that_nobody_reads_hold_little_and_are_charged() {
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    fill(&server, &alice, &bob, 300);
    server.awaits_metric(MEMORY, 0);
    let resident = || usage::resident(server.process.id()).expect("the program runs");
    let before = resident();

    let silent: Vec<System> = (0..150).map(|_| ask_and_read_nothing(&server, &bob)).collect();
    // Eight responses of one user, partly in the system's buffers.
    let held = 8 * (3 << 20)..=8 * (4 << 20) + (1 << 20);
    clock::eventually("eight answers are charged", || held.contains(&server.metric(MEMORY)));
    // The others were answered too, at least with a refusal.
    let unread = server.post(SYNC, Some(&bob), r#"{"count":20}"#);
    assert!(unread.code() == -1001, "{}", unread.text());
    assert!(unread.text().contains("try again"), "{}", unread.text());
    let grown = resident().saturating_sub(before);
    assert!(grown < 160 << 20, "{grown} bytes for 150 requests");
    // Other users are served.
    assert_eq!(server.post(SYNC, Some(&alice), r#"{"count":1}"#).data()["hasMore"], true);

    drop(silent);
    server.awaits_metric(MEMORY, 0);
    assert!(!sync(&server, &bob, &json!({ "count": 20 })).0.is_empty());
}

/// With a small receive buffer, so that the response stays in the server.
fn ask_and_read_nothing(server: &Server, person: &Person) -> System {
    let socket = System::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("SO_RCVBUF");
    socket.connect(&server.addresses.http.into()).expect("connect");
    let (body, token) = (r#"{"count":20}"#, person.token());
    let request = format!(
        "POST {SYNC} HTTP/1.1\r\nHost: {}\r\nFZM-SIGNATURE: {token}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        server.addresses.http,
        body.len()
    );
    assert_eq!(socket.send(request.as_bytes()).expect("send"), request.len());
    socket
}

fn push(server: &Server, from: &Person, to: &Person, msg_id: &str) -> Answer {
    let token = from.token();
    let body = body_of(&to_user(&to.uid, msg_id, "hi"));
    let headers = [("FZM-SIGNATURE", token.as_str())];
    post_form(server.addresses.http, "/record/push", &headers, ("message", &body))
}

/// A burst of two seconds' worth, and the rate from then on.
fn allowed(rate: f64, began: Instant) -> f64 {
    rate.mul_add(began.elapsed().as_secs_f64(), 2.0 * rate) + 1.0
}

#[test]
fn the_rate_of_messages_holds_for_pushes_over_http() {
    let server = Setup::default().variable("COMET_GATEWAY__MESSAGE_RATE", &10).start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let began = Instant::now();
    let codes: Vec<i64> = (0..300)
        .map(|number| push(&server, &alice, &bob, &format!("m-{number}")).envelope().0)
        .collect();
    let taken = codes.iter().filter(|code| **code == 0).count();
    assert!(taken >= 20, "{taken}");
    assert!(taken as f64 <= allowed(10.0, began), "{taken} in {:?}", began.elapsed());
    assert!(codes.iter().all(|code| [0, -5001].contains(code)), "{codes:?}");
    assert_eq!(server.metric("comet_store_over_rate_total"), 300 - taken as u64);
    // It is alice's rate only.
    assert_eq!(push(&server, &bob, &alice, "m-1").envelope().0, 0);
}

#[test]
fn the_rate_of_messages_is_one_for_all_ways_in() {
    let server = Setup::default().variable("COMET_GATEWAY__MESSAGE_RATE", &10).start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut tcp = server.client(Transport::Tcp, &alice, None);
    let mut web = server.client(Transport::WebSocket, &alice, None);
    let began = Instant::now();
    for number in 0..8 {
        tcp.post(&to_user(&bob.uid, &format!("t-{number}"), "hi"));
        web.post(&to_user(&bob.uid, &format!("w-{number}"), "hi"));
    }
    let stored = "comet_store_stored_total";
    clock::eventually("sixteen are stored", || server.metric(stored) == 16);
    for number in 0..40 {
        push(&server, &alice, &bob, &format!("m-{number}")).envelope();
    }
    let taken = server.metric(stored);
    assert!(taken as f64 <= allowed(10.0, began), "{taken} in {:?}", began.elapsed());
    assert!(taken >= 20, "{taken}");
}
