//! What becomes of deliveries that nobody acknowledges.

use std::time::Duration;

use comet::{Closed, Delivery};

use crate::support::client::{Client, Next};
use crate::support::clock;
use crate::support::frame::{ack, delivery};
use crate::support::gateway::{Server, config};
use crate::support::place::{Place, everywhere};

/// A gateway, and one session on it.
fn session(place: Place, config: comet::Config) -> (Server, Client, comet::SessionId) {
    let server = Server::start(config);
    let client = server.client(place.transport, "alice", "lobby");
    let session = server.log.peer("alice").session();
    (server, client, session)
}

#[test]
fn an_unacked_delivery_comes_again_as_the_same_frame_backs_off_and_ends_the_session() {
    everywhere(|place| {
        let rto = Duration::from_millis(80);
        let limits = config(place.shards).rto(rto).delivery_attempts(4);
        let (server, mut client, session) = session(place, limits);
        let start = clock::now();
        server.gateway.push(session, Delivery::acked("hello")).unwrap();
        for doublings in [0, 1, 3, 7] {
            assert_eq!(client.receive(), delivery(1, b"hello"));
            assert!(clock::now() - start >= rto * doublings, "sent again too early");
        }
        assert_eq!(client.next(clock::deadline()), Next::Ended(place.transport.goodbye(1008)));
        assert!(clock::now() - start >= rto * 15, "given up too early");
        assert_eq!(server.log.closed("alice"), Closed::Unresponsive);
        assert_eq!(server.stats().resends, 3);
    });
}

#[test]
fn the_back_off_does_not_exceed_its_greatest() {
    everywhere(|place| {
        let rto = Duration::from_millis(20);
        let limits = config(place.shards).rto(rto).max_rto(2 * rto).delivery_attempts(20);
        let (server, mut client, session) = session(place, limits);
        let start = clock::now();
        server.gateway.push(session, Delivery::acked("hello")).unwrap();
        (0..20).for_each(|_| assert_eq!(client.receive(), delivery(1, b"hello")));
        assert!(clock::now() - start >= rto * 37);
        assert_eq!(server.log.closed("alice"), Closed::Unresponsive);
    });
}

#[test]
fn only_what_is_unacked_comes_again_oldest_first() {
    everywhere(|place| {
        let limits = config(place.shards).rto(Duration::from_millis(300));
        let (server, mut client, session) = session(place, limits);
        for number in 1..=6 {
            server.gateway.push(session, Delivery::acked(number.to_string())).unwrap();
        }
        let sent: Vec<_> = (1..=6).map(|seq| delivery(seq, seq.to_string())).collect();
        assert_eq!(client.receive_all(6), sent);
        client.send_all(&[ack(5), ack(2), ack(1)]);
        let again = [3, 4, 6].map(|seq| delivery(seq, seq.to_string()));
        assert_eq!(client.receive_all(3), again);
        client.send_all(&[ack(3), ack(4), ack(6)]);
        client.beat(2);
        assert_eq!((server.stats().acks, server.stats().resends), (6, 3));
    });
}

#[test]
fn a_new_delivery_is_sent_again_in_its_own_time_while_an_old_one_has_backed_off() {
    everywhere(|place| {
        let limits = config(place.shards).rto(Duration::from_millis(40)).delivery_attempts(20);
        let (server, mut client, session) = session(place, limits);
        server.gateway.push(session, Delivery::acked("old")).unwrap();
        // Sent at 0, 40, 120, 280, 600 and 1,240 ms, so that the next is 1,280 ms away.
        (0..6).for_each(|_| assert_eq!(client.receive(), delivery(1, b"old")));
        server.gateway.publish("lobby", Delivery::acked("new")).unwrap();
        (0..3).for_each(|_| assert_eq!(client.receive(), delivery(2, b"new")));
    });
}

#[test]
fn a_delivery_that_waited_for_the_window_is_sent_again_in_its_own_time() {
    everywhere(|place| {
        let rto = Duration::from_millis(40);
        let limits = config(place.shards).rto(rto).window(1).delivery_attempts(20);
        let (server, mut client, session) = session(place, limits);
        server.gateway.push(session, Delivery::acked("old")).unwrap();
        server.gateway.publish("lobby", Delivery::acked("new")).unwrap();
        (0..6).for_each(|_| assert_eq!(client.receive(), delivery(1, b"old")));
        let start = clock::now();
        client.send(&ack(1));
        (0..3).for_each(|_| assert_eq!(client.receive(), delivery(2, b"new")));
        let time = clock::now() - start;
        assert!(time >= rto * 3, "{time:?}");
        assert!(time < rto * 25, "waited for what had backed off: {time:?}");
    });
}

#[test]
fn nothing_is_sent_again_once_acked() {
    everywhere(|place| {
        let limits = config(place.shards).rto(Duration::from_millis(50));
        let (server, mut client, session) = session(place, limits);
        for round in 1..=3 {
            server.gateway.push(session, Delivery::acked("hello")).unwrap();
            client.takes(round, b"hello");
            client.beat(round);
        }
        client.hears_nothing_for(Duration::from_millis(200));
        assert_eq!(server.stats().resends, 0);
    });
}
