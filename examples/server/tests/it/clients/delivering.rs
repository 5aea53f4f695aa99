//! Downstream messages: acks, resends, and missed messages.

use std::time::{Duration, Instant};

use comet_dtalk::message::{SignalReceived, SignalType};
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Server;
use comet_testkit::frame::frame;
use comet_testkit::protobuf::{field, varint};

fn alice_and_bob() -> [Person; 2] {
    ["alice", "bob"].map(Person::new)
}

#[test]
fn what_is_not_acknowledged_comes_again_after_two_seconds_as_the_same_frame() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut receivers = Transport::ALL.map(|transport| server.client(transport, &bob, None));
    let mut sender = server.client(Transport::Tcp, &alice, None);
    for number in 1..=2 {
        sender.ask(&to_user(&bob.uid, &format!("m-{number}"), "hi"));
        sender.takes(number);
    }
    let mut first = Vec::new();
    for receiver in &mut receivers {
        let frame = receiver.receive();
        receiver.takes(2);
        first.push((frame, Instant::now()));
    }
    for (receiver, (frame, came)) in receivers.iter_mut().zip(first) {
        assert_eq!(receiver.receive(), frame);
        let waited = came.elapsed();
        let about_two = Duration::from_millis(1_500)..Duration::from_secs(4);
        assert!(about_two.contains(&waited), "{waited:?}");
        receiver.ack(1);
        receiver.beat();
    }
    // Deliveries acknowledged at once were not sent again.
    assert_eq!(server.metric("comet_gateway_resends_total"), 3);
}

#[test]
fn the_author_learns_what_a_phone_has_received() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut desktop = server.client(Transport::WebSocket, &bob, Some(&browser("b-1")));
    let mut mobile = server.client(Transport::Tcp, &bob, Some(&phone("p-1")));
    desktop.takes(1).signal::<()>(SignalType::EndpointLogin);
    let mut author = server.client(Transport::Tcp, &alice, Some(&phone("p-2")));

    let log_id = author.ask(&to_user(&bob.uid, "m-1", "hi")).log_id;
    // An ack of the author's own phone or of a desktop does not mark it as received.
    assert_eq!(author.takes(1).message().log_id, log_id);
    assert_eq!(desktop.takes(2).message().log_id, log_id);
    desktop.beat();
    author.beat();
    assert_eq!(mobile.takes(1).message().log_id, log_id);

    let received = author.receive();
    let Delivered::Signal(signal) = Delivered::by(&received) else { panic!("a signal") };
    let sid = varint(signal.sid.unsigned_abs());
    let logs = field(2, &field(1, &varint(log_id.unsigned_abs())));
    let expected = [&logs[..], &[0x18], &sid, &[0x20, 1]].concat();
    let expected = [&[0x08, 2][..], &field(2, &expected)].concat();
    assert_eq!(received, frame(9, 2, expected));
    assert!(signal.sid > log_id && signal.sid < 1 << 53);
}

#[test]
fn a_phone_gets_what_no_phone_has_acknowledged_and_then_what_is_new() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut author = server.client(Transport::Tcp, &alice, None);
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(author.ask(&to_user(&bob.uid, &format!("m-{number}"), "hi")).log_id);
        author.takes(number);
    }

    let mut first = server.client(Transport::Tcp, &bob, Some(&phone("p-1")));
    assert_eq!(first.sees(1).message().log_id, ids[0]);
    assert_eq!(first.takes(2).message().log_id, ids[1]);
    assert_eq!(first.sees(3).message().log_id, ids[2]);
    // The author is told once the ack has arrived.
    let received: SignalReceived = author.takes(4).signal(SignalType::Received);
    assert_eq!(received.logs, [ids[1]]);
    drop(first);

    let mut second = server.client(Transport::WebSocket, &bob, Some(&phone("p-2")));
    assert_eq!(second.takes(1).message().log_id, ids[0]);
    assert_eq!(second.takes(2).message().log_id, ids[2]);
    let mut logs = Vec::new();
    for number in 5.. {
        let received: SignalReceived = author.takes(number).signal(SignalType::Received);
        logs.extend(received.logs);
        if logs.len() == 2 {
            break;
        }
    }
    assert_eq!(logs, [ids[0], ids[2]]);
    drop(second);

    // The first phone would receive again what it left unacknowledged: its session is kept for it.
    let mut third = server.client(Transport::HttpPort, &bob, Some(&phone("p-3")));
    third.beat();
    let new = author.ask(&to_user(&bob.uid, "m-4", "hi")).log_id;
    assert_eq!(third.takes(1).message().log_id, new);
}

