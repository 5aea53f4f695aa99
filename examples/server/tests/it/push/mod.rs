//! Pushes to phones that do not acknowledge, from the socket to the vendor, on each database.

mod load;
mod phone;

use std::time::{Duration, Instant};

use comet_dtalk::message::{Device, Login};
use comet_server_testkit::client::Transport;
use comet_server_testkit::http::post_form;
use comet_server_testkit::message::{body_of, to_group, to_user};
use comet_server_testkit::person::{Person, browser, device};
use comet_server_testkit::server::{Addresses, Server, Setup};
use comet_sql_testing::{Kind, Server as DatabaseServer};
use comet_testkit::clock::eventually;
use comet_testkit::program::Signal;
use serde_json::json;

use crate::database::{on_each_kind, setup_on};
use crate::push::phone::PhoneProcess;

on_each_kind!(
    a_frozen_phone_is_pushed_and_one_that_acknowledges_never,
    members_of_a_group_are_pushed_unless_a_phone_of_theirs_has_the_message,
    a_kill_neither_loses_nor_repeats_a_push,
);

/// Age at which a message is pushed.
const AFTER: Duration = Duration::from_secs(2);
/// Time within which it is, from then on.
const WITHIN: Duration = Duration::from_secs(1);

fn setup(kind: Kind) -> (Setup, Option<DatabaseServer>) {
    let (database, setup) = setup_on(kind);
    let setup = setup.flag("log", &"warn,comet_push=info");
    let setup = setup.set("push.android='log'").set("push.ios='log'");
    (setup.set(&format!("push.after_seconds={}", AFTER.as_secs())), database)
}

/// A login on a phone whose system is reached by this token.
pub(super) fn reachable(kind: Device, uuid: &str) -> Login {
    Login { device_token: format!("token of {uuid}"), ..device(kind, uuid) }
}

/// Sends over HTTP, so that no session gets the message but the receivers'.
fn send(addresses: &Addresses, from: &Person, common: &comet_dtalk::message::Common) -> i64 {
    let token = from.token();
    let headers = [("FZM-SIGNATURE", token.as_str())];
    let (body, part) = (body_of(common), "message");
    let answer = post_form(addresses.http, "/record/push", &headers, (part, &*body));
    let (result, data) = answer.envelope();
    assert_eq!(result, 0, "{data}");
    data["logId"].as_str().and_then(|id| id.parse().ok()).or(data["logId"].as_i64()).expect("an id")
}

/// Registers phones of these people, which are then switched off.
fn switched_off(server: &Server, people: &[&Person]) {
    for (n, person) in people.iter().enumerate() {
        let kind = if n % 2 == 0 { Device::Android } else { Device::Ios };
        drop(server.client(Transport::Tcp, person, Some(&reachable(kind, &format!("p-{n}")))));
    }
}

