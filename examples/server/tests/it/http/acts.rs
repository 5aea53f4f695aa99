//! Revoking and marking.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::{SignalFocus, SignalRevoke, SignalType};
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::http::Answer;
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::{Person, phone};
use comet_server_testkit::server::Server;
use serde_json::{Value, json};

/// A message between two users, and a third one.
struct Scene {
    server: Server,
    alice: Person,
    bob: Person,
    of_alice: Client,
    of_bob: Client,
    log_id: i64,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        let [alice, bob] = ["alice", "bob"].map(Person::new);
        let mut of_alice = server.client(Transport::Tcp, &alice, None);
        let mut of_bob = server.client(Transport::WebSocket, &bob, None);
        let log_id = of_alice.ask(&to_user(&bob.uid, "m-1", "hi")).log_id;
        of_alice.takes(1);
        of_bob.takes(1);
        Self { server, alice, bob, of_alice, of_bob, log_id }
    }

    fn act(&self, path: &str, person: &Person, request: &Value) -> Answer {
        self.server.post(path, Some(person), &request.to_string())
    }

    fn this(&self) -> Value {
        json!({ "type": 0, "logId": self.log_id })
    }

    fn records_of(&self, person: &Person) -> Value {
        let request = json!({ "count": 20 });
        self.act("/app/record/sync-record", person, &request).data()["record_count"].clone()
    }
}

const REVOKE: &str = "/app/record/revoke";
const FOCUS: &str = "/app/record/focus";

#[test]
fn what_its_author_takes_back_is_gone_for_everybody() {
    let mut scene = Scene::new();
    assert_eq!(scene.act(REVOKE, &scene.alice, &scene.this()).data(), json!({}));
    let mid = scene.log_id;
    let expected = SignalRevoke { mid, operator: scene.alice.uid.clone(), by_sender: true };
    for client in [&mut scene.of_alice, &mut scene.of_bob] {
        let signal: SignalRevoke = client.takes(2).signal(SignalType::Revoke);
        assert_eq!(signal, expected);
    }
    assert_eq!(
        (scene.records_of(&scene.alice), scene.records_of(&scene.bob)),
        (json!(0), json!(0))
    );
    let history = json!({ "targetId": scene.bob.uid, "count": 100 });
    let history = scene.act("/store/app/pri-chat-record", &scene.alice, &history).data();
    assert_eq!(history["record_count"], 0);

    // It was sent all the same: a repeat is delivered to nobody.
    let repeat = to_user(&scene.bob.uid, "m-1", "hi");
    assert_eq!(scene.of_alice.ask(&repeat).log_id, mid);
    scene.of_alice.beat();
    scene.of_bob.beat();
}

#[test]
fn a_phone_that_was_away_gets_the_signal_and_not_the_message() {
    let scene = Scene::new();
    // One client sends ids as text.
    let request = json!({ "type": 0, "logId": scene.log_id.to_string() });
    scene.act(REVOKE, &scene.alice, &request).data();
    let mut mobile = scene.server.client(Transport::Tcp, &scene.bob, Some(&phone("p-1")));
    let signal: SignalRevoke = mobile.takes(1).signal(SignalType::Revoke);
    assert_eq!(signal.mid, scene.log_id);
    mobile.beat();
}

#[test]
fn nobody_else_may_take_it_back() {
    let mut scene = Scene::new();
    let stranger = Person::new("a stranger");
    let unknown = json!({ "type": 0, "logId": scene.log_id + 1 });
    let wrong_kind = json!({ "type": 1, "logId": scene.log_id });
    for (person, request) in [
        (&scene.bob, scene.this()),
        (&stranger, scene.this()),
        (&scene.alice, unknown),
        (&scene.alice, wrong_kind),
    ] {
        let answer = scene.act(REVOKE, person, &request);
        assert_eq!(answer.code(), -1000, "{request}");
        assert!(answer.text().contains(r#""message":"permission denied""#), "{}", answer.text());
    }
    for request in [
        json!({ "type": 2, "logId": scene.log_id }),
        json!({ "type": 0, "logId": 0 }),
        json!({ "type": 0, "logId": 1_i64 << 53 }),
        json!({ "type": 0 }),
        json!({ "logId": scene.log_id }),
    ] {
        assert_eq!(scene.act(REVOKE, &scene.alice, &request).code(), -1012, "{request}");
    }
    scene.of_alice.beat();
    scene.of_bob.beat();
    assert_eq!(scene.records_of(&scene.bob), 1);
}

#[test]
fn its_receiver_marks_it_once_and_the_author_learns_of_it() {
    let mut scene = Scene::new();
    let before = unix_ms();
    for _ in 0..2 {
        assert_eq!(scene.act(FOCUS, &scene.bob, &scene.this()).data(), json!({}));
    }
    let signal: SignalFocus = scene.of_alice.takes(2).signal(SignalType::FocusMessage);
    assert!((before..=unix_ms()).contains(&signal.time));
    let (mid, uid, time) = (scene.log_id, scene.bob.uid.clone(), signal.time);
    assert_eq!(signal, SignalFocus { mid, uid, current_num: 1, time });
    scene.of_alice.beat();

    assert_eq!(scene.act(FOCUS, &scene.alice, &scene.this()).code(), -1000, "by the author");
    assert_eq!(scene.act(FOCUS, &Person::new("a stranger"), &scene.this()).code(), -1000);
    assert_eq!(scene.records_of(&scene.bob), 1);
}
