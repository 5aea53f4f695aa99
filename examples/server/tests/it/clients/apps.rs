//! Users of several apps on one server: the same key is another user in each, who sees the users of
//! his own app only.

use comet_dtalk::message::Login;
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::{Server, Setup};
use comet_sql_testing::Kind;
use comet_testkit::frame::{AUTH_REPLY, auth_of, frame};
use prost::Message as _;

use crate::database::{on_each_kind, setup_on};

fn two_apps(setup: Setup) -> Server {
    setup.set("apps=['dtalk','zoo']").start()
}

fn signed_in(app: &str, server: &Server, person: &Person, login: &Login) -> Client {
    let mut client = Client::connect(Transport::WebSocket, &server.addresses);
    let seq = client.next_seq();
    client.send(&auth_of(app, seq, &person.token(), login.encode_to_vec()));
    assert_eq!(client.receive(), frame(AUTH_REPLY, seq, ""), "accepted");
    client
}

on_each_kind!(a_message_reaches_the_user_of_the_senders_app_now_and_later_and_no_other);

fn a_message_reaches_the_user_of_the_senders_app_now_and_later_and_no_other(kind: Kind) {
    let (_database, setup) = setup_on(kind);
    let server = two_apps(setup);
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut of_dtalk = signed_in("dtalk", &server, &bob, &phone("one"));
    let mut of_zoo = signed_in("zoo", &server, &bob, &phone("two"));
    let mut sender = signed_in("zoo", &server, &alice, &browser("three"));
    let sent = sender.ask(&to_user(&bob.uid, "m-1", "in the zoo"));
    let got = of_zoo.takes(1).message();
    assert_eq!((got.log_id, &*got.msg), (sent.log_id, &b"in the zoo"[..]));
    assert_eq!((got.from, got.target), (alice.uid.clone(), bob.uid.clone()), "bare ids");
    of_dtalk.beat();
    drop(of_zoo);
    // The same client's id, from the same key: another sender, so no repeat.
    let mut other = signed_in("dtalk", &server, &alice, &browser("three"));
    let again = other.ask(&to_user(&bob.uid, "m-1", "not in the zoo"));
    assert_ne!(again.log_id, sent.log_id);
    assert_eq!(&*of_dtalk.takes(1).message().msg, b"not in the zoo");
    let later = sender.ask_among(&to_user(&bob.uid, "m-2", "later"));
    let mut back = signed_in("zoo", &server, &bob, &phone("two"));
    let got = back.takes(1).message();
    assert_eq!((got.log_id, got.from), (later.log_id, alice.uid));
    back.beat();
    of_dtalk.beat();
}

#[test]
fn nobody_writes_to_a_user_of_another_app() {
    let server = two_apps(Setup::default());
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut of_zoo = signed_in("zoo", &server, &bob, &phone("one"));
    let mut sender = signed_in("dtalk", &server, &alice, &browser("two"));
    sender.post(&to_user(&format!("zoo:{}", bob.uid), "m-1", "hello"));
    sender.beat();
    of_zoo.beat();
}

#[test]
fn an_app_with_a_colon_is_refused_at_start() {
    let (status, errors) = Setup::default().set("apps=['dtalk','a:b']").fails();
    assert!(!status.success());
    assert!(errors.contains("without a colon, not \"a:b\""), "{errors}");
}