/// Pushes in the log: user and message.
fn pushed(server: &Server) -> Vec<(String, i64)> {
    let value = |line: &str, name: &str| {
        let value = line.split_once(&format!(" {name}="))?.1.split(' ').next()?;
        Some(value.trim_matches('"').to_owned())
    };
    let log = server.process.errors();
    let lines = log.lines().filter(|line| line.contains(": push "));
    let push = |line: &str| Some((value(line, "user")?, value(line, "log_id")?.parse().ok()?));
    lines.map(|line| push(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

fn a_frozen_phone_is_pushed_and_one_that_acknowledges_never(kind: Kind) {
    let (setup, _database) = setup(kind);
    let server = setup.start();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Person::new);
    let frozen = PhoneProcess::start(&server, "carol");
    let _awake = PhoneProcess::start(&server, "bob");
    for n in 0..3 {
        send(&server.addresses, &alice, &to_user(&carol.uid, &format!("c-{n}"), "hi"));
        send(&server.addresses, &alice, &to_user(&bob.uid, &format!("b-{n}"), "hi"));
    }
    // Both phones work.
    server.awaits_metric("comet_gateway_acks_total", 6);
    frozen.freeze();
    send(&server.addresses, &alice, &to_user(&bob.uid, "b-3", "hi"));
    let sent = Instant::now();
    let message = send(&server.addresses, &alice, &to_user(&carol.uid, "c-3", "hi"));
    server.awaits_metric("comet_push_sent_total", 1);
    let waited = sent.elapsed();
    assert!((AFTER..AFTER + WITHIN).contains(&waited), "{waited:?}");
    assert_eq!(server.metric("comet_gateway_sessions"), 2, "the session is still there");
    assert_eq!(pushed(&server), [(carol.uid.clone(), message)]);
    assert_eq!(server.metric("comet_push_due_total"), 1);

    // What it acknowledges late is not pushed again, nor is what it then acknowledges in time.
    frozen.thaw();
    server.awaits_metric("comet_gateway_acks_total", 8);
    send(&server.addresses, &alice, &to_user(&carol.uid, "c-4", "hi"));
    server.awaits_metric("comet_gateway_acks_total", 9);
    let [dave] = ["dave"].map(Person::new);
    switched_off(&server, &[&dave]);
    let last = send(&server.addresses, &alice, &to_user(&dave.uid, "d-1", "hi"));
    server.awaits_metric("comet_push_sent_total", 2);
    assert_eq!(pushed(&server), [(carol.uid, message), (dave.uid, last)]);
}

fn members_of_a_group_are_pushed_unless_a_phone_of_theirs_has_the_message(kind: Kind) {
    let (setup, _database) = setup(kind);
    let server = setup.start();
    let names = ["alice", "bob", "carol", "dave", "erin"];
    let [alice, bob, carol, dave, erin] = names.map(Person::new);
    switched_off(&server, &[&alice, &carol, &dave]);
    let _awake = PhoneProcess::start(&server, "bob");
    // Without a phone.
    let desktop = server.client(Transport::Tcp, &erin, Some(&browser("b-1")));
    let members = [&bob, &carol, &dave, &erin].map(|person| &*person.uid);
    let asked = json!({"name": "Lobby", "avatar": "", "introduce": "", "memberIds": members});
    let answer = server.post("/group/app/create-group", Some(&alice), &asked.to_string());
    let group = answer.envelope().1["id"].as_i64().expect("an id");
    let message = send(&server.addresses, &alice, &to_group(group, "m-1", "hi"));
    // On a desktop of hers, which does not count.
    let reader = server.client(Transport::Tcp, &carol, Some(&browser("b-2")));
    server.awaits_metric("comet_push_sent_total", 2);
    let mut found = pushed(&server);
    found.sort();
    let mut expected = [(carol.uid.clone(), message), (dave.uid.clone(), message)];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(server.metric("comet_push_due_total"), 3);
    assert_eq!(server.metric("comet_push_unreachable_total"), 1, "erin has no phone");

    // Members that have left get none, and no notice is pushed.
    let asked = json!({ "id": group, "memberIds": [dave.uid] });
    let answer = server.post("/group/app/group-remove", Some(&alice), &asked.to_string());
    assert_eq!(answer.envelope().0, 0);
    let message = send(&server.addresses, &bob, &to_group(group, "m-2", "hi"));
    server.awaits_metric("comet_push_sent_total", 4);
    let mut found = pushed(&server).split_off(2);
    found.sort();
    let mut expected = [(alice.uid, message), (carol.uid, message)];
    expected.sort();
    assert_eq!(found, expected);
    drop((desktop, reader));
}

fn a_kill_neither_loses_nor_repeats_a_push(kind: Kind) {
    let (setup, _database) = setup(kind);
    let mut server = setup.start();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Person::new);
    switched_off(&server, &[&bob, &carol]);
    let first = send(&server.addresses, &alice, &to_user(&bob.uid, "m-1", "hi"));
    server.kill();
    server.restart();
    eventually("the push of the first run", || !pushed(&server).is_empty());
    server.awaits_metric("comet_push_sent_total", 1);

    // The mark of it is written within a second, and at a stop.
    assert!(server.stop().success());
    server.restart();
    let second = send(&server.addresses, &alice, &to_user(&carol.uid, "m-2", "hi"));
    server.awaits_metric("comet_push_sent_total", 1);
    assert_eq!(pushed(&server), [(bob.uid, first), (carol.uid, second)]);
    server.process.signal(Signal::TERM);
    assert!(server.process.ended().success());
}
