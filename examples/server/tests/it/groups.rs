//! Groups, as clients see them: over HTTP and on their sockets, on each database.

use comet_dtalk::code::Code;
use comet_dtalk::group::Notice;
use comet_dtalk::message::{MsgType, Signal};
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::http::post_form;
use comet_server_testkit::message::{Delivered, body_of, to_group};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Server;
use comet_sql_testing::{Kind, Server as DatabaseServer};
use comet_testkit::frame::DELIVER;
use prost::Message as _;
use serde_json::{Value, json};

use crate::database::{on_each_kind, setup_on};

/// A server, with its database.
struct World {
    server: Server,
    _database: Option<DatabaseServer>,
}

impl World {
    fn on(kind: Kind) -> Self {
        let (database, setup) = setup_on(kind);
        let server = setup.start();
        Self { server, _database: database }
    }

    fn post(&self, person: &Person, route: &str, body: &Value) -> (i64, Value) {
        let path = format!("/group/app/{route}");
        self.server.post(&path, Some(person), &body.to_string()).envelope()
    }

    fn does(&self, person: &Person, route: &str, body: &Value) -> Value {
        let (result, data) = self.post(person, route, body);
        assert_eq!(result, 0, "{route} {body}: {data}");
        data
    }

    /// Makes a group of the first person with the others.
    fn group(&self, people: &[&Person]) -> i64 {
        let members: Vec<&str> = people[1..].iter().map(|person| &*person.uid).collect();
        let asked = json!({"name": "🙂 name", "avatar": "", "introduce": "", "memberIds": members});
        let group = self.does(people[0], "create-group", &asked);
        let id = group["id"].as_i64().expect("an id");
        assert_eq!(group["idStr"], json!(id.to_string()));
        assert_eq!(group["memberNum"], json!(people.len()));
        id
    }

    /// The code of a message that is sent to the group over HTTP.
    fn sends(&self, person: &Person, group: i64, msg_id: &str) -> i64 {
        let token = person.token();
        let headers = [("FZM-SIGNATURE", token.as_str())];
        let body = body_of(&to_group(group, msg_id, "hi"));
        let part = ("message", &*body);
        post_form(self.server.addresses.http, "/record/push", &headers, part).envelope().0
    }
}