#[test]
fn what_a_desktop_has_acknowledged_a_phone_still_gets() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut desktop = server.client(Transport::WebSocket, &bob, Some(&browser("b-1")));
    let mut author = server.client(Transport::Tcp, &alice, None);
    let log_id = author.ask(&to_user(&bob.uid, "m-1", "hi")).log_id;
    assert_eq!(desktop.takes(1).message().log_id, log_id);
    desktop.beat();
    drop(desktop);

    let mut again = server.client(Transport::WebSocket, &bob, Some(&browser("b-1")));
    again.beat();
    let mut mobile = server.client(Transport::Tcp, &bob, Some(&phone("p-1")));
    assert_eq!(mobile.takes(1).message().log_id, log_id);
}

#[test]
fn an_author_who_was_away_learns_later_what_was_received() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let author_phone = phone("p-1");
    let mut author = server.client(Transport::Tcp, &alice, Some(&author_phone));
    let log_id = author.ask(&to_user(&bob.uid, "m-1", "hi")).log_id;
    author.takes(1);
    author.beat();
    drop(author);
    server.awaits_metric("comet_gateway_sessions", 0);

    let mut mobile = server.client(Transport::Tcp, &bob, Some(&phone("p-2")));
    assert_eq!(mobile.takes(1).message().log_id, log_id);
    mobile.beat();
    // Mark and signal are created with the next stored message, at the latest.
    mobile.ask(&to_user(&bob.uid, "note", "to myself"));

    let mut author = server.client(Transport::Tcp, &alice, Some(&author_phone));
    let received: SignalReceived = author.takes(1).signal(SignalType::Received);
    assert_eq!(received.logs, [log_id]);
}

#[test]
fn a_desktop_that_pulls_and_then_connects_misses_nothing_between() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut author = server.client(Transport::Tcp, &alice, None);
    let pulled = author.ask(&to_user(&bob.uid, "m-1", "pulled")).log_id;
    let path = "/app/record/sync-record";
    let data = server.post(path, Some(&bob), r#"{"count":20}"#).data();
    assert_eq!(data["record_count"], 1);
    author.takes(1);
    let between = author.ask(&to_user(&bob.uid, "m-2", "between")).log_id;

    let mut desktop = server.client(Transport::WebSocket, &bob, Some(&browser("b-1")));
    let got = desktop.takes(1).message().log_id;
    assert!(got == between && got > pulled);
    desktop.beat();
}

#[test]
fn strange_acks_are_ignored() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut receiver = server.client(Transport::Tcp, &bob, Some(&phone("p-1")));
    let mut author = server.client(Transport::Tcp, &alice, None);
    // Future numbers, zero, the maximum.
    for delivery in [1, 0, 99, u32::MAX] {
        receiver.ack(delivery);
    }
    receiver.beat();
    let log_id = author.ask(&to_user(&bob.uid, "m-1", "hi")).log_id;
    author.takes(1);
    assert_eq!(receiver.takes(1).message().log_id, log_id);
    (0..3).for_each(|_| receiver.ack(1));
    receiver.beat();
    let received: SignalReceived = author.takes(2).signal(SignalType::Received);
    assert_eq!(received.logs, [log_id], "once");
    author.ask(&to_user(&bob.uid, "m-2", "hi"));
    is_next(&mut author, 3, "m-2");
}

fn is_next(client: &mut Client, delivery: u32, msg_id: &str) {
    assert_eq!(client.takes(delivery).message().msg_id, msg_id);
}
