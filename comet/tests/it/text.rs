//! The text dialect: JSON objects in text messages.

use comet::{Closed, Config, Delivery, Dialect, Identity, Listen, Overflow};
use comet_testkit::client::{Client, Transport};
use comet_testkit::websocket::{self, BINARY, CLOSE, FIN, TEXT, masked};
use serde_json::{Value, json};

use crate::support::gateway::{Server, Setup, anywhere, config};

/// Where the text listener is among the addresses.
const AT: usize = 2;

fn start(config: Config) -> Server {
    Setup::new(config)
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Text))
        .on_connect(|_, request, reply| match &*request.token {
            "" => reply.refuse("who are you?"),
            user => reply.accept(Identity::new(request.app, user)),
        })
        .on_message(|_, _, _, message, receipt| receipt.ack(message.body))
        .start()
}

/// A client of a few lines.
struct Ten(Client);

impl Ten {
    fn connect(server: &Server) -> Self {
        let socket = websocket::upgrade(server.gateway.addresses()[AT], "/sub");
        Self(Client::over(Transport::WebSocket, socket))
    }

    fn open(server: &Server, user: &str) -> Self {
        let mut client = Self::connect(server);
        client.say(&json!({ "t": "connect", "token": user }));
        let welcome = json!({ "t": "connected", "user": user, "heartbeat": 25_000 });
        assert_eq!(client.hear(), welcome);
        client
    }

    fn say(&mut self, object: &Value) {
        self.0.socket.write(masked(FIN | TEXT, object.to_string().as_bytes()));
    }

    fn hear(&mut self) -> Value {
        let message = self.0.receive_ws();
        assert_eq!(message.first, FIN | TEXT);
        serde_json::from_slice(&message.payload).expect("JSON")
    }
}

#[test]
fn members_of_a_room_join_publish_hear_acknowledge_and_leave() {
    [1, 2].into_iter().for_each(|shards| {
        let server = start(config(shards));
        let mut alice = Ten::open(&server, "alice");
        let mut bob = Ten::open(&server, "bob");
        for client in [&mut alice, &mut bob] {
            client.say(&json!({ "t": "join", "room": "lobby", "id": 1 }));
            assert_eq!(client.hear(), json!({ "t": "ok", "id": 1 }));
        }
        alice.say(&json!({ "t": "publish", "id": 2, "room": "lobby", "text": "héllo \"you\"" }));
        let delivery = |seq: u32, room| {
            json!({ "t": "deliver", "seq": seq, "room": room, "text": "héllo \"you\"" })
        };
        assert_eq!(bob.hear(), delivery(1, "lobby"));
        let mut heard = [alice.hear(), alice.hear()];
        heard.sort_by_key(|object| object["t"] == "ok");
        assert_eq!(heard, [delivery(1, "lobby"), json!({ "t": "ok", "id": 2 })]);
        for client in [&mut alice, &mut bob] {
            client.say(&json!({ "t": "ack", "seq": 1 }));
        }
        comet_testkit::clock::eventually("both are acknowledged", || server.stats().acks == 2);
        bob.say(&json!({ "t": "leave", "room": "lobby" }));
        bob.say(&json!({ "t": "ping" }));
        assert_eq!(bob.hear(), json!({ "t": "pong" }), "a leave without an id is not answered");
        assert_eq!(server.stats().sessions_by_dialect().find(|it| it.1 > 0), Some((Dialect::Text, 2)));
    });
}

#[test]
fn what_the_router_refuses_is_an_error_of_that_id() {
    let server = start(config(1));
    let mut alice = Ten::open(&server, "alice");
    alice.say(&json!({ "t": "join", "room": "closed", "id": 9 }));
    let error = json!({ "t": "error", "id": 9, "code": 1_000, "text": "refused" });
    assert_eq!(alice.hear(), error);
}

