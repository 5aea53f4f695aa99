//! Sessions that outlive their connections: a device that comes back gets what it missed.

use std::time::Duration;

use comet::{Closed, Config, Delivery, SessionId, Target};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{ack, auth, delivery, frame, reply, say};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::{everywhere, on_sockets};
use crate::support::router::hold;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

fn parking(shards: usize) -> Config {
    config(shards).resume(|it| it.ttl = LONG)
}

fn parked(server: &Server, user: &str) -> (SessionId, Closed) {
    let seen = server.log.collect(1, |event| match event {
        Event::Parked(peer, closed) if peer.user() == user => {
            Some((peer.session(), closed.clone()))
        }
        _ => None,
    });
    seen[0].clone()
}

fn resumed(server: &Server, user: &str, count: usize) -> SessionId {
    let seen = server.log.collect(count, |event| match event {
        Event::Resumed(peer) if peer.user() == user => Some(peer.session()),
        _ => None,
    });
    seen[count - 1]
}

/// The application of the clients' auth frames.
fn app(server: &Server, user: &str) -> String {
    server.log.peer(user).app().to_owned()
}

fn bodies(client: &mut Client, count: usize) -> Vec<(u32, Vec<u8>)> {
    client.receive_all(count).into_iter().map(|got| (got.seq, got.body)).collect()
}

#[test]
fn a_device_that_comes_back_gets_what_it_did_not_acknowledge_and_what_it_missed_once() {
    on_sockets(|place| {
        let server = Server::start(parking(place.shards));
        let mut client = server.client(place.transport, "alice@phone", "lobby");
        let app = app(&server, "alice");
        for body in ["one", "two", "three"] {
            server.gateway.push(Target::user(&app, "alice"), Delivery::acked(body)).unwrap();
        }
        assert_eq!(client.receive_all(3).len(), 3);
        client.send(&ack(2));
        client.beat(9);
        client.socket.reset();
        let (session, closed) = parked(&server, "alice");
        assert_eq!(closed, Closed::Lost(std::io::ErrorKind::ConnectionReset));
        assert_eq!((server.stats().sessions, server.stats().parked), (0, 1));

        server.gateway.push(Target::user(&app, "alice"), Delivery::acked("four")).unwrap();
        server.gateway.publish("lobby", Delivery::acked("five")).unwrap();
        server.gateway.publish("lobby", Delivery::best_effort("noise")).unwrap();

        let mut client = server.client(place.transport, "alice@phone", "");
        let missed = bodies(&mut client, 4);
        let expected = [(1, "one"), (2, "three"), (3, "four"), (4, "five")];
        assert_eq!(missed, expected.map(|(seq, body)| (seq, body.as_bytes().to_vec())));
        assert_eq!(resumed(&server, "alice", 1), session, "it is the same session");

        for seq in 1..=4 {
            client.send(&ack(seq));
        }
        server.gateway.publish("lobby", Delivery::acked("six")).unwrap();
        assert_eq!(client.receive(), delivery(5, "six"), "it is still in its room");
        assert_eq!((server.stats().sessions, server.stats().parked), (1, 0));
    });
}

#[test]
fn a_session_is_resumed_over_another_transport() {
    let server = Server::start(parking(2));
    let client = server.client(Transport::Tcp, "alice@phone", "");
    let app = app(&server, "alice");
    drop(client);
    parked(&server, "alice");
    server.gateway.push(Target::user(&app, "alice"), Delivery::acked("missed")).unwrap();
    let mut client = server.client(Transport::WebSocket, "alice@phone", "");
    assert_eq!(client.receive(), delivery(1, "missed"));
}

#[test]
fn a_newer_connection_of_the_same_device_fences_the_older_one_out() {
    everywhere(|place| {
        let server = Server::start(parking(place.shards));
        let mut old = server.client(place.transport, "alice@phone", "");
        let app = app(&server, "alice");
        server.gateway.push(Target::user(&app, "alice"), Delivery::acked("unacked")).unwrap();
        assert_eq!(old.receive(), delivery(1, "unacked"));

        let mut new = server.client(place.transport, "alice@phone", "");
        assert_eq!(new.receive(), delivery(1, "unacked"));
        let goodbye = match place.transport {
            Transport::Tcp => Ending::Fin,
            Transport::WebSocket => Ending::Close(Some(1008)),
        };
        assert_eq!(old.ending(), goodbye);
        server.gateway.push(Target::user(&app, "alice"), Delivery::acked("newer")).unwrap();
        assert_eq!(new.receive(), delivery(2, "newer"));
        assert_eq!(server.stats().sessions, 1);
    });
}

#[test]
fn another_device_or_none_has_a_session_of_its_own() {
    let server = Server::start(parking(2));
    let mut phone = server.client(Transport::Tcp, "alice@phone", "");
    let mut desktop = server.client(Transport::Tcp, "alice@desktop", "");
    let mut nameless = server.client(Transport::Tcp, "alice", "");
    let app = app(&server, "alice");
    server.gateway.push(Target::user(&app, "alice"), Delivery::acked("all")).unwrap();
    for client in [&mut phone, &mut desktop, &mut nameless] {
        assert_eq!(client.receive(), delivery(1, "all"));
    }
    drop(nameless);
    assert_eq!(server.log.closed("alice"), Closed::ByPeer, "who has no device is not kept");
    assert_eq!(server.stats().parked, 0);
}

