//! What becomes of deliveries that nobody acknowledges. What must be acknowledged in time is in
//! `simulation::resend`, where time waits for the test.

use std::time::Duration;

use comet::{Closed, Delivery};
use comet_testkit::client::{Client, Next};
use comet_testkit::clock;
use comet_testkit::frame::delivery;

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
        let limits = config(place.shards).delivery(|it| {
            it.rto = rto;
            it.attempts = 4;
        });
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
        let limits = config(place.shards).delivery(|it| {
            it.rto = rto;
            it.max_rto = 2 * rto;
            it.attempts = 20;
        });
        let (server, mut client, session) = session(place, limits);
        let start = clock::now();
        server.gateway.push(session, Delivery::acked("hello")).unwrap();
        (0..20).for_each(|_| assert_eq!(client.receive(), delivery(1, b"hello")));
        assert!(clock::now() - start >= rto * 37);
        assert_eq!(server.log.closed("alice"), Closed::Unresponsive);
    });
}