/// The next deliveries of a client, in short.
fn sees(client: &mut Client, count: usize) -> Vec<String> {
    let next = |_| {
        let frame = client.receive();
        assert_eq!(frame.op, DELIVER, "{frame:?}");
        client.ack(frame.seq);
        match Delivered::by(&frame) {
            Delivered::Signal(Signal { r#type, .. }) => format!("signal {}", r#type),
            Delivered::Message(common) if common.msg_type == MsgType::Notice as i32 => {
                assert!(!common.from.is_empty() && !common.msg_id.is_empty(), "{common:?}");
                format!("notice {}", Notice::decode(common.msg).expect("a notice").r#type)
            }
            Delivered::Message(common) => common.msg_id.clone(),
        }
    };
    (0..count).map(next).collect()
}

on_each_kind!(
    members_talk_and_a_phone_that_was_away_gets_all_of_it,
    a_member_who_is_removed_learns_of_it_and_gets_nothing_after_it,
    a_newcomer_gets_what_comes_after_the_entry,
    mutes_hold_where_messages_are_sent,
    a_group_that_is_disbanded_is_over_for_everybody,
);

fn members_talk_and_a_phone_that_was_away_gets_all_of_it(kind: Kind) {
    let mut world = World::on(kind);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Person::new);
    let mut of_alice = world.server.client(Transport::Tcp, &alice, Some(&browser("a")));
    let mut of_bob = world.server.client(Transport::WebSocket, &bob, Some(&phone("b")));
    let group = world.group(&[&alice, &bob, &carol]);
    for client in [&mut of_alice, &mut of_bob] {
        assert_eq!(sees(client, 2), ["signal 10", "notice 1"]);
    }
    of_alice.ask(&to_group(group, "m-1", "hi"));
    assert_eq!(sees(&mut of_alice, 1), ["m-1"]);
    assert_eq!(sees(&mut of_bob, 1), ["m-1"]);

    let all = ["signal 10", "notice 1", "m-1"];
    let mut of_carol = world.server.client(Transport::Tcp, &carol, Some(&phone("c")));
    assert_eq!(sees(&mut of_carol, 3), all);

    // Groups are there after a restart, and so is what a phone has.
    assert!(world.server.stop().success());
    world.server.restart();
    let mut of_carol = world.server.client(Transport::Tcp, &carol, Some(&phone("c")));
    let mut of_alice = world.server.client(Transport::Tcp, &alice, Some(&browser("a")));
    of_alice.ask(&to_group(group, "m-2", "hi"));
    assert_eq!(sees(&mut of_carol, 1), ["m-2"]);
    let listed = world.does(&carol, "group-list", &json!({}));
    assert_eq!(listed["groups"][0]["id"], json!(group));
}

fn a_member_who_is_removed_learns_of_it_and_gets_nothing_after_it(kind: Kind) {
    let world = World::on(kind);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Person::new);
    let group = world.group(&[&alice, &bob, &carol]);
    let mut of_bob = world.server.client(Transport::Tcp, &bob, Some(&phone("b")));
    let mut of_carol = world.server.client(Transport::Tcp, &carol, Some(&phone("c")));
    for client in [&mut of_bob, &mut of_carol] {
        assert_eq!(sees(client, 2), ["signal 10", "notice 1"]);
    }
    world.does(&alice, "group-remove", &json!({"id": group, "memberIds": [bob.uid]}));
    assert_eq!(world.sends(&alice, group, "m-1"), 0);
    for client in [&mut of_bob, &mut of_carol] {
        assert_eq!(sees(client, 2), ["notice 3", "signal 11"]);
    }
    assert_eq!(sees(&mut of_carol, 1), ["m-1"]);
    assert_eq!(world.sends(&bob, group, "m-2"), i64::from(Code::NOT_IN_GROUP.0));
    of_bob.beat();

    // The same for a phone that is away when it happens.
    drop(of_carol);
    world.does(
        &alice,
        "group-remove",
        &json!({"idStr": group.to_string(), "memberIds": [carol.uid]}),
    );
    assert_eq!(world.sends(&alice, group, "m-3"), 0);
    let mut of_carol = world.server.client(Transport::Tcp, &carol, Some(&phone("c")));
    assert_eq!(sees(&mut of_carol, 2), ["notice 3", "signal 11"]);
    of_carol.beat();
}

fn a_newcomer_gets_what_comes_after_the_entry(kind: Kind) {
    let world = World::on(kind);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Person::new);
    let group = world.group(&[&alice, &bob]);
    assert_eq!(world.sends(&alice, group, "before"), 0);
    let mut of_carol = world.server.client(Transport::Tcp, &carol, Some(&phone("c")));
    world.does(&carol, "join-group", &json!({"id": group}));
    assert_eq!(world.sends(&bob, group, "after"), 0);
    assert_eq!(sees(&mut of_carol, 3), ["signal 10", "notice 1", "after"]);

    let history = |person: &Person| {
        let asked = json!({"id": group, "count": 100, "logId": ""}).to_string();
        let path = "/store/app/group-chat-record";
        let answer = world.server.post(path, Some(person), &asked).data();
        let records = answer["records"].as_array().expect("records").clone();
        let text = records.into_iter().filter(|record| record["msgType"] == json!(1));
        text.map(|record| record["msgId"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(history(&bob), ["after", "before"]);
    assert_eq!(history(&carol), ["after"]);
    let asked = json!({"id": group, "count": 100, "logId": ""}).to_string();
    let outsider = Person::new("mallory");
    let refused = world.server.post("/store/app/group-chat-record", Some(&outsider), &asked);
    assert_eq!(refused.code(), i64::from(Code::NOT_IN_GROUP.0));
}

fn mutes_hold_where_messages_are_sent(kind: Kind) {
    let world = World::on(kind);
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let group = world.group(&[&alice, &bob]);
    let mute = |time: i64| {
        let asked = json!({"id": group, "memberIds": [bob.uid], "muteTime": time});
        world.does(&alice, "member/muteTime", &asked);
    };
    mute(60_000);
    assert_eq!(world.sends(&bob, group, "m-1"), i64::from(Code::MESSAGE_NOT_SENT.0));
    mute(0);
    assert_eq!(world.sends(&bob, group, "m-1"), 0);
    world.does(&alice, "muteType", &json!({"id": group, "muteType": 1}));
    assert_eq!(world.sends(&bob, group, "m-2"), i64::from(Code::MESSAGE_NOT_SENT.0));
    assert_eq!(world.sends(&alice, group, "m-3"), 0);
    let (code, _) = world.post(&bob, "muteType", &json!({"id": group, "muteType": 0}));
    assert_eq!(code, -10012);
}

fn a_group_that_is_disbanded_is_over_for_everybody(kind: Kind) {
    let world = World::on(kind);
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let group = world.group(&[&alice, &bob]);
    let mut of_bob = world.server.client(Transport::WebSocket, &bob, Some(&phone("b")));
    assert_eq!(sees(&mut of_bob, 2), ["signal 10", "notice 1"]);
    let (code, _) = world.post(&bob, "group-disband", &json!({"id": group}));
    assert_eq!(code, -10024);
    world.does(&alice, "group-disband", &json!({"id": group}));
    assert_eq!(sees(&mut of_bob, 2), ["notice 4", "signal 12"]);
    for person in [&alice, &bob] {
        assert_eq!(world.sends(person, group, "m-1"), -10002);
    }
    assert_eq!(world.does(&bob, "group-list", &json!({}))["groups"], json!([]));
}