#[test]
fn who_says_that_it_leaves_is_not_kept() {
    everywhere(|place| {
        let server = Server::start(parking(place.shards));
        let mut client = server.client(place.transport, "alice@phone", "lobby");
        client.send(&frame(5, 7, ""));
        assert_eq!(server.log.closed("alice"), Closed::Left);
        server.is_deserted();
    });
}

#[test]
fn a_session_for_which_nobody_comes_back_ends_with_the_reason_it_was_parked_for() {
    everywhere(|place| {
        let brief = config(place.shards).resume(|it| it.ttl = Duration::from_millis(200));
        let server = Server::start(brief);
        server.client(place.transport, "alice@phone", "lobby").socket.reset();
        let (_, closed) = parked(&server, "alice");
        assert_eq!(server.log.closed("alice"), closed);
        server.is_deserted();
        assert_eq!(server.stats().parked, 0);
        let lives = server.log.lives();
        assert!(lives.values().all(|&life| life == (1, 1)), "{lives:?}");
    });
}

#[test]
fn what_a_parked_session_cannot_hold_is_a_gap_of_which_the_router_hears_in_its_turn() {
    let server = Server::start(parking(1).delivery(|it| {
        it.window = 1;
        it.queue = 2;
    }));
    drop(server.client(Transport::Tcp, "alice@phone", ""));
    let app = app(&server, "alice");
    parked(&server, "alice");
    for (position, body) in (7..).zip(["one", "two", "three", "four"]) {
        let delivery = Delivery::acked(body).position(position);
        server.gateway.push(Target::user(&app, "alice"), delivery).unwrap();
    }
    let mut back = server.client(Transport::Tcp, "alice@phone", "");
    back.takes(1, b"one");
    assert_eq!(server.log.gaps("alice"), [], "not before what came before it");
    back.takes(2, b"two");
    clock::eventually("the gap is told", || server.log.gaps("alice") == [(2, 9)]);
    server.gateway.push(Target::user(&app, "alice"), Delivery::acked("five")).unwrap();
    back.takes(3, b"five");
}

#[test]
fn replies_to_messages_of_the_old_connection_stay_away_from_the_new_one() {
    everywhere(|place| {
        let server = Setup::new(parking(place.shards)).on_message(hold).start();
        let mut old = server.client(place.transport, "alice@phone", "");
        old.send(&say(2, "old"));
        let late = server.log.held();
        old.socket.reset();
        parked(&server, "alice");
        let mut new = server.client(place.transport, "alice@phone", "");
        resumed(&server, "alice", 1);
        new.send(&say(2, "new"));
        late.receipt.ack("late");
        server.log.held().receipt.ack("right");
        assert_eq!(new.receive(), reply(2, "right"));
    });
}

#[test]
fn a_drain_does_not_wait_for_parked_sessions() {
    let mut server = Server::start(parking(2));
    drop(server.client(Transport::Tcp, "alice@phone", ""));
    parked(&server, "alice");
    server.gateway.drain(Duration::from_secs(10));
    server.wait();
    assert_eq!(server.log.closed("alice"), Closed::Draining);
}

#[test]
fn cutting_and_coming_back_many_times_loses_and_doubles_nothing() {
    everywhere(|place| {
        let server = Server::start(parking(place.shards));
        let mut client = server.client(place.transport, "alice@phone", "");
        let app = app(&server, "alice");
        let mut next: u32 = 0;
        let mut expected: u32 = 0;
        for round in 1..=10 {
            for _ in 0..7 {
                let body = next.to_be_bytes().to_vec();
                server.gateway.push(Target::user(&app, "alice"), Delivery::acked(body)).unwrap();
                next += 1;
            }
            // Gets all, acknowledges all but the last, then is cut off.
            for seq in 1..=7 {
                assert_eq!(client.receive(), delivery(seq, (expected + seq - 1).to_be_bytes()));
            }
            (1..=6).for_each(|seq| client.send(&ack(seq)));
            expected += 6;
            client.beat(100 + round);
            client.socket.reset();
            clock::eventually("the cut is noticed", || server.stats().parked == 1);
            client = server.connect(place.transport);
            client.send(&auth(1, "alice@phone", ""));
            assert_eq!(client.receive(), frame(2, 1, ""));
            clock::eventually("the session is resumed", || server.stats().parked == 0);
            let leftover = client.receive();
            assert_eq!(leftover, delivery(1, expected.to_be_bytes()));
            client.send(&ack(1));
            expected += 1;
            client.beat(200 + round);
            // What is pushed next goes to a connection that has counted nothing.
            client.socket.reset();
            clock::eventually("the cut is noticed", || server.stats().parked == 1);
            client = server.client(place.transport, "alice@phone", "");
            clock::eventually("the session is resumed", || server.stats().parked == 0);
        }
        assert_eq!(expected, next);
    });
}
