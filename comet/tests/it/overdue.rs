//! Deliveries that no peer has acknowledged for long: the router is told of each once.

use std::time::Duration;

use comet::{Config, Delivery, Target};
use comet_testkit::clock;
use comet_testkit::frame::{ack, delivery};

use crate::support::gateway::{Server, config};
use crate::support::log::Event;
use crate::support::place::{everywhere, on_sockets};

const AGE: Duration = Duration::from_millis(300);
/// No report comes before it. An age counts from the beginning of the turn that took the delivery,
/// which on a busy machine is some time before the push; exactness is tested on a virtual clock.
const EARLIEST: Duration = Duration::from_millis(150);

/// Sessions park, and deliveries are overdue long before they are sent again.
fn patient(shards: usize) -> Config {
    let config = config(shards).resume(|it| it.ttl = Duration::from_secs(60));
    config.delivery(|it| it.overdue = AGE)
}

/// The tags of this many reports, in order.
fn overdue(server: &Server, count: usize) -> Vec<u64> {
    server.log.collect(count, |event| match event {
        Event::Overdue(peer, tag) if peer.user() == "alice" => Some(*tag),
        _ => None,
    })
}

#[test]
fn a_delivery_without_an_ack_is_reported_once_at_its_age_and_one_with_an_ack_never() {
    everywhere(|place| {
        let server = Server::start(patient(place.shards));
        let mut client = server.client(place.transport, "alice", "lobby");
        let session = server.log.peer("alice").session();
        for (seq, body) in [(1, "first"), (2, "second"), (3, "third")] {
            server.gateway.push(session, Delivery::acked(body).tag(seq.into())).unwrap();
            assert_eq!(client.receive(), delivery(seq, body.as_bytes()));
        }
        client.send(&ack(2));
        client.beat(9);
        let start = clock::now();
        server.gateway.publish("lobby", Delivery::acked("fourth").tag(4)).unwrap();
        assert_eq!(client.receive(), delivery(4, b"fourth"));
        assert_eq!(overdue(&server, 3), [1, 3, 4]);
        assert!(clock::now() - start >= EARLIEST, "too early");
        client.send(&ack(1));
        client.beat(10);
        server.gateway.push(session, Delivery::acked("fifth").tag(5)).unwrap();
        assert_eq!(overdue(&server, 4), [1, 3, 4, 5], "the others not again");
    });
}

#[test]
fn what_a_parked_session_is_owed_is_reported_before_its_peer_is_back_and_not_again() {
    on_sockets(|place| {
        let server = Server::start(patient(place.shards));
        let mut client = server.client(place.transport, "alice@phone", "lobby");
        let peer = server.log.peer("alice");
        let (app, session) = (peer.app().to_owned(), peer.session());
        server.gateway.push(session, Delivery::acked("in flight").tag(1)).unwrap();
        assert_eq!(client.receive(), delivery(1, b"in flight"));
        drop(client);
        server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
        let start = clock::now();
        server.gateway.push(Target::user(&app, "alice"), Delivery::acked("kept").tag(2)).unwrap();
        server.gateway.publish("lobby", Delivery::acked("kept too").tag(3)).unwrap();
        assert_eq!(overdue(&server, 3), [1, 2, 3]);
        assert!(clock::now() - start >= EARLIEST, "too early");
        let mut back = server.client(place.transport, "alice@phone", "lobby");
        for (seq, body) in [(1, "in flight"), (2, "kept"), (3, "kept too")] {
            assert_eq!(back.receive(), delivery(seq, body.as_bytes()));
        }
        server.gateway.push(session, Delivery::acked("newer").tag(4)).unwrap();
        assert_eq!(overdue(&server, 4), [1, 2, 3, 4], "once each");
    });
}

#[test]
fn a_session_that_parked_with_nothing_to_acknowledge_is_reported_for_what_comes_then() {
    on_sockets(|place| {
        for by_room in [true, false] {
            let server = Server::start(patient(place.shards));
            let client = server.client(place.transport, "alice@phone", "lobby");
            let session = server.log.peer("alice").session();
            drop(client);
            server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
            let kept = Delivery::acked("kept").tag(7);
            match by_room {
                true => server.gateway.publish("lobby", kept).unwrap(),
                false => server.gateway.push(session, kept).unwrap(),
            }
            assert_eq!(overdue(&server, 1), [7]);
        }
    });
}
