//! Typing marks, between clients of the comet dialect.

use comet_dtalk::code::Code;
use comet_dtalk::message::{Proto, Signal, SignalTyping};
use comet_server_testkit::client::Transport;
use comet_server_testkit::comet::connect;
use comet_server_testkit::message::{body_of, to_group};
use comet_server_testkit::person::{Person, browser};
use comet_server_testkit::server::Server;
use comet_testkit::comet::{Comet, Failure, Hello, op, packet};
use comet_testkit::frame::Frame;
use prost::Message as _;
use serde_json::json;

/// Signs in with tickets and latest deliveries.
fn open(server: &Server, person: &Person) -> Comet {
    let mut client = connect(Transport::WebSocket, &server.addresses);
    let login = browser(&person.uid).encode_to_vec();
    client.ask(&Hello::new(&person.token(), login)).expect("a session");
    client
}

fn typing(channel_type: i32, target: &str, from: &str) -> SignalTyping {
    let (target, from) = (target.into(), from.into());
    SignalTyping { channel_type, target, from, ..SignalTyping::default() }
}

fn body(typing: &SignalTyping) -> Vec<u8> {
    let (r#type, body) = (60, typing.encode_to_vec().into());
    let signal = Signal { r#type, body, ..Signal::default() };
    Proto { event_type: 2, body: signal.encode_to_vec().into() }.encode_to_vec()
}

/// The key of a latest delivery, and its mark without the time, which is that of the server.
fn mark_in(frame: &Frame) -> (String, SignalTyping) {
    assert_eq!((frame.op, frame.seq), (op::LATEST, 0), "{frame:?}");
    let (key, body) = frame.body[1..].split_at(frame.body[0].into());
    let proto = Proto::decode(body).expect("a Proto");
    let signal = Signal::decode(proto.body).expect("a Signal");
    assert_eq!((proto.event_type, signal.r#type), (2, 60));
    let mut mark = SignalTyping::decode(signal.body).expect("a mark");
    assert!(mark.datetime > 1_700_000_000_000, "{mark:?}");
    mark.datetime = 0;
    (String::from_utf8(key.to_vec()).expect("text"), mark)
}

#[test]
fn marks_reach_the_comet_clients_of_the_other_side_only() {
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let (mut of_alice, mut of_bob) = (open(&server, &alice), open(&server, &bob));
    let mut dtalk = server.client(Transport::Tcp, &bob, None);
    of_alice.say(
        1,
        0,
        &body(&SignalTyping { datetime: 7, ..typing(0, &bob.uid, "somebody else") }),
    );
    assert_eq!(of_alice.receive(), packet(op::SEND_REPLY, 0, 1, b""));

    let told = (format!("typing:{}", alice.uid), typing(0, &bob.uid, &alice.uid));
    assert_eq!(mark_in(&of_bob.receive()), told);
    dtalk.beat();
}

#[test]
fn marks_in_a_group_need_the_rights_of_a_message() {
    let server = Server::start();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Person::new);
    let asked = json!({"name": "g", "memberIds": [bob.uid]}).to_string();
    let group = server.post("/group/app/create-group", Some(&alice), &asked).data();
    let group = group["idStr"].as_str().expect("an id").to_owned();
    let mut of_bob = open(&server, &bob);
    let mut of_carol = open(&server, &carol);
    let mut of_alice = open(&server, &alice);
    // Once a message comes the session is in the group's room.
    of_alice.say(1, 0, &body_of(&to_group(group.parse().expect("an id"), "m-1", "hi")));
    for client in [&mut of_alice, &mut of_bob] {
        while client.receive().op != op::DELIVER {}
    }

    of_carol.say(1, 0, &body(&typing(1, &group, "")));
    let refusal = of_carol.receive();
    assert_eq!((refusal.op, refusal.ack), (op::REFUSAL, 1));
    let refusal = Failure::of(&refusal);
    assert_eq!((refusal.code, refusal.retryable), (Code::NOT_IN_GROUP.0, false));

    of_alice.say(2, 1, &body(&typing(1, &group, "")));
    let told = (format!("typing:{group}"), typing(1, &group, &alice.uid));
    assert_eq!(mark_in(&of_bob.receive()), told);
}