#[test]
fn messages_go_to_the_router_whose_replies_are_text_or_base64() {
    let server = start(config(1));
    let mut alice = Ten::open(&server, "alice");
    alice.say(&json!({ "t": "publish", "id": 3, "text": "echo" }));
    assert_eq!(alice.hear(), json!({ "t": "ok", "id": 3, "text": "echo" }));
    alice.say(&json!({ "t": "publish", "id": 4, "base64": "/wA=" }));
    assert_eq!(alice.hear(), json!({ "t": "ok", "id": 4, "base64": "/wA=" }));
    let session = server.log.peer("alice").session();
    server.gateway.push(session, Delivery::best_effort(vec![255, 0])).unwrap();
    assert_eq!(alice.hear(), json!({ "t": "deliver", "seq": 0, "base64": "/wA=" }));
}

#[test]
fn objects_that_cannot_be_understood_are_errors_and_close_nothing() {
    let server = start(config(1));
    let mut alice = Ten::open(&server, "alice");
    let error = |problem: &str| json!({ "t": "error", "code": 2, "text": problem });
    alice.say(&json!({ "t": "dance", "id": 5 }));
    let mut expected = error("unknown t");
    expected["id"] = 5.into();
    assert_eq!(alice.hear(), expected);
    alice.0.socket.write(masked(FIN | TEXT, b"{"));
    assert_eq!(alice.hear(), error("not JSON"));
    alice.0.socket.write(masked(FIN | BINARY, b"[1]"));
    assert_eq!(alice.hear(), error("not an object"));
    alice.say(&json!({ "t": "ping", "more": { "of": ["it"] } }));
    assert_eq!(alice.hear(), json!({ "t": "pong" }));
}

#[test]
fn a_refused_client_is_told_why_before_it_is_closed() {
    let server = start(config(1));
    let mut nobody = Ten::connect(&server);
    nobody.say(&json!({ "t": "connect", "token": "" }));
    assert_eq!(nobody.hear(), json!({ "t": "bye", "code": 5, "text": "who are you?" }));
    assert_eq!(nobody.0.receive_ws().first, FIN | CLOSE);
    let mut mute = Ten::connect(&server);
    mute.say(&json!({ "t": "dance" }));
    assert_eq!(mute.hear()["t"], "bye");
    assert_eq!(mute.0.receive_ws().first, FIN | CLOSE);
    comet_testkit::clock::eventually("both have ended", || {
        server.ended_as(&Closed::Refused) + server.ended_as(&Closed::BadAuth) == 2
    });
}

#[test]
fn a_client_that_falls_behind_is_told_which_deliveries_are_missing() {
    let limits = config(1).delivery(|it| {
        it.window = 1;
        it.queue = 2;
        it.overflow = Overflow::DropOldest;
    });
    let server = start(limits);
    let mut alice = Ten::open(&server, "alice");
    let session = server.log.peer("alice").session();
    for number in 1..=9u64 {
        let delivery = Delivery::acked(number.to_string()).position(number);
        server.gateway.push(session, delivery).unwrap();
    }
    let (mut count, mut last) = (0, 0);
    while last < 9 {
        let object = alice.hear();
        if object["t"] == "gap" {
            count += object["count"].as_u64().unwrap();
            assert!(object["to"].as_u64() >= object["from"].as_u64());
            alice.say(&json!({ "t": "ack", "seq": object["to"] }));
        } else {
            last = object["text"].as_str().unwrap().parse().unwrap();
            count += 1;
            alice.say(&json!({ "t": "ack", "seq": object["seq"] }));
        }
    }
    assert_eq!(count, 9, "all are there or told to be missing");
}

#[test]
fn the_subprotocol_is_offered_and_not_required() {
    let server = start(config(1));
    let address = server.gateway.addresses()[AT];
    for (offer, answered) in [("", false), ("Sec-WebSocket-Protocol: comet.text\r\n", true)] {
        let mut socket = comet_testkit::socket::Socket::connect(address);
        socket.write(websocket::request("/sub", offer));
        let response = websocket::response(&mut socket);
        websocket::check_upgraded(&response);
        let has_it = response.to_ascii_lowercase().contains("sec-websocket-protocol: comet.text");
        assert_eq!(has_it, answered, "{response}");
    }
}
